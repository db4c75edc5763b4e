"""The wizard on pages that are left and on two at once, and before registries that allow little."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.notebooks import write_notebook
from tests.browser.screens import BUILD_TIMEOUT, LAB, NOTEBOOK, Screens, expect_state
from tests.support.faultproxy import FaultProxy

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import BrowserContext

    from tests.support.jupyter import JupyterServer
    from tests.support.registry import RegistryServer

pytestmark = pytest.mark.full
STEPS = ("name", "parameters", "destination", "review")


@pytest.mark.parametrize("application", [LAB, NOTEBOOK])
def test_a_page_that_was_left_or_reloaded_finds_each_step_again(
    context: BrowserContext, jupyter: JupyterServer, pictures: Path, application: str
) -> None:
    write_notebook(jupyter.root / "left.ipynb", ["weeks = 2"], "Left")
    page = context.new_page()
    screens = Screens(page, pictures, f"left-{application[:3]}", application)
    wizard = screens.wizard
    screens.goto("left.ipynb")
    screens.open_wizard()
    wizard.get_by_label("Title").fill("Typed by hand")

    for step in STEPS:
        if step != "name":
            screens.next(step)
        if step in STEPS[::2]:
            page.reload()
        else:
            page.goto("/tree")
            page.go_back()
        screens.wait_for_kernel()
        page.get_by_role("button", name="Containerize").click()
        expect(wizard.locator(f"[data-step={step}]")).to_be_visible()

    expect(wizard.locator("[data-plan]")).to_be_visible(timeout=BUILD_TIMEOUT)
    expect(wizard.get_by_text("Typed by hand")).to_be_visible()
    page.keyboard.press("Escape")


def test_a_second_page_at_its_review_hears_of_the_image_that_the_first_one_makes(
    context: BrowserContext, jupyter: JupyterServer, registry: RegistryServer, pictures: Path
) -> None:
    write_notebook(jupyter.root / "both.ipynb", ["weeks = 2"], "Both")
    pages = [context.new_page(), context.new_page()]
    first, second = (Screens(page, pictures, f"both-{i}") for i, page in enumerate(pages))
    with FaultProxy(registry.host) as proxy:
        held = proxy.add("hang", method="PUT", path="/manifests/", times=None)
        first.goto("both.ipynb")
        first.open_wizard()
        first.next("parameters")
        first.next("destination")
        first.to_registry(proxy.host, "browser/both")
        first.review()
        first.agree()
        second.goto("both.ipynb")
        pages[1].get_by_role("button", name="Containerize").click()
        # What was typed on the one page is known on the other.
        expect(second.wizard.locator("[data-plan]")).to_be_visible(timeout=BUILD_TIMEOUT)
        expect(second.wizard.get_by_text(f"{proxy.host}/browser/both:latest").first).to_be_visible()
        expect(second.wizard).not_to_contain_text("is being made already")
        job = first.start()
        expect(second.wizard).to_contain_text("is being made already")
        second.look("warned")
        expect(job.locator("[data-stage^=push]")).to_be_visible(timeout=BUILD_TIMEOUT)
        first.wizard.get_by_role("button", name="Stop", exact=True).click()
        expect_state(job, "cancelled")
        expect(second.wizard).not_to_contain_text("is being made already")
        assert held.kind == "hang"

    for page in pages:
        page.keyboard.press("Escape")


def test_a_registry_without_a_list_that_takes_no_images_is_told_and_another_place_is_chosen(
    context: BrowserContext, jupyter: JupyterServer, registry: RegistryServer, pictures: Path
) -> None:
    write_notebook(jupyter.root / "mirror.ipynb", ["weeks = 2"], "Mirror")
    page = context.new_page()
    screens = Screens(page, pictures, "mirror")
    wizard = screens.wizard
    with FaultProxy(registry.host) as proxy:
        proxy.add("status", method="GET", path="/_catalog", times=None, status=404)
        refusal = b'{"errors": [{"code": "UNSUPPORTED", "message": "this is a mirror"}]}'
        proxy.add("status", method="POST", path="/uploads/", times=None, status=405, body=refusal)
        screens.goto("mirror.ipynb")
        screens.open_wizard()
        screens.next("parameters")
        screens.next("destination")
        screens.to_registry(proxy.host, "browser/mirror")
        expect(wizard).to_contain_text("does not list its repositories")
        screens.look("destination")
        screens.review()
        screens.agree()
        expect_state(screens.start(), "failed")
        expect(wizard.get_by_role("alert")).to_contain_text("this is a mirror")
        expect(wizard.locator("[data-stage^=push]").last).to_contain_text("✕")
        screens.look("refused")

        wizard.get_by_role("button", name="Change something").click()
        wizard.get_by_role("button", name="Edit Image").click()
        wizard.get_by_label("A folder").check()
        screens.review()
        expect(wizard.get_by_text("oci:mirror-image")).to_be_visible()
        page.keyboard.press("Escape")
