"""A Jupyter server and a browser for all tests here."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from kernel_containers.engine.endpoint import find_endpoint
from kernel_containers.kernels import kernelspecs
from kernel_containers.kernels.config import KernelConfig
from tests.browser.notebooks import KERNEL, KERNEL_TITLE
from tests.support.jupyter import JupyterServer, start_jupyter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.s3 import S3Server

SALES = Path(__file__).parents[2] / "examples" / "sales"
PATIENCE = 60_000  # ms; most states come within one second on an idle machine
OPTIONS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


@pytest.fixture(scope="package")
def engine_socket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server looks for the engine: a link, so that a test can take it away."""
    found = find_endpoint({}).socket
    assert found
    path = tmp_path_factory.mktemp("engine") / "docker.sock"
    path.symlink_to(found)
    return path


@pytest.fixture(scope="package")
def jupyter(
    tmp_path_factory: pytest.TempPathFactory,
    kernel_image: str,
    shared_cache: Path,
    engine_socket: Path,
    s3: S3Server,
) -> Iterator[JupyterServer]:
    """A server with the example notebook in a folder with a space in its name, and a gallery."""
    folder = tmp_path_factory.mktemp("jupyter")
    environment = {
        "KERNEL_CONTAINERS_CACHE": str(shared_cache),
        "DOCKER_HOST": f"unix://{engine_socket}",
        **s3.environment(),
    }
    options = ["--KernelContainersApp.gallery=gallery"]
    server = start_jupyter(folder, environment, options=options)
    shutil.copytree(SALES, server.root / "North & South")
    config = KernelConfig(image=kernel_image, pool="off")
    kernelspecs.install(KERNEL, config, display_name=KERNEL_TITLE, prefix=str(server.prefix))
    yield server
    with server.client() as client:
        for session in client.get("/api/sessions").json():
            client.delete(f"/api/sessions/{session['id']}")
    server.stop()


# Playwright's event loop runs in this thread as long as the browser is there. A random order may
# put other packages' modules between the modules of this one, and asyncio there would fail.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if not program:
        pytest.fail("Chromium is missing; scripts/test installs it")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield started
        started.close()


@pytest.fixture
def context(browser: Browser, jupyter: JupyterServer) -> Iterator[BrowserContext]:
    """A window that is signed in."""
    opened = browser.new_context(
        base_url=jupyter.url,
        viewport={"width": 1280, "height": 800},
        permissions=["clipboard-read", "clipboard-write"],
    )
    opened.set_default_timeout(PATIENCE)
    opened.request.get(f"/api/me?token={jupyter.token}")
    yield opened
    opened.close()


@pytest.fixture(scope="package")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots are kept; pytest keeps the folders of its last runs."""
    return tmp_path_factory.mktemp("pictures")
