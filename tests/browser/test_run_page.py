"""The page of a run in a browser without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.contract import IMAGE_VARIABLE
from kernel_containers.snapshot.interpreter import inspect_image
from tests.browser import run_page
from tests.runner.container import PYTHON, Containers, write_runner
from tests.runner.image import Finished, Image, edit_of, parameter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from kernel_containers.engine import Engine


@pytest.fixture(scope="module")
def finished(
    engine: Engine, kernel_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Finished]:
    """A failed run of a notebook with every kind of output."""
    runner = tmp_path_factory.mktemp("runner")
    write_runner(inspect_image(engine, kernel_image, PYTHON), runner)
    runner.chmod(0o755)
    image = Image(root=tmp_path_factory.mktemp("page"), runner=runner, cells=run_page.cells())
    image.parameters = (
        parameter("rows", "int", 1, edits=(edit_of(image.cells, 1, "1"),)),
        parameter("key", "str", secret=True),
    )
    containers = Containers(engine=engine, image=kernel_image, runner=runner)
    given = ("-p", "rows", "500", "-p", "key", "hunter2", "--output", f"file://{image.output}")
    name = f"registry.example/team/report@sha256:{'ab12' * 16}"
    yield containers.run(image, *given, environment={IMAGE_VARIABLE: name})
    containers.clean()


@pytest.fixture
def asked() -> list[str]:
    """The addresses that the page asks for."""
    return []


@pytest.fixture
def page(browser: Browser, finished: Finished, asked: list[str], tmp_path: Path) -> Iterator[Page]:
    """The page, opened from the folder; errors of its scripts fail the test."""
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    errors: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto((finished.run_folder / "notebook.html").as_uri())
    yield opened
    opened.screenshot(path=tmp_path / "page.png", full_page=True)
    context.close()
    assert errors == []


def test_every_kind_of_output_is_shown_without_a_network(
    page: Page, asked: list[str], finished: Finished
) -> None:
    assert finished.code == 1
    assert [url for url in asked if not url.startswith("data:")] == [page.url]
    assert finished.report["external_references"] == []
    sizes = page.eval_on_selector_all("img", "found => found.map(one => one.naturalWidth)")
    assert len(sizes) == 3  # the attachment, the plot and the SVG
    assert all(sizes)
    assert page.locator("#bars i").count() == 3
    assert page.locator("math").count() == 3
    assert page.locator("mfrac").count() >= 2
    assert page.locator("table.dataframe tbody tr").count() == 2
    assert page.locator("progress").get_attribute("value") == "7.0"
    red = page.locator(".ansi-red-fg", has_text="red").first
    assert red.evaluate("one => getComputedStyle(one).color") != "rgb(0, 0, 0)"
    for text in ("from stdout 500", "from stderr", "graph TD; A-->B", "marked", "7/10"):
        assert page.get_by_text(text, exact=False).first.is_visible()


def test_the_head_of_the_page_says_how_the_run_went(page: Page) -> None:
    head = page.get_by_role("region", name="Run")
    for text in ("failed", "10 of 11 ran", "registry.example/team/report@sha256:ab12", "500"):
        assert head.get_by_text(text).first.is_visible()
    assert head.get_by_role("row", name="key ********").is_visible()
    assert "hunter2" not in page.content()

    head.get_by_role("link", name="Go to cell 10").click()

    failing = page.locator(".jp-CodeCell", has_text="def deeper").last
    assert failing.evaluate("one => getComputedStyle(one).boxShadow") != "none"
    top = failing.evaluate("one => one.getBoundingClientRect().top")
    assert 0 <= top < 900
    # Of a long traceback the end is in sight.
    box = page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').last
    hidden = "one => one.getBoundingClientRect().bottom - one.lastElementChild"
    assert box.evaluate(f"{hidden}.getBoundingClientRect().bottom") >= 0
    unrun = page.locator(".jp-CodeCell", has_text="never").last
    assert unrun.evaluate("one => getComputedStyle(one, '::before').content") == '"not run"'


def test_the_page_fits_a_narrow_window_and_paper(page: Page) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400

    page.emulate_media(media="print")
    heights = page.eval_on_selector_all(
        '[data-mime-type="application/vnd.jupyter.stderr"]',
        "found => found.map(one => one.scrollHeight - one.clientHeight)",
    )
    assert heights
    assert max(heights) <= 1  # nothing is hidden behind a scroll bar
