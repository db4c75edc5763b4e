"""A notebook makes an image of itself and runs it, by magics."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import docker
import pytest
from docker.errors import ImageNotFound
from playwright.sync_api import expect

from tests.browser.notebooks import write_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext, Page

    from tests.support.jupyter import JupyterServer

IMAGE = "by-magic:latest"
RUN_TIMEOUT = 240_000  # ms; a first build downloads the runner's packages


@pytest.fixture
def _no_image_left() -> Iterator[None]:
    yield
    with closing(docker.from_env()) as engine:
        try:
            engine.images.remove(IMAGE, force=True)
        except ImageNotFound:
            return


def run_next_cell(page: Page, count: int) -> None:
    """Run the selected cell, and wait until as many cells have run."""
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-CodeCell .jp-InputArea-prompt").nth(count - 1)).to_have_text(
        f"[{count}]:", timeout=60_000
    )


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("_no_image_left")
def test_a_notebook_runs_its_own_image_after_the_person_allowed_it(
    context: BrowserContext, jupyter: JupyterServer
) -> None:
    sources = (
        "weeks = 4\nfrom kernel_containers import scrap\nscrap('weeks', weeks)",
        "%load_ext kernel_containers",
        "run = %run_image --local -p weeks 13",
        "print(run.state, run.scraps)",
    )
    write_notebook(jupyter.root / "by magic.ipynb", sources)
    page = context.new_page()
    page.goto("/lab/tree/by%20magic.ipynb?reset")
    expect(page.get_by_role("button", name="| Idle")).to_be_visible(timeout=60_000)
    page.locator(".jp-CodeCell .cm-content").first.click()

    run_next_cell(page, 1)
    run_next_cell(page, 2)
    page.keyboard.press("Shift+Enter")
    question = page.get_by_role("dialog")
    expect(question).to_contain_text(
        "Code in this notebook asks to make an image of it.", timeout=60_000
    )
    question.get_by_role("button", name="Allow").click()

    outputs = page.locator(".jp-CodeCell").nth(2).locator(".jp-OutputArea-output")
    expect(outputs.last).to_contain_text("weeks = 13", timeout=RUN_TIMEOUT)
    expect(outputs.first).to_contain_text("containerize: succeeded")
    page.locator(".jp-CodeCell .cm-content").nth(3).click()
    page.keyboard.press("Shift+Enter")
    said = page.locator(".jp-CodeCell").nth(3).locator(".jp-OutputArea-output")
    expect(said).to_have_text("succeeded {'weeks': 13}\n")
