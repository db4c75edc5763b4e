"""From the launcher to a page with another value, as somebody does who never opens a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.notebooks import KERNEL_TITLE
from tests.browser.screens import BUILD_TIMEOUT, LAB, NOTEBOOK, Screens, expect_state

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page, Response

    from tests.support.registry import RegistryServer

CELLS = ("region = 'south'  # where", "assert region != 'nowhere'\nprint('sales of', region)")


def new_notebook(context: BrowserContext, application: str) -> Page:
    """Choose the containerized kernel in the launcher, or in Notebook's menu New."""
    page = context.new_page()
    if application == LAB:
        page.goto("/lab?reset")
        page.locator(f'.jp-LauncherCard[title*="{KERNEL_TITLE}"]').first.click()
        return page
    page.goto("/tree?reset")
    page.get_by_role("menuitem", name="New").click()
    with context.expect_page() as opened:
        page.get_by_role("menuitem", name=KERNEL_TITLE).click()
    return opened.value


@pytest.mark.full
@pytest.mark.timeout(900)
@pytest.mark.parametrize("application", [LAB, NOTEBOOK])
def test_a_new_notebook_becomes_an_image_that_runs_with_another_value(
    context: BrowserContext, registry: RegistryServer, pictures: Path, application: str
) -> None:
    page = new_notebook(context, application)
    screens = Screens(page, pictures, f"whole-{application[:3]}", application)
    wizard = screens.wizard
    cells = page.locator(".jp-Notebook .jp-CodeCell .cm-content")
    screens.wait_for_kernel()
    for index, source in enumerate(CELLS):
        cells.nth(index).fill(source)
        expect(cells.nth(index)).to_contain_text(source.splitlines()[0])
        cells.nth(index).press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output").first).to_have_text("sales of south\n")

    screens.open_wizard()
    wizard.get_by_label("Name", exact=True).fill("sales")
    screens.next("parameters")
    expect(wizard.get_by_role("checkbox", name="region", exact=True)).to_be_checked()
    screens.next("destination")
    screens.to_registry(registry.host, f"browser/whole-{application[:3]}")
    screens.review()
    screens.agree()
    expect_state(screens.start(), "succeeded")
    screens.look("done")
    run_with(screens, "nowhere", "failed")
    expect(wizard.get_by_text("A cell failed")).to_be_visible()
    expect(wizard.get_by_role("button", name="Open at the failed cell")).to_be_visible()
    screens.look("failed")
    run_with(screens, "north", "succeeded")
    screens.look("ran")

    expect(screens.open_result()).to_contain_text("sales of north")


def run_with(screens: Screens, region: str, state: str) -> None:
    """Run the image that the wizard shows, and wait until that has ended."""
    screens.wizard.get_by_role("button", name="Run now").click()
    screens.wizard.get_by_label("region (str)").fill(region)
    with screens.page.expect_response(_makes_a_job) as answered:
        screens.wizard.get_by_role("button", name="Run", exact=True).click()
    run = screens.wizard.locator(f'[data-job="{answered.value.json()["id"]}"]')
    expect_state(run, state)
    expect(screens.wizard.get_by_role("button", name="Open page")).to_be_visible(
        timeout=BUILD_TIMEOUT
    )


def _makes_a_job(answer: Response) -> bool:
    path = urlsplit(answer.url).path  # JupyterLab's client adds the time as a query
    return answer.request.method == "POST" and path.endswith("/api/jobs") and answer.ok
