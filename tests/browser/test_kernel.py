"""A containerized kernel in JupyterLab's launcher."""

from __future__ import annotations

import re
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import docker
import pytest
from docker.errors import ImageNotFound
from playwright.sync_api import expect

from kernel_containers.kernels import kernelspecs
from kernel_containers.kernels.config import KernelConfig
from tests.browser.notebooks import write_notebook
from tests.browser.screens import BUILD_TIMEOUT, Screens, expect_state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Route

    from tests.support.jupyter import JupyterServer
    from tests.support.registry import RegistryServer

DISPLAY_NAME = "Python in a container"
SOURCE = "import socket; print(socket.gethostname())"


@pytest.fixture
def kernel(jupyter: JupyterServer, kernel_image: str) -> Iterator[str]:
    """A kernelspec of that server."""
    name = "in-a-container"
    config = KernelConfig(image=kernel_image)
    kernelspecs.install(name, config, display_name=DISPLAY_NAME, prefix=str(jupyter.prefix))
    yield name
    with jupyter.client() as client:
        for session in client.get("/api/sessions").json():
            client.delete(f"/api/sessions/{session['id']}")


def containers_of(kernel_id: str) -> list[str]:
    with closing(docker.from_env()) as engine:
        found = engine.containers.list(
            all=True, filters={"name": f"kernel-{kernel_id}-"}, ignore_removed=True
        )
        return [container.attrs["Config"]["Hostname"] for container in found]


def test_notebook_starts_the_kernel_of_a_new_notebook_once_and_asks_nothing(
    context: BrowserContext, kernel: str
) -> None:
    started: list[Route] = []

    def hold(route: Route) -> None:
        started.append(route) if route.request.method == "POST" else route.continue_()

    # As a kernel that takes longer to start than the notebook's page takes to open.
    context.route(re.compile(r"/api/sessions\?"), hold)
    tree = context.new_page()
    tree.goto("/tree?reset")
    tree.get_by_role("menuitem", name="New").click()
    with context.expect_page() as opened:
        tree.get_by_role("menuitem", name=DISPLAY_NAME).click()
    page = opened.value
    expect(page.locator(".jp-Notebook .jp-CodeCell")).to_be_visible()
    while not started:
        page.wait_for_timeout(50)

    assert [route.request.frame.page for route in started] == [page]
    for route in started:
        route.continue_()
    expect(page.locator(".jp-KernelContainers-badge:visible")).to_be_attached()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_notebook_from_the_launcher_runs_in_a_container(
    context: BrowserContext, jupyter: JupyterServer, kernel: str, kernel_image: str
) -> None:
    page = context.new_page()
    page.goto("/lab?reset")
    card = page.locator(f'.jp-LauncherCard[title*="{DISPLAY_NAME}"]').first

    expect(card.locator("img")).to_have_attribute("src", "/kernelspecs/in-a-container/logo-svg.svg")
    card.click()
    expect(page.get_by_role("button", name="| Idle")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("img", name=f"Image: {kernel_image}")).to_be_visible()
    cell = page.locator(".jp-Notebook .jp-CodeCell .cm-content").first
    cell.fill(SOURCE)
    expect(cell).to_have_text(SOURCE)
    cell.press("Shift+Enter")
    printed = page.locator(".jp-OutputArea-output pre").first
    expect(printed).not_to_be_empty(timeout=60_000)

    with jupyter.client() as client:
        (session,) = [
            session
            for session in client.get("/api/sessions").json()
            if session["kernel"]["name"] == kernel
        ]
        kernel_id = session["kernel"]["id"]
        assert [printed.inner_text().strip()] == containers_of(kernel_id)
        client.delete(f"/api/sessions/{session['id']}")
    assert containers_of(kernel_id) == []


def test_a_kernel_that_was_added_by_the_form_is_in_the_launcher(
    context: BrowserContext, jupyter: JupyterServer, kernel_image: str, pictures: Path
) -> None:
    page = context.new_page()
    page.goto("/lab?reset")
    screens = Screens(page, pictures, "kernel")
    dialog = screens.wizard

    page.locator(".jp-LauncherCard", has_text="Add Containerized Kernel").click()
    dialog.get_by_label("An image").check()
    dialog.get_by_role("button", name="Add kernel").click()
    expect(dialog.get_by_role("alert").first).to_contain_text("Name an image")
    dialog.get_by_label("Image", exact=True).fill(kernel_image)
    dialog.get_by_label("Name", exact=True).fill("by-form")
    dialog.get_by_label("Shown as").fill("Made by the form")
    dialog.get_by_label("Memory").fill("1g")
    screens.look("form")
    dialog.get_by_role("button", name="Add kernel").click()
    expect_state(dialog.locator("[data-job]"), "succeeded")
    screens.look("added")
    dialog.get_by_role("button", name="Close", exact=True).click()

    card = page.locator(".jp-LauncherCard", has_text="Made by the form").first
    expect(card).to_be_visible()
    with jupyter.client() as client:
        (made,) = [
            kernel
            for kernel in client.get("/kernel-containers/api/kernels").json()["kernels"]
            if kernel["name"] == "by-form"
        ]
    assert made["config"]["memory"] in ("1g", 1024**3)


@pytest.fixture
def missing_image(registry: RegistryServer, kernel_image: str) -> Iterator[str]:
    """The kernel image under a name that a registry knows and the engine does not."""
    name = f"{registry.host}/browser/missing:1"
    with closing(docker.from_env(timeout=300)) as engine:
        engine.images.get(kernel_image).tag(name)
        engine.images.push(name)
        engine.images.remove(name)
        yield name
        with suppress(ImageNotFound):
            engine.images.remove(name)


@pytest.mark.full
@pytest.mark.timeout(600)
def test_a_missing_image_is_pulled_from_the_notebook_and_its_kernel_starts(
    context: BrowserContext, jupyter: JupyterServer, missing_image: str, pictures: Path
) -> None:
    config = KernelConfig(image=missing_image, pool="off")
    kernelspecs.install("afar", config, display_name="From afar", prefix=str(jupyter.prefix))
    write_notebook(jupyter.root / "afar.ipynb", ["print(6 * 7)"], kernel="afar")
    page = context.new_page()
    page.goto("/lab/tree/afar.ipynb?reset")
    dialog = page.get_by_role("dialog")

    expect(dialog).to_contain_text("starting a kernel never downloads")
    dialog.get_by_role("button", name="Ok").click()
    dialog.get_by_role("button", name="No Kernel").last.click()
    expect(page.locator(".jp-toast-message", has_text="From afar did not start")).to_be_visible()
    page.screenshot(path=pictures / "kernel-missing.png")
    page.get_by_role("button", name="Pull and start").click()
    expect(page.get_by_role("button", name="| Idle")).to_be_visible(timeout=BUILD_TIMEOUT)
    expect(page.get_by_role("img", name=f"Image: {missing_image}")).to_be_visible()
    expect(dialog).to_have_count(0)
    expect(page.locator(".jp-toast-message", has_text="did not start")).to_have_count(0)

    with jupyter.client() as client:
        for session in client.get("/api/sessions").json():
            if session["path"] == "afar.ipynb":
                client.delete(f"/api/sessions/{session['id']}")


@pytest.mark.full
def test_why_a_kernel_died_is_told_in_a_notification(
    context: BrowserContext, kernel: str, pictures: Path
) -> None:
    assert kernel
    page = context.new_page()
    page.goto("/lab?reset")
    page.locator(f'.jp-LauncherCard[title*="{DISPLAY_NAME}"]').first.click()
    expect(page.get_by_role("button", name="| Idle")).to_be_visible()
    cell = page.locator(".jp-Notebook .jp-CodeCell .cm-content").first
    cell.fill("import os; os.kill(os.getpid(), 9)")
    cell.press("Shift+Enter")

    told = page.locator(".jp-toast-message", has_text="Untitled")
    expect(told).to_contain_text("SIGKILL")
    page.screenshot(path=pictures / "kernel-died.png")
