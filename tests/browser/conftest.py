"""A Jupyter server and a browser for all tests here."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.support.jupyter import JupyterServer, start_jupyter

if TYPE_CHECKING:
    from collections.abc import Iterator

REPORT = Path(__file__).parents[2] / "examples" / "sales" / "report.ipynb"
OPTIONS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


@pytest.fixture(scope="package")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """A server with the example notebook in a folder with a space in its name."""
    server = start_jupyter(tmp_path_factory.mktemp("jupyter"))
    folder = server.root / "North & South"
    folder.mkdir()
    shutil.copy(REPORT, folder / "sales report.ipynb")
    yield server
    server.stop()


# Playwright's event loop runs in this thread as long as the browser is there. A random order may
# put other packages' modules between the modules of this one, and asyncio there would fail.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if not program:
        pytest.fail("Chromium is missing; scripts/test installs it")
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
    opened.request.get(f"/api/me?token={jupyter.token}")
    yield opened
    opened.close()
