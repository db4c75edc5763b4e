"""The wizard in other themes, and in a window as small as one at 200 % zoom."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.notebooks import write_notebook
from tests.browser.screens import Screens
from tests.support.registry import start_registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

    from tests.support.jupyter import JupyterServer

SMALL = {"width": 640, "height": 400}
ODD = "año #1 50% שלום"  # what paths, titles and comments hold somewhere
SOURCES = (
    "region = 'south'  # one of north, south, east, west",
    "rtl = 'שלום עולם'  # תיאור בעברית",
    f"text = '{'long ' * 60}'",
    "a_name_that_is_" + "very_" * 12 + "long = 1",
    "api_key = 'hunter2hunter2'",
)


@contextmanager
def theme(jupyter: JupyterServer, name: str) -> Iterator[None]:
    """Let pages that are loaded now have another theme."""
    settings = jupyter.prefix / "config/lab/user-settings/@jupyterlab/apputils-extension"
    path = settings / "themes.jupyterlab-settings"
    path.write_text(json.dumps({"theme": name, "adaptive-theme": False}))
    yield
    path.unlink()


def check_fit(page: Page) -> None:
    """Assert that the dialog is as wide as its text, and that its buttons are not cut off."""
    wizard = page.locator(".jp-KernelContainers-wizard")
    assert wizard.evaluate("node => node.scrollWidth <= node.clientWidth")
    dialog = page.locator(".jp-KernelContainers-dialog .jp-Dialog-content").bounding_box()
    button = wizard.locator(".jp-KernelContainers-nav .jp-mod-accept").bounding_box()
    assert dialog
    assert button
    assert dialog["x"] >= 0
    assert dialog["x"] + dialog["width"] <= SMALL["width"]
    assert button["y"] + button["height"] <= dialog["y"] + dialog["height"]
    # Scrolled as it may be, the names of the steps are in sight first.
    assert page.locator(".jp-Dialog-body").evaluate("node => node.scrollTop") == 0


@pytest.mark.full
@pytest.mark.parametrize(
    "name", ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"]
)
def test_every_step_fits_and_can_be_read(
    context: BrowserContext, jupyter: JupyterServer, pictures: Path, tmp_path: Path, name: str
) -> None:
    (jupyter.root / ODD).mkdir(exist_ok=True)
    write_notebook(jupyter.root / ODD / f"{ODD}.ipynb", SOURCES, f"{ODD} " * 8)
    registry = start_registry(tmp_path / "registry", "htpasswd")
    page = context.new_page()
    page.set_viewport_size(SMALL)
    screens = Screens(page, pictures, name.replace(" ", "-"))
    wizard = screens.wizard

    def look(step: str) -> None:
        screens.look(step)
        check_fit(page)

    try:
        with theme(jupyter, name):
            page.goto(f"/lab/tree/{quote(f'{ODD}/{ODD}.ipynb')}?reset")
            expect(page.locator(".jp-Notebook .jp-Cell").first).to_be_visible()
            page.locator(".jp-Cell").first.click()
            page.keyboard.press("Escape")
            page.keyboard.press("Control+Shift+K")
            expect(wizard.get_by_label("Title")).not_to_have_value("")
            look("name")
            screens.next("parameters")
            expect(wizard.locator("[data-variable=api_key]")).to_contain_text("at each run")
            wizard.get_by_role("button", name="Change region").click()
            look("parameters")
            screens.next("destination")
            wizard.get_by_label("A registry").check()
            wizard.get_by_label("Registry", exact=True).fill(registry.host)
            expect(wizard.locator("[data-registry=sign-in]")).to_be_visible()
            look("sign-in")
            wizard.get_by_label("A folder").check()
            look("folder")
            screens.review()
            look("review")
            page.keyboard.press("Escape")
            expect(wizard).to_have_count(0)
    finally:
        registry.stop()
