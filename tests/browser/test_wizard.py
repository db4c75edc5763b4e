"""The whole way from the Containerize button to a page with another value."""

from __future__ import annotations

import shlex
from contextlib import closing
from typing import TYPE_CHECKING

import docker
import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.notebooks import use_kernel, write_notebook
from tests.browser.screens import BUILD_TIMEOUT, LAB, NOTEBOOK, Screens, expect_state
from tests.support.faultproxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext

    from tests.support.jupyter import JupyterServer
    from tests.support.registry import RegistryServer

KEY = "AKIA" + "Q3EGRXWYNN4ZKQPT"  # shaped like a key, and nobody's


@pytest.fixture
def _images_removed(registry: RegistryServer) -> Iterator[None]:
    yield
    with closing(docker.from_env()) as engine:
        for image in engine.images.list():
            names = [*image.tags, *image.attrs["RepoDigests"]]
            if any(name.startswith(registry.host) for name in names):
                engine.images.remove(image.id, force=True)


def manifest(registry: RegistryServer, repository: str) -> int:
    """Return the registry's answer for the tag `latest`."""
    url = f"{registry.url}/v2/{repository}/manifests/latest"
    accepted = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"
    return httpx.get(url, headers={"Accept": accepted}).status_code


@pytest.mark.usefixtures("_images_removed")
@pytest.mark.parametrize("application", [LAB, pytest.param(NOTEBOOK, marks=pytest.mark.full)])
def test_a_pushed_image_runs_with_another_value_and_the_page_shows_it(
    context: BrowserContext,
    jupyter: JupyterServer,
    registry: RegistryServer,
    pictures: Path,
    application: str,
) -> None:
    path = "North & South/report.ipynb"
    use_kernel(jupyter.root / path)
    page = context.new_page()
    page.goto(f"/{application}/{path}?reset")
    screens = Screens(page, pictures, application.split("/", maxsplit=1)[0], application)
    wizard = screens.wizard
    repository = f"browser/{screens.prefix}"

    screens.open_wizard()
    expect(wizard.get_by_label("Name", exact=True)).to_have_value("report")
    wizard.get_by_label("Name", exact=True).fill("Sales report")
    expect(wizard.get_by_role("alert")).to_contain_text("lowercase")
    screens.look("name")
    wizard.get_by_label("Name", exact=True).fill("sales-report")
    screens.next("parameters")
    wizard.get_by_role("checkbox", name="weeks", exact=True).uncheck()
    screens.look("parameters")
    screens.next("destination")
    screens.to_registry(registry.host, repository)
    screens.look("destination")
    screens.review()
    screens.agree()
    wizard.get_by_role("button", name="The same in a terminal").click()
    command = shlex.split(wizard.get_by_label("Equivalent command", exact=True).inner_text())
    assert command[:2] == ["kernel-containers", "containerize"]
    assert f"{registry.host}/{repository}:latest" in command
    screens.look("review")
    expect_state(screens.start(), "succeeded")
    screens.look("done")
    assert manifest(registry, repository) == 200

    wizard.get_by_role("button", name="Run now").click()
    expect(wizard.get_by_label("weeks (int)")).to_have_count(0)
    wizard.get_by_label("target (float)").fill("much")
    wizard.get_by_role("button", name="Run", exact=True).click()
    expect(wizard.get_by_role("alert")).to_contain_text("A number is needed")
    wizard.get_by_label("target (float)").fill("15000")
    wizard.get_by_label("region (str)").fill("north")
    screens.look("run-form")
    wizard.get_by_role("button", name="Run", exact=True).click()
    expect_state(wizard.locator("[data-job]").first, "succeeded")
    expect(wizard.get_by_role("button", name="Open page")).to_be_visible()
    screens.look("ran")

    expect(screens.open_result()).to_contain_text("Revenue of north")
    if application == LAB:
        sandbox = page.locator("iframe[sandbox]").get_attribute("sandbox") or ""
        assert "allow-same-origin" not in sandbox


@pytest.mark.full
@pytest.mark.parametrize("application", [LAB, NOTEBOOK])
def test_a_held_push_outlives_a_reload_and_ends_without_a_trace_when_it_is_stopped(
    context: BrowserContext,
    jupyter: JupyterServer,
    registry: RegistryServer,
    pictures: Path,
    application: str,
) -> None:
    write_notebook(jupyter.root / "held.ipynb", ["region = 'south'", "print(region)"], "Held")
    page = context.new_page()
    screens = Screens(page, pictures, f"held-{application[:3]}", application)
    with FaultProxy(registry.host) as proxy:
        held = proxy.add("hang", method="PUT", path="/manifests/", times=None)
        screens.goto("held.ipynb")
        screens.open_wizard()
        screens.next("parameters")
        screens.next("destination")
        screens.to_registry(proxy.host, "browser/held")
        screens.review()
        screens.agree()
        job = screens.start()
        expect(job.locator("[data-stage^=push]")).to_be_visible(timeout=BUILD_TIMEOUT)
        screens.look("progress")

        page.reload()
        screens.open_panel()
        active = page.get_by_role("region", name="In progress")
        active.get_by_role("button", name="Held").click()
        panel = screens.panel
        expect(panel.locator("[data-stage^=push]")).to_be_visible()
        screens.look("panel-progress")
        panel.get_by_role("button", name="Stop", exact=True).click()
        expect_state(panel.locator(".jp-KernelContainers-job"), "cancelled")
        screens.look("panel-stopped")
        assert held.kind == "hang"
    assert manifest(registry, "browser/held") == 404


@pytest.mark.full
@pytest.mark.parametrize("application", [LAB, NOTEBOOK])
def test_a_push_with_a_secret_is_asked_about_and_its_refusal_keeps_what_was_typed(
    context: BrowserContext,
    jupyter: JupyterServer,
    registry: RegistryServer,
    pictures: Path,
    application: str,
) -> None:
    write_notebook(jupyter.root / "refused.ipynb", [f"print('{KEY}')"], "Refused")
    page = context.new_page()
    screens = Screens(page, pictures, f"refused-{application[:3]}", application)
    wizard = screens.wizard
    with FaultProxy(registry.host) as proxy:
        refusal = b'{"errors": [{"code": "DENIED", "message": "your quota is used up"}]}'
        proxy.add("status", method="POST", path="/uploads/", times=None, status=403, body=refusal)
        screens.goto("refused.ipynb")
        screens.open_wizard()
        wizard.get_by_label("Title").fill("Typed by hand")
        screens.next("parameters")
        expect(wizard).to_contain_text("takes no parameters")
        screens.look("no-parameters")
        screens.next("destination")
        screens.to_registry(proxy.host, "browser/refused")
        screens.review()
        start = wizard.get_by_role("button", name="Containerize")
        expect(start).to_be_disabled()
        screens.look("secret")
        assert KEY not in wizard.inner_text()
        screens.agree()
        expect(start).to_be_enabled()
        expect_state(screens.start(), "failed")
        expect(wizard.get_by_role("alert")).to_contain_text("your quota is used up")
        screens.look("error")

        wizard.get_by_role("button", name="Change something").click()
        expect(wizard.locator("[data-step=review]")).to_be_visible()
        expect(wizard.get_by_text("Typed by hand")).to_be_visible()
        page.keyboard.press("Escape")
        expect(wizard).to_have_count(0)


@pytest.mark.full
@pytest.mark.parametrize("application", [LAB, NOTEBOOK])
def test_two_hundred_variables_in_five_hundred_cells_can_be_searched(
    context: BrowserContext, jupyter: JupyterServer, pictures: Path, application: str
) -> None:
    sources = [f"value_{index} = {index}  # number {index}" for index in range(200)]
    sources += [f"print({index})" for index in range(300)]
    write_notebook(jupyter.root / "large.ipynb", sources, "Large")
    page = context.new_page()
    screens = Screens(page, pictures, f"large-{application[:3]}", application)
    wizard = screens.wizard
    screens.goto("large.ipynb")

    screens.open_wizard()
    screens.next("parameters")
    expect(wizard.locator("tr[data-variable]")).to_have_count(200)
    wizard.get_by_label("Search variables").fill("value_199")
    expect(wizard.locator("tr[data-variable]")).to_have_count(1)
    wizard.get_by_role("button", name="Choose none shown").click()
    expect(wizard.get_by_text("199 of 200 chosen")).to_be_visible()
    screens.look("search")
