"""What pages show and do while their server is slow, is gone, or was started again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from kernel_containers.kernels import kernelspecs
from kernel_containers.kernels.config import KernelConfig
from tests.browser.notebooks import KERNEL, KERNEL_TITLE, write_notebook
from tests.browser.screens import BUILD_TIMEOUT, Screens, expect_state
from tests.support.faultproxy import FaultProxy
from tests.support.jupyter import TOKEN, start_jupyter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Route

    from tests.support.jupyter import JupyterServer
    from tests.support.registry import RegistryServer

JOBS = re.compile(r"/kernel-containers/api/jobs(\?|$)")

pytestmark = pytest.mark.full


@pytest.fixture
def start(tmp_path: Path, kernel_image: str, shared_cache: Path) -> Callable[[int], JupyterServer]:
    """How to start a server at a port, with what an earlier one left."""

    def start(port: int) -> JupyterServer:
        environment = {"KERNEL_CONTAINERS_CACHE": str(shared_cache)}
        server = start_jupyter(tmp_path, environment, port=port)
        config = KernelConfig(image=kernel_image, pool="off")
        kernelspecs.install(KERNEL, config, display_name=KERNEL_TITLE, prefix=str(server.prefix))
        return server

    return start


def test_a_job_of_a_server_that_was_killed_is_lost_on_the_page_that_shows_it(
    browser: Browser,
    start: Callable[[int], JupyterServer],
    registry: RegistryServer,
    pictures: Path,
) -> None:
    server = start(0)
    write_notebook(server.root / "killed.ipynb", ["weeks = 2"], "Killed")
    context = browser.new_context(base_url=server.url)
    context.request.get(f"/api/me?token={TOKEN}")
    page = context.new_page()
    screens = Screens(page, pictures, "killed")
    try:
        with FaultProxy(registry.host) as proxy:
            proxy.add("hang", method="PUT", path="/manifests/", times=None)
            page.goto("/lab/tree/killed.ipynb?reset")
            screens.open_wizard()
            screens.next("parameters")
            screens.next("destination")
            screens.to_registry(proxy.host, "browser/killed")
            screens.review()
            screens.agree()
            job = screens.start()
            expect(job.locator("[data-stage^=push]")).to_be_visible(timeout=BUILD_TIMEOUT)
            server.server.process.kill()
            server.server.process.wait()
            expect(screens.wizard.get_by_role("alert")).to_contain_text("does not answer")
            expect(job.locator("[data-stage^=push]")).to_be_visible()
            screens.look("gone")
        server = start(urlsplit(server.url).port or 0)
        expect_state(job, "lost")
        expect(screens.wizard).to_contain_text("how it went is not known")
        expect(screens.wizard.get_by_role("button", name="Try again")).to_be_visible()
        screens.look("lost")
    finally:
        context.close()
        server.stop()


def test_what_was_clicked_twice_or_had_no_answer_is_one_job(
    context: BrowserContext, jupyter: JupyterServer, registry: RegistryServer, pictures: Path
) -> None:
    write_notebook(jupyter.root / "slow.ipynb", ["weeks = 2"], "Slow")
    page = context.new_page()
    screens = Screens(page, pictures, "slow")
    page.goto("/lab/tree/slow.ipynb?reset")
    expect(page.get_by_role("button", name="| Idle")).to_be_visible()
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "POST":
            held.append(route)
        else:
            route.fallback()

    screens.open_wizard()
    screens.next("parameters")
    screens.next("destination")
    with FaultProxy(registry.host) as proxy:
        proxy.add("status", method="PUT", path="/manifests/", times=None, status=403)
        screens.to_registry(proxy.host, "browser/slow")
        screens.review()
        screens.agree()
        page.route(JOBS, hold)
        start = screens.wizard.get_by_role("button", name="Containerize")
        with page.expect_request(JOBS):
            start.dblclick()
        expect(start).to_have_attribute("aria-busy", "true")
        screens.look("busy")
        (first,) = held
        first.fetch()  # the server has got it, and its answer is lost
        first.abort()
        expect(screens.wizard.get_by_role("alert")).to_contain_text("does not answer")
        page.unroute(JOBS)
        start.click()
        job = screens.wizard.locator("[data-job]").first
        expect_state(job, "failed")
        assert [made["title"] for made in jobs(jupyter)].count("Slow") == 1

        known = str(job.get_attribute("data-job"))
        held.clear()
        page.route(JOBS, hold)
        again = screens.wizard.get_by_role("button", name="Try again")
        with page.expect_request(JOBS):
            again.dblclick()
        expect(again).to_have_attribute("aria-busy", "true")
        held.pop().continue_()
        assert held == []
        page.unroute(JOBS)
        expect(job).not_to_have_attribute("data-job", known)
        expect_state(job, "failed")
    assert [made["title"] for made in jobs(jupyter)].count("Slow") == 2
    page.keyboard.press("Escape")


def jobs(jupyter: JupyterServer) -> list[dict[str, object]]:
    """Return what the server knows of its jobs."""
    with jupyter.client() as client:
        found: list[dict[str, object]] = client.get("/kernel-containers/api/jobs").json()["jobs"]
        return found


def test_a_notebook_that_is_gone_when_it_is_reviewed_is_told(
    context: BrowserContext, jupyter: JupyterServer, pictures: Path
) -> None:
    path = jupyter.root / "moved.ipynb"
    write_notebook(path, ["weeks = 2"], "Moved")
    page = context.new_page()
    screens = Screens(page, pictures, "moved")
    page.goto("/lab/tree/moved.ipynb?reset")
    expect(page.get_by_role("button", name="| Idle")).to_be_visible()
    screens.open_wizard()
    screens.next("parameters")
    screens.next("destination")
    path.rename(jupyter.root / "elsewhere.ipynb")

    screens.next("review")

    alert = screens.wizard.get_by_role("alert")
    expect(alert).to_contain_text("moved.ipynb")
    expect(screens.wizard.get_by_role("button", name="Containerize")).to_be_disabled()
    screens.look("gone")
    (jupyter.root / "elsewhere.ipynb").rename(path)
    screens.wizard.get_by_role("button", name="Try again").click()
    expect(screens.wizard.locator("[data-plan]")).to_be_visible(timeout=BUILD_TIMEOUT)
    page.keyboard.press("Escape")
