"""The wizard where something is not as usual."""

from __future__ import annotations

import gzip
import os
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import pytest
from docker.errors import ImageNotFound
from playwright.sync_api import expect

from tests.browser.notebooks import use_kernel, write_notebook
from tests.browser.screens import BUILD_TIMEOUT, LAB, NOTEBOOK, Screens, expect_state
from tests.support.faultproxy import FaultProxy
from tests.support.registry import start_registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import BrowserContext, Page, Response, Route

    from tests.support.jupyter import JupyterServer
    from tests.support.registry import RegistryServer


# Times in the page, from the click on: those of this process would count Playwright's own work.
WATCH_THE_OPENING = """() => {
  let clicked = 0;
  document.addEventListener('click', () => (clicked = performance.now()),
    {capture: true, once: true});
  const opening = (window.opening = {});
  const look = () => {
    const title = document.querySelector('#jp-kc-title');
    if (title) opening.shown ??= Math.round(performance.now() - clicked);
    if (title?.value) opening.filled = Math.round(performance.now() - clicked);
    else requestAnimationFrame(look);
  };
  look();
}"""


@contextmanager
def removed_after(name: str) -> Iterator[None]:
    """Remove an image at the end."""
    try:
        yield
    finally:
        with closing(docker.from_env()) as engine, suppress(ImageNotFound):
            engine.images.remove(name, force=True)


def test_what_was_typed_and_changed_outlives_a_reload(
    context: BrowserContext, jupyter: JupyterServer, pictures: Path
) -> None:
    write_notebook(jupyter.root / "draft.ipynb", ["weeks = 2  # how long"], "Draft")
    page = context.new_page()
    page.goto("/lab/tree/draft.ipynb?reset")
    screens = Screens(page, pictures, "draft")
    wizard = screens.wizard

    screens.open_wizard()
    wizard.get_by_label("Title").fill("Typed by hand")
    screens.next("parameters")
    wizard.get_by_role("button", name="Change weeks").click()
    wizard.get_by_label("Type").select_option("float")
    wizard.get_by_label("Default", exact=True).fill("many")
    expect(wizard.get_by_role("alert")).to_contain_text("A number is needed")
    expect(wizard.get_by_role("button", name="Next")).to_be_disabled()
    wizard.get_by_label("Default", exact=True).fill("1.5")
    screens.look("change")
    page.reload()
    page.get_by_role("button", name="Containerize").click()
    row = wizard.locator("[data-variable=weeks]")
    expect(row).to_contain_text("float")
    expect(row).to_contain_text("1.5")

    wizard.get_by_role("button", name="Name", exact=False).first.click()
    expect(wizard.get_by_label("Title")).to_have_value("Typed by hand")
    screens.look("restored")
    wizard.get_by_role("button", name="Start over").click()
    expect(wizard.get_by_label("Title")).to_have_value("Draft")
    page.keyboard.press("Escape")


@pytest.mark.full
def test_a_double_click_opens_one_wizard_and_enter_leads_on(
    context: BrowserContext, jupyter: JupyterServer, pictures: Path
) -> None:
    write_notebook(jupyter.root / "once.ipynb", ["weeks = 2"], "Once")
    page = context.new_page()
    page.goto("/lab/tree/once.ipynb?reset")
    screens = Screens(page, pictures, "once")
    wizard = screens.wizard
    expect(page.get_by_role("button", name="| Idle")).to_be_visible()

    page.get_by_role("button", name="Containerize").dblclick()
    name = wizard.get_by_label("Name", exact=True)
    expect(name).to_have_value("once")
    name.fill("Not a name")
    name.press("Enter")
    expect(wizard.locator("[data-step=name]")).to_be_visible()
    name.fill("a-name")
    name.press("Enter")
    expect(wizard.locator("[data-step=parameters]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(wizard).to_have_count(0)
    page.get_by_role("button", name="Containerize").click()
    expect(wizard).to_have_count(1)
    page.keyboard.press("Escape")


@pytest.mark.full
def test_a_notebook_that_can_not_be_saved_is_taken_as_it_was_saved_last(
    context: BrowserContext, jupyter: JupyterServer, pictures: Path
) -> None:
    write_notebook(jupyter.root / "locked.ipynb", ["weeks = 2"], "Locked")
    page = context.new_page()
    page.goto("/lab/tree/locked.ipynb?reset")
    screens = Screens(page, pictures, "locked")
    wizard = screens.wizard
    expect(page.get_by_role("button", name="| Idle")).to_be_visible()

    def refuse(route: Route) -> None:
        if route.request.method == "PUT":
            route.fulfill(status=403, json={"message": "Permission denied: locked.ipynb"})
        else:
            route.fallback()

    page.route("**/api/contents/locked.ipynb*", refuse)
    cell = page.locator(".jp-CodeCell .cm-content").first
    cell.fill("weeks = 99")
    expect(cell).to_have_text("weeks = 99")
    page.get_by_role("button", name="Containerize").click()
    expect(wizard).to_contain_text("Permission denied")
    wizard.get_by_role("button", name="Close").click()
    expect(wizard).to_contain_text("could not be saved")
    screens.look("name")
    screens.next("parameters")
    expect(wizard.locator("[data-variable=weeks]")).to_contain_text("2")
    page.keyboard.press("Escape")


def test_the_environment_of_a_local_kernel_is_planned_while_it_runs(
    context: BrowserContext, jupyter: JupyterServer, pictures: Path
) -> None:
    write_notebook(jupyter.root / "local.ipynb", ["weeks = 2"], "Local", kernel="python3")
    page = context.new_page()
    page.goto("/lab/tree/local.ipynb?reset")
    screens = Screens(page, pictures, "local")
    expect(page.get_by_role("button", name="| Idle")).to_be_visible()

    screens.open_wizard()
    screens.next("parameters")
    screens.next("destination")
    screens.review()

    screens.look("review")
    expect(screens.wizard.get_by_role("alert")).to_have_count(0)
    page.keyboard.press("Escape")


@pytest.mark.parametrize("application", [LAB, pytest.param(NOTEBOOK, marks=pytest.mark.full)])
def test_without_an_engine_panel_and_wizard_say_so_where_they_are(
    context: BrowserContext,
    jupyter: JupyterServer,
    engine_socket: Path,
    pictures: Path,
    application: str,
) -> None:
    write_notebook(jupyter.root / "away.ipynb", ["weeks = 2"], "Away")
    page = context.new_page()
    screens = Screens(page, pictures, f"away-{application[:3]}", application)
    screens.goto("away.ipynb")
    real = engine_socket.readlink()
    screens.open_panel()
    expect(screens.panel.get_by_role("tabpanel")).to_be_visible()
    engine_socket.unlink()
    try:
        screens.panel.get_by_role("tab", name="Runs").click()
        screens.panel.get_by_role("tab", name="Images").click()
        expect(screens.panel.get_by_role("alert")).to_contain_text(str(engine_socket))
        screens.look("panel")
        screens.open_wizard()
        screens.next("parameters")
        screens.next("destination")
        screens.next("review")
        expect(screens.wizard.get_by_role("alert").first).to_contain_text(str(engine_socket))
        screens.look("review")
    finally:
        engine_socket.symlink_to(real)
    screens.wizard.get_by_role("button", name="Try again").first.click()
    expect(screens.wizard.locator("[data-plan]")).to_be_visible(timeout=BUILD_TIMEOUT)
    page.keyboard.press("Escape")


@pytest.mark.full
def test_the_values_of_the_running_kernel_are_offered_as_defaults(
    context: BrowserContext, jupyter: JupyterServer, pictures: Path
) -> None:
    write_notebook(jupyter.root / "live.ipynb", ["weeks = 2", "weeks = weeks + 5\nprint(weeks)"])
    page = context.new_page()
    page.goto("/lab/tree/live.ipynb?reset")
    screens = Screens(page, pictures, "live")
    wizard = screens.wizard
    expect(page.get_by_role("button", name="| Idle")).to_be_visible()
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output")).to_have_text("7\n")

    screens.open_wizard()
    screens.next("parameters")
    row = wizard.locator("[data-variable=weeks]")
    row.get_by_role("button", name="now 7").click()
    expect(row.locator(".jp-KernelContainers-value")).to_have_text("7")
    screens.look("taken")
    row.get_by_role("button", name="cell 1").click()
    expect(wizard).to_have_count(0)
    expect(page.locator(".jp-Notebook .jp-Cell").first).to_contain_text("weeks = 2")
    expect(page.locator(".jp-Notebook .jp-mod-active")).to_contain_text("weeks = 2")


@pytest.mark.full
def test_one_signs_in_at_a_registry_inside_of_the_wizard(
    context: BrowserContext, jupyter: JupyterServer, tmp_path: Path, pictures: Path
) -> None:
    write_notebook(jupyter.root / "signed.ipynb", ["weeks = 2"], "Signed")
    registry = start_registry(tmp_path / "registry", "htpasswd")
    page = context.new_page()
    page.goto("/lab/tree/signed.ipynb?reset")
    screens = Screens(page, pictures, "sign-in")
    wizard = screens.wizard
    try:
        screens.open_wizard()
        screens.next("parameters")
        screens.next("destination")
        wizard.get_by_label("A registry").check()
        wizard.get_by_label("Registry", exact=True).fill(registry.host)
        expect(wizard.locator("[data-registry=sign-in]")).to_be_visible()
        wizard.get_by_label("User").fill(registry.username or "")
        wizard.get_by_label("Password or token").fill("wrong")
        wizard.get_by_role("button", name="Sign in").click()
        expect(wizard.get_by_role("alert").last).to_contain_text("401")
        screens.look("refused")
        wizard.get_by_label("Password or token").fill(registry.password or "")
        wizard.get_by_role("button", name="Sign in").click()
        expect(wizard.locator("[data-registry=ready]")).to_be_visible()
        screens.look("ready")
        assert str(registry.password) not in page.content()
        page.keyboard.press("Escape")
    finally:
        registry.stop()


@pytest.mark.full
@pytest.mark.timeout(900)
@pytest.mark.parametrize("application", [LAB, NOTEBOOK])
def test_two_jobs_go_on_at_once_and_the_same_notebook_is_warned_of(
    context: BrowserContext,
    jupyter: JupyterServer,
    registry: RegistryServer,
    pictures: Path,
    application: str,
) -> None:
    for name in ("one", "two"):
        write_notebook(jupyter.root / f"{name}.ipynb", [f"name = '{name}'"], name.title())
    page = context.new_page()
    screens = Screens(page, pictures, f"twice-{application[:3]}", application)
    with FaultProxy(registry.host) as proxy:
        proxy.add("hang", method="PUT", path="/manifests/", times=None)
        for name in ("one", "two"):
            screens.goto(f"{name}.ipynb")
            screens.open_wizard()
            screens.next("parameters")
            screens.next("destination")
            screens.to_registry(proxy.host, f"browser/{name}")
            screens.review()
            screens.agree()
            job = screens.start()
            expect(job.locator("[data-stage^=push]")).to_be_visible(timeout=BUILD_TIMEOUT)
            page.keyboard.press("Escape")
        screens.open_panel()
        active = screens.panel.get_by_role("region", name="In progress")
        expect(active.locator("li[data-job]")).to_have_count(2)
        screens.look("panel")

        screens.toggle_panel()
        screens.open_wizard()  # the same notebook once more
        screens.next("parameters")
        screens.next("destination")
        screens.review()
        expect(screens.wizard).to_contain_text("is being made already")
        page.keyboard.press("Escape")
        screens.toggle_panel()
        for name in ("One", "Two"):
            active.get_by_role("button", name=name).click()
            screens.panel.get_by_role("button", name="Stop", exact=True).click()
            expect_state(screens.panel.locator(".jp-KernelContainers-job"), "cancelled")
            screens.panel.get_by_role("button", name="Back").click()


@pytest.mark.full
@pytest.mark.parametrize("application", [LAB, NOTEBOOK])
def test_a_name_that_stands_for_another_image_is_moved_only_with_consent(
    context: BrowserContext, jupyter: JupyterServer, pictures: Path, application: str
) -> None:
    write_notebook(jupyter.root / "taken.ipynb", ["weeks = 2"], "Taken")
    page = context.new_page()
    screens = Screens(page, pictures, f"taken-{application[:3]}", application)
    wizard = screens.wizard
    with removed_after("taken:latest"), closing(docker.from_env()) as engine:
        other = engine.images.list("kernel-containers/base")[0]
        other.tag("taken", "latest")
        screens.goto("taken.ipynb")
        screens.open_wizard()
        screens.next("parameters")
        screens.next("destination")
        screens.review()
        start = wizard.get_by_role("button", name="Containerize")
        expect(start).to_be_disabled()
        expect(wizard).to_contain_text("stands for another image already")
        screens.look("asked")
        screens.agree()
        expect_state(screens.start(), "succeeded")
        assert engine.images.get("taken:latest").id != other.id


@pytest.mark.full
def test_the_keyboard_alone_leads_through_the_wizard(
    context: BrowserContext, jupyter: JupyterServer, pictures: Path
) -> None:
    write_notebook(jupyter.root / "keys.ipynb", ["weeks = 2  # how long"], "Keys")
    page = context.new_page()
    page.goto("/lab/tree/keys.ipynb?reset")
    screens = Screens(page, pictures, "keys")
    wizard = screens.wizard
    with removed_after("keys:latest"):
        expect(page.get_by_role("button", name="| Idle")).to_be_visible()
        page.locator(".jp-Cell").first.click()
        page.keyboard.press("Escape")
        page.keyboard.press("Control+Shift+K")
        expect(wizard.get_by_label("Name", exact=True)).to_be_focused()
        expect(wizard.get_by_label("Title")).to_have_value("Keys")  # until then Next says why not
        for step in ("parameters", "destination", "review"):
            press_on(page, "Next")
            expect(wizard.locator(f"[data-step={step}]")).to_be_focused()
        expect(wizard.locator("[data-plan]")).to_be_visible(timeout=BUILD_TIMEOUT)
        press_on(page, "Containerize")
        expect_state(wizard.locator("[data-job]").first, "succeeded")
        press_on(page, "Run now")
        press_on(page, "Run")
        expect(wizard.get_by_role("button", name="Open page")).to_be_visible(timeout=BUILD_TIMEOUT)
        page.keyboard.press("Escape")
        expect(wizard).to_have_count(0)


def press_on(page: Page, name: str) -> None:
    """Go by Tab to the button, which stays inside of the dialog, and press it."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "[document.activeElement.innerText, !!document.activeElement.closest('dialog')]"
        )
        assert focused[1], "the focus left the dialog"
        if focused[0] == name:
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"Tab does not lead to {name}")


@pytest.mark.full
def test_a_large_notebook_opens_the_wizard_at_once_and_little_is_loaded_before(
    context: BrowserContext, jupyter: JupyterServer, record_property: Callable[[str, object], None]
) -> None:
    sources = [f"value_{index} = {index}  # number {index}" for index in range(200)]
    sources += [f"print({index})" for index in range(300)]
    write_notebook(jupyter.root / "opening.ipynb", sources, "Opening")
    page = context.new_page()
    loaded: list[Response] = []
    page.on("response", lambda response: loaded.append(response))  # noqa: PLW0108  # no builtin is taken
    page.goto("/lab/tree/opening.ipynb?reset")
    wizard = page.get_by_role("dialog")
    expect(page.get_by_role("button", name="| Idle")).to_be_visible()
    ours = [response for response in loaded if "extensions/kernel-containers/" in response.url]
    compressed = sum(len(gzip.compress(response.body())) for response in ours)

    milliseconds = []
    for _ in range(3):
        page.evaluate(WATCH_THE_OPENING)
        page.get_by_role("button", name="Containerize").click()
        expect(wizard.get_by_label("Title")).not_to_have_value("")
        milliseconds.append(page.evaluate("window.opening"))
        page.keyboard.press("Escape")
        expect(wizard).to_have_count(0)

    record_property("bytes_before_the_wizard", compressed)
    record_property("milliseconds_to_the_wizard", milliseconds)
    print(f"{compressed} bytes; wizard after {milliseconds} ms")  # noqa: T201  # the figures
    assert 0 < compressed < 150_000


@pytest.mark.full
def test_the_picture_of_the_readme_shows_the_review(
    context: BrowserContext, jupyter: JupyterServer, pictures: Path
) -> None:
    """Written to the file that README_PICTURE names, where that is set."""
    use_kernel(jupyter.root / "North & South" / "report.ipynb")
    page = context.new_page()
    page.set_viewport_size({"width": 1180, "height": 780})
    page.goto("/lab/tree/North & South/report.ipynb?reset")
    expect(page.get_by_role("button", name="| Idle")).to_be_visible()
    screens = Screens(page, pictures, "readme")
    screens.open_wizard()
    screens.wizard.get_by_label("Name", exact=True).fill("regional-sales")
    screens.next("parameters")
    screens.next("destination")
    screens.review()

    path = Path(os.environ.get("README_PICTURE") or pictures / "readme.png")
    page.screenshot(path=path)

    assert path.stat().st_size < 150_000
