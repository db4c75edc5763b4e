"""The panel Containers: runs of an image, their results, and what differs between them."""

from __future__ import annotations

import io
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import docker
import httpx
import pytest
from docker.errors import ImageNotFound
from playwright.sync_api import expect

from tests.browser.notebooks import write_notebook
from tests.browser.screens import BUILD_TIMEOUT, Screens, expect_state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext

    from tests.support.jupyter import JupyterServer
    from tests.support.registry import RegistryServer

API = "/kernel-containers/api"
IMAGE = "browser-tests-panel:latest"
SOURCES = [
    "region = 'south'  # where\nweeks = 2",
    "print('weeks of', region, ':', weeks)",
    "assert weeks < 5, 'too many weeks'",
]


@pytest.fixture(scope="module")
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
        for name in (IMAGE, "browser-tests-copy:1", "browser-tests-copy:2"):
            with suppress(ImageNotFound):
                engine.images.remove(name, force=True)


def test_runs_of_an_image_are_started_compared_and_opened_at_the_cell_that_failed(
    context: BrowserContext, jupyter: JupyterServer, image: str, pictures: Path
) -> None:
    page = context.new_page()
    page.goto("/lab?reset")
    screens = Screens(page, pictures, "panel")
    screens.open_panel()
    panel = screens.panel
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
    # The newest is the first; other tests may have left theirs.
    panel.get_by_role("button", name="Run again").first.click()
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
    panel.get_by_label("Filter runs").fill(f"{image} failed 9")
    expect(panel.locator("li[data-job]")).to_have_count(1)
    panel.get_by_label("Filter runs").fill("")
    own = panel.locator("li[data-job]", has_text=image)
    for box in own.get_by_role("checkbox").all():
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


def test_a_sweep_is_told_by_one_message_and_its_runs_are_shared_from_s3(
    context: BrowserContext, jupyter: JupyterServer, image: str, bucket: str, pictures: Path
) -> None:
    page = context.new_page()
    page.goto("/lab?reset")
    screens = Screens(page, pictures, "sweep")
    screens.open_panel()
    panel = screens.panel

    panel.locator(f'[data-image="{image}"]').get_by_role("button", name="Run", exact=True).click()
    panel.get_by_label("Sweep").check()
    panel.get_by_label("weeks (int)").fill("1..2")
    panel.get_by_role("button", name="Output and limits").click()
    panel.get_by_label("Output", exact=True).fill(f"s3://{bucket}/team")
    screens.look("form")
    panel.get_by_role("button", name="Start 2 runs").click()
    expect(panel.get_by_role("tab", name="Runs")).to_have_attribute("aria-selected", "true")
    screens.toggle_panel()
    expect(page.locator(".jp-toast-message", has_text="2 jobs are in progress")).to_be_visible()
    expect(page.locator(".jp-toast-message", has_text="2 runs of")).to_contain_text("2 of them")
    assert page.locator(".jp-toast-message", has_text=": Succeeded").count() == 0

    screens.toggle_panel()
    panel.get_by_role("tab", name="Results").click()
    panel.get_by_label("Place of the results").fill(f"s3://{bucket}/team")
    panel.get_by_role("button", name="Show", exact=True).click()
    runs = panel.locator("li[data-run]")
    expect(runs).to_have_count(2)
    runs.first.get_by_role("button").click()
    panel.get_by_role("button", name="Open notebook").click()
    opened = page.locator(".jp-NotebookPanel:visible")
    expect(opened).to_contain_text("weeks of south : ")
    screens.look("result")
    panel.get_by_role("button", name="Publish").click()
    panel.get_by_label("Title").fill("Weeks of the south")
    screens.look("publish")
    panel.get_by_role("button", name="Publish").last.click()
    expect(panel.get_by_text("It is in the gallery")).to_be_visible()
    page.locator(".lm-TabBar-tabCloseIcon:visible").last.click()
    panel.get_by_role("button", name="Back").click()
    panel.get_by_role("tab", name="Gallery").click()
    card = panel.locator("li[data-card]", has_text="Weeks of the south")
    screens.look("gallery")
    (jupyter.root / "mine").mkdir()
    card.get_by_role("button", name="Clone").click()
    page.get_by_role("dialog").locator("[title^='Name: mine']").dblclick()
    expect(page.get_by_role("dialog").get_by_title("mine", exact=True)).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Select").click()
    expect(page.locator(".jp-NotebookPanel:visible")).to_contain_text("weeks of south")
    assert [path.name for path in (jupyter.root / "mine").glob("*.ipynb")] == ["panel.ipynb"]


def test_a_notebook_is_published_when_its_author_has_seen_what_looks_like_a_secret(
    context: BrowserContext, jupyter: JupyterServer, pictures: Path
) -> None:
    secret = f"AKIA{'QW3ERTYU' * 2}"
    write_notebook(jupyter.root / "shared.ipynb", [f"key = '{secret}'"], "Shared")
    page = context.new_page()
    page.goto("/lab/tree/shared.ipynb?reset")
    screens = Screens(page, pictures, "share")
    expect(page.locator(".jp-NotebookPanel:visible")).to_contain_text("Shared")

    page.get_by_role("menuitem", name="File", exact=True).click()
    page.get_by_role("menuitem", name="Publish to Gallery").click()
    screens.wizard.get_by_role("button", name="Publish").click()
    expect(screens.wizard.get_by_role("alert")).to_contain_text("Likely secrets")
    screens.look("refused")
    cards = [path.read_text() for path in jupyter.root.glob("gallery/*/card.json")]
    assert not any("Shared" in card for card in cards)
    screens.wizard.get_by_role("button", name="None of these is a secret").click()
    expect(screens.wizard.get_by_text("It is in the gallery")).to_be_visible()
    screens.look("published")
    screens.wizard.get_by_role("button", name="Close", exact=True).click()
    screens.open_panel()
    screens.panel.get_by_role("tab", name="Gallery").click()
    expect(screens.panel.locator("li[data-card]", has_text="Shared")).to_be_visible()


@pytest.mark.full
def test_an_image_is_shown_pushed_and_deleted_and_space_is_told(
    context: BrowserContext,
    image: str,
    registry: RegistryServer,
    pictures: Path,
) -> None:
    # Another one than the other tests have, as it is deleted.
    first, second = "browser-tests-copy:1", "browser-tests-copy:2"
    with closing(docker.from_env()) as engine:
        text = io.BytesIO(f"FROM {image}\nLABEL copy=yes".encode())
        copy, _ = engine.images.build(fileobj=text, tag=first, rm=True)
        copy.tag("browser-tests-copy", "2")
    page = context.new_page()
    page.goto("/lab?reset")
    screens = Screens(page, pictures, "image")
    screens.open_panel()
    panel = screens.panel

    # An image with several names is listed by the first, and tells the others.
    row = panel.locator(f'[data-image="{first}"]')
    expect(row).to_contain_text(f"also {second}")
    row.get_by_role("button", name=first, exact=True).click()
    command = panel.get_by_label("Command to run it", exact=True)
    expect(command).to_contain_text("docker run --rm")
    expect(panel.get_by_text("where", exact=True)).to_be_visible()  # the description of a parameter
    panel.get_by_role("button", name="panel.ipynb").click()
    expect(page.locator(".jp-NotebookPanel:visible")).to_contain_text("weeks of")
    panel.get_by_role("button", name="Push").click()
    panel.get_by_label("To", exact=True).fill(f"{registry.host}/browser/pushed:1")
    panel.get_by_label("Create the repository").check()
    screens.look("push")
    panel.get_by_role("button", name="Push").last.click()
    expect_state(panel.locator(".jp-KernelContainers-job"), "succeeded")
    answer = httpx.get(f"{registry.url}/v2/browser/pushed/tags/list").json()
    assert answer["tags"] == ["1"]

    panel.get_by_role("button", name="Free space").click()
    expect(panel.get_by_text("these stay")).to_be_visible()
    screens.look("space")
    panel.get_by_role("button", name="Back").click()
    panel.get_by_role("button", name="Back").click()
    panel.get_by_role("button", name="Back").click()
    row.get_by_role("button", name="Delete").click()
    screens.look("delete")
    row.get_by_role("button", name="Keep").click()
    row.get_by_role("button", name="Delete").click()
    row.get_by_role("button", name="Delete", exact=True).click()
    expect(row).to_have_count(0)
    with closing(docker.from_env()) as engine, pytest.raises(ImageNotFound):
        engine.images.get(second)


@pytest.mark.full
def test_the_keyboard_leads_through_the_panel_and_back_to_where_it_was(
    context: BrowserContext, image: str, pictures: Path
) -> None:
    page = context.new_page()
    page.goto("/lab?reset")
    screens = Screens(page, pictures, "panel-keys")
    expect(page.locator(".jp-Launcher")).to_be_visible()  # which takes the focus when it opens
    screens.open_panel()
    panel = screens.panel
    row = panel.locator(f'[data-image="{image}"]')
    name = row.get_by_role("button", name=image, exact=True)

    panel.get_by_role("tab", name="Images").focus()
    page.keyboard.press("ArrowRight")
    expect(panel.get_by_role("tab", name="Runs")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(panel.get_by_role("tab", name="Images")).to_be_focused()
    name.focus()
    page.keyboard.press("Enter")
    expect(panel.get_by_role("heading", name=image)).to_be_focused()
    page.keyboard.press("Tab")
    expect(panel.get_by_role("button", name="Run", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(panel.get_by_label("region (str)")).to_be_focused()
    screens.look("form")
    page.keyboard.press("Escape")
    expect(panel.get_by_role("button", name="Run", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(name).to_be_focused()

    row.get_by_role("button", name="Delete…").focus()
    page.keyboard.press("Enter")
    expect(row.get_by_role("button", name="Keep")).to_be_focused()
    screens.look("question")
    page.keyboard.press("Escape")
    expect(row.get_by_role("button", name="Delete…")).to_be_focused()


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
