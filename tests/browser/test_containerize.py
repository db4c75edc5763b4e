"""The Containerize button in JupyterLab and Notebook."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

    from tests.support.jupyter import JupyterServer

NOTEBOOK = "North & South/sales report.ipynb"


@pytest.mark.parametrize("application", ["lab/tree", "notebooks"])
def test_the_button_shows_the_command_for_this_notebook(
    context: BrowserContext, jupyter: JupyterServer, application: str
) -> None:
    page = context.new_page()
    page.goto(f"/{application}/{NOTEBOOK}")

    page.get_by_role("button", name="Containerize").click()
    dialog = page.get_by_role("dialog")
    command = dialog.get_by_label("Command").inner_text()
    dialog.get_by_role("button", name="Copy").click()

    expect(dialog).to_have_count(0)
    assert page.evaluate("navigator.clipboard.readText()") == command
    assert shlex.split(command) == [
        "kernel-containers",
        "containerize",
        str(jupyter.root / NOTEBOOK),
        "--kernel",
        "python3",
    ]
