"""Which files the image gets, as a person decides it in the review."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.notebooks import write_notebook
from tests.browser.screens import Screens

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Locator

    from tests.support.jupyter import JupyterServer


def unfold(wizard: Locator, title: str) -> Locator:
    """Show what is below a heading, and return that."""
    fold = wizard.locator(".jp-KernelContainers-fold", has_text=title)
    heading = fold.get_by_role("button", name=title)
    if heading.get_attribute("aria-expanded") == "false":
        heading.press("Enter")
    return fold


@pytest.mark.full
def test_files_are_left_out_and_added_by_keyboard_and_each_fact_is_told_once(
    context: BrowserContext, jupyter: JupyterServer, pictures: Path
) -> None:
    folder = jupyter.root / "files"
    folder.mkdir()
    (folder / "helper.py").write_text("x = 1\n")
    (jupyter.root / "elsewhere").mkdir()
    (jupyter.root / "elsewhere" / "data.csv").write_text("a\n1\n")
    write_notebook(folder / "files.ipynb", ["import helper", "open('gone.csv').read()"], "Files")
    page = context.new_page()
    page.goto("/lab/tree/files/files.ipynb?reset")
    screens = Screens(page, pictures, "files")
    wizard = screens.wizard
    screens.open_wizard()
    screens.next("parameters")
    screens.next("destination")
    screens.review()

    expect(wizard.get_by_text("There is no file gone.csv")).to_have_count(1)
    files = unfold(wizard, "Files: 2")
    leave_out = files.get_by_role("button", name=f"Leave out: {folder / 'helper.py'}")
    leave_out.press("Enter")
    expect(wizard.get_by_role("button", name="Files: 1")).to_be_focused()
    left_out = unfold(wizard, "Left out: 1")
    expect(left_out.locator("li")).to_contain_text("helper.py")

    added = unfold(wizard, "Add files")
    path = wizard.get_by_label("Another file or folder")
    expect(added.locator("option[value='files/helper.py']")).to_be_attached()
    path.fill("elsewhere/")
    expect(wizard.locator("option[value='elsewhere/data.csv']")).to_be_attached()
    path.fill("elsewhere/data.csv")
    path.press("Enter")
    expect(wizard.get_by_role("button", name="Files: 2")).to_be_visible()
    command = unfold(wizard, "The same in a terminal").get_by_role("textbox")
    expect(command).to_contain_text(f"--include {jupyter.root / 'elsewhere' / 'data.csv'}")
    expect(command).to_contain_text(f"--exclude {folder / 'helper.py'}")
    screens.look("review")

    path.fill("elsewhere/nothing.csv")
    path.press("Enter")
    expect(wizard.get_by_role("alert")).to_contain_text("nothing.csv to include")
    wizard.get_by_role("button", name="Remove: elsewhere/nothing.csv").press("Enter")
    expect(wizard.get_by_role("alert")).to_have_count(0)
    unfold(wizard, "Left out: 1").get_by_role("button", name="Put back").press("Enter")
    expect(wizard.get_by_role("button", name="Files: 3")).to_be_visible()
