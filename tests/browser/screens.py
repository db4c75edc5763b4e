"""The wizard and the panel, as a person walks through them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator, Page

LAB, NOTEBOOK = "lab/tree", "notebooks"
BUILD_TIMEOUT = 240_000  # ms; a first build downloads the runner's packages
OURS = ".jp-KernelContainers-wizard, .jp-KernelContainers-panel"


@dataclass(frozen=True, slots=True)
class Screens:
    """One page with a notebook, and where its pictures go."""

    page: Page
    pictures: Path
    prefix: str
    application: str = LAB

    def goto(self, notebook: str) -> None:
        """Load the page of a notebook, and wait until its kernel is there."""
        self.page.goto(f"/{self.application}/{notebook}?reset")
        self.wait_for_kernel()

    def wait_for_kernel(self) -> None:
        """Wait until the notebook's kernel, which runs in a container, has nothing to do."""
        if self.application == LAB:
            expect(self.page.get_by_role("button", name="| Idle")).to_be_visible()
            return
        expect(self.page.locator(".jp-KernelContainers-badge:visible")).to_be_attached()
        idle = self.page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")
        expect(idle).to_be_attached()

    @property
    def wizard(self) -> Locator:
        """The open dialog."""
        return self.page.get_by_role("dialog")

    @property
    def panel(self) -> Locator:
        """The side panel."""
        return self.page.locator(".jp-KernelContainers-panel")

    def open_wizard(self) -> None:
        """Click Containerize and wait until the notebook was read."""
        self.page.get_by_role("button", name="Containerize").click()
        expect(self.wizard.get_by_label("Title")).not_to_have_value("")

    def next(self, step: str) -> None:
        """Go on, and wait for the step."""
        self.wizard.get_by_role("button", name="Next").click()
        expect(self.wizard.locator(f"[data-step={step}]")).to_be_visible()

    def to_registry(self, host: str, repository: str = "") -> None:
        """Choose a registry that answers."""
        self.wizard.get_by_label("A registry").check()
        self.wizard.get_by_label("Registry", exact=True).fill(host)
        expect(self.wizard.locator("[data-registry=ready]")).to_be_visible()
        if repository:
            self.wizard.get_by_label("Repository", exact=True).fill(repository)

    def review(self) -> None:
        """Go to the review and wait for the plan."""
        self.next("review")
        expect(self.wizard.locator("[data-plan]")).to_be_visible(timeout=BUILD_TIMEOUT)

    def agree(self) -> None:
        """Say yes to what the review asks."""
        for box in self.wizard.locator(".jp-KernelContainers-notice [type=checkbox]").all():
            box.check()

    def start(self) -> Locator:
        """Start the job and return its view."""
        self.wizard.get_by_role("button", name="Containerize").click()
        job = self.wizard.locator("[data-job]").first
        expect(job).to_be_visible()
        return job

    def open_panel(self) -> None:
        """Open the side panel of a page that was just loaded."""
        # Until the splash is gone the layout is restored, which closes what was opened meanwhile.
        expect(self.page.locator("#jupyterlab-splash")).to_have_count(0)
        self.toggle_panel()
        expect(self.panel.locator("h2")).to_be_visible()

    def toggle_panel(self) -> None:
        """Show or hide the side panel."""
        if self.application == LAB:
            self.page.locator("[data-id=jp-kernel-containers-panel]").click()
            return
        self.page.get_by_role("menuitem", name="View", exact=True).click()
        for item in ("Right Sidebar", "Show Containers"):
            self.page.locator(".lm-Menu-item", has_text=item).click()

    def open_result(self) -> Locator:
        """Open the page of the run that is shown: a tab of JupyterLab, or one of the browser."""
        button = self.page.get_by_role("button", name="Open page")
        if self.application == LAB:
            button.click()
            return self.page.locator("iframe[sandbox]").content_frame.locator("body")
        with self.page.context.expect_page() as opened:
            button.click()
        return opened.value.locator("body")

    def look(self, name: str) -> None:
        """Keep a picture, and let axe look at what is ours."""
        self.page.screenshot(path=self.pictures / f"{self.prefix}-{name}.png")
        found = Axe().run(self.page, context=OURS)
        assert found.violations_count == 0, found.generate_report()


def expect_state(job: Locator, state: str) -> None:
    """Wait for a job's state; a job that ended otherwise shows its text."""
    ends = ("succeeded", "failed", "cancelled", "lost")
    ended = [f"[data-state={end}]" for end in ends]
    expect(job.locator(f":scope:is({','.join(ended)})")).to_be_attached(timeout=BUILD_TIMEOUT)
    assert job.get_attribute("data-state") == state, job.inner_text()
