"""The panel Containers: runs of an image, their results, and what differs between them."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

import docker
import pytest
from playwright.sync_api import expect

from tests.browser.notebooks import write_notebook
from tests.browser.screens import BUILD_TIMEOUT, Screens, expect_state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext

    from tests.support.jupyter import JupyterServer

API = "/kernel-containers/api"
IMAGE = "browser-tests-panel:latest"
SOURCES = [
    "region = 'south'  # where\nweeks = 2",
    "print('weeks of', region, ':', weeks)",
    "assert weeks < 5, 'too many weeks'",
]


@pytest.fixture
def image(jupyter: JupyterServer) -> Iterator[str]:
    """An image in the engine, made by that server."""
    write_notebook(jupyter.root / "panel.ipynb", SOURCES, "Panel")
    plan = {"notebook": "panel.ipynb", "to": f"docker:{IMAGE}"}
    with jupyter.client() as client:
        body = {"kind": "containerize", "plan": plan, "overwrite": True}
        job = client.post(f"{API}/jobs", json=body).json()
        deadline = time.monotonic() + BUILD_TIMEOUT / 1000
        while job["finished"] is None and time.monotonic() < deadline:
            time.sleep(0.2)
            job = client.get(f"{API}/jobs/{job['id']}").json()
        assert job["state"] == "succeeded", job
    yield IMAGE
    with closing(docker.from_env()) as engine:
        engine.images.remove(IMAGE, force=True)


def test_runs_of_an_image_are_started_compared_and_opened_at_the_cell_that_failed(
    context: BrowserContext, jupyter: JupyterServer, image: str, pictures: Path
) -> None:
    page = context.new_page()
    page.goto("/lab?reset")
    screens = Screens(page, pictures, "panel")
    screens.open_panel()
    panel = page.locator(".jp-KernelContainers-panel")
    row = panel.locator(f'[data-image="{image}"]')
    screens.look("images")

    row.get_by_role("button", name="Run", exact=True).click()
    panel.get_by_label("weeks (int)").fill("3")
    screens.look("form")
    panel.get_by_role("button", name="Run", exact=True).click()
    expect_state(panel.locator(".jp-KernelContainers-job"), "succeeded")
    expect(panel.get_by_label("Log").last).to_contain_text("weeks of south : 3")
    expect(panel.get_by_role("button", name="Open notebook")).to_be_visible()
    screens.look("succeeded")

    panel.get_by_role("button", name="Back").click()
    panel.get_by_role("button", name="Run again").click()
    expect(panel.get_by_label("weeks (int)")).to_have_value("3")
    panel.get_by_label("weeks (int)").fill("9")
    panel.get_by_role("button", name="Run", exact=True).click()
    expect_state(panel.locator(".jp-KernelContainers-job"), "failed")
    expect(panel.get_by_text("A cell failed")).to_be_visible()
    expect(panel.get_by_role("button", name="Open at the failed cell")).to_be_visible()
    screens.look("failed")
    panel.get_by_role("button", name="Open at the failed cell").click()
    notebook = page.locator(".jp-NotebookPanel:visible")
    expect(notebook.locator(".jp-mod-active")).to_contain_text("assert weeks < 5")

    panel.get_by_role("button", name="Back").click()
    panel.get_by_label("Filter runs").fill("failed 9")
    expect(panel.locator("li[data-job]")).to_have_count(1)
    panel.get_by_label("Filter runs").fill("")
    for box in panel.get_by_role("checkbox").all():
        box.check()
    screens.look("runs")
    panel.get_by_role("button", name="Compare", exact=True).click()
    dialog = screens.wizard
    expect(dialog.locator("tr.jp-mod-differs", has_text="weeks")).to_be_visible()
    screens.look("compare")
    dialog.get_by_role("button", name="Close", exact=True).click()

    panel.get_by_role("tab", name="Results").click()
    results = panel.locator("li[data-run]")
    expect(results.first).to_contain_text("A cell failed")
    screens.look("results")
    results.nth(1).get_by_role("button").click()
    panel.get_by_role("button", name="Open page").click()
    frame = page.locator("iframe[sandbox]").content_frame
    expect(frame.locator("body")).to_contain_text("weeks of south : 3")


@pytest.mark.full
@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Dark High Contrast"])
def test_screens_are_readable_in_dark_themes(
    context: BrowserContext, jupyter: JupyterServer, image: str, pictures: Path, theme: str
) -> None:
    settings = "/lab/api/settings/@jupyterlab/apputils-extension:themes"
    with jupyter.client() as client:
        client.put(settings, json={"raw": f'{{"theme": "{theme}"}}'}).raise_for_status()
        try:
            page = context.new_page()
            page.goto("/lab/tree/panel.ipynb?reset")
            expect(page.locator("body[data-jp-theme-light=false]")).to_be_attached()
            screens = Screens(page, pictures, theme.replace(" ", "-"))
            screens.open_panel()
            expect(page.locator(f'[data-image="{image}"]')).to_be_visible()
            screens.look("panel")
            screens.open_wizard()
            screens.look("name")
            screens.next("parameters")
            screens.look("parameters")
            screens.next("destination")
            screens.look("destination")
            screens.review()
            screens.look("review")
        finally:
            client.put(settings, json={"raw": "{}"}).raise_for_status()
