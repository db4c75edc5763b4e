"""The screens in another language, whose words are longer than the English ones."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kernel_containers.kernels import kernelspecs
from kernel_containers.kernels.config import KernelConfig
from tests.browser.notebooks import KERNEL, KERNEL_TITLE, write_notebook
from tests.browser.screens import OURS, Screens
from tests.support.jupyter import start_jupyter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.support.jupyter import JupyterServer

SOURCES = Path(__file__).parents[2] / "labextension" / "src"
LITERAL = r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"),?"""
ONE = re.compile(r"\.__\(" + LITERAL)
SEVERAL = re.compile(r"\._n\(" + LITERAL + LITERAL)
ANY = re.compile(r"\.(?:__|_n)\(")
LANGUAGE = "de_DE"
MARK = "¡"

# What a person reads that is neither a name, a value nor a sentence of the server.
WORDS = """(selector) => {
  const data = "code, .jp-KernelContainers-list .jp-KernelContainers-rowTitle, "
    + ".jp-KernelContainers-card, .jp-KernelContainers-values";
  const isData = node => node.closest(data) || node.querySelector(data);
  const found = [];
  for (const root of document.querySelectorAll(selector)) {
    for (const node of root.querySelectorAll("button, label, legend, h2, th[scope=col], dt, a")) {
      if (node.checkVisibility() && !isData(node)) found.push(node.innerText);
    }
    for (const name of ["title", "placeholder", "aria-label"]) {
      for (const node of root.querySelectorAll(`[${name}]`)) {
        if (!isData(node)) found.push(node.getAttribute(name));
      }
    }
  }
  return found.filter(text => /[a-z]{3}/i.test(text) && !text.includes("://"));
}"""


def stretched(text: str) -> str:
    """Return a text with a mark and with words 40 % longer, as those of other languages are."""
    longer = re.sub(
        r"[A-Za-z]{2,}",
        lambda word: word[0] + word[0][-1].lower() * math.ceil(0.4 * len(word[0])),
        text,
    )
    return MARK + longer


def catalog() -> dict[str, list[str]]:
    """Return the texts of the front end with their translations."""
    texts: dict[str, list[str]] = {}
    calls = 0
    for path in SOURCES.rglob("*.ts*"):
        if "__tests__" in path.parts:
            continue
        source = path.read_text()
        calls += len(ANY.findall(source))
        for found in ONE.findall(source):
            text = "".join(found).replace("\\'", "'")
            texts[text] = [stretched(text)]
        for found in SEVERAL.findall(source):
            one, many = "".join(found[:2]), "".join(found[2:])
            texts[one] = [stretched(one), stretched(many)]
        calls -= len(ONE.findall(source)) + len(SEVERAL.findall(source))
    assert calls == 0, "a text is no literal, so translators never see it"
    return texts


@pytest.fixture
def translated(tmp_path: Path, shared_cache: Path, kernel_image: str) -> Iterator[JupyterServer]:
    """A server with a language pack of ours, and that language as its users' one."""
    messages = tmp_path / "pack" / "longer" / "locale" / LANGUAGE / "LC_MESSAGES"
    messages.mkdir(parents=True)
    (tmp_path / "pack" / "longer" / "__init__.py").touch()
    head = {"language": LANGUAGE.replace("_", "-"), "plural_forms": "nplurals=2; plural=(n != 1);"}
    (messages / "kernel_containers.json").write_text(json.dumps({"": head, **catalog()}))
    facts = tmp_path / "pack" / "longer-1.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: longer\nVersion: 1\n")
    (facts / "entry_points.txt").write_text(f"[jupyterlab.languagepack]\n{LANGUAGE} = longer\n")
    settings = tmp_path / "home/config/lab/user-settings/@jupyterlab/translation-extension"
    settings.mkdir(parents=True)
    (settings / "plugin.jupyterlab-settings").write_text(json.dumps({"locale": LANGUAGE}))
    server = start_jupyter(
        tmp_path,
        {"PYTHONPATH": str(tmp_path / "pack"), "KERNEL_CONTAINERS_CACHE": str(shared_cache)},
    )
    config = KernelConfig(image=kernel_image, pool="off")
    kernelspecs.install(KERNEL, config, display_name=KERNEL_TITLE, prefix=str(server.prefix))
    yield server
    server.stop()


def check_words(page: Page) -> None:
    """Assert that all our words are translated."""
    words = page.evaluate(WORDS, OURS)
    assert words
    english = [text for text in words if MARK not in text]
    assert not english, english


@pytest.mark.full
def test_all_words_are_translated_and_longer_ones_fit(
    browser: Browser, translated: JupyterServer, pictures: Path
) -> None:
    write_notebook(translated.root / "long.ipynb", ["weeks = 2\nkey = 'x'"], "Long")
    context = browser.new_context(base_url=translated.url, viewport={"width": 1000, "height": 640})
    context.request.get(f"/api/me?token={translated.token}")
    page = context.new_page()
    screens = Screens(page, pictures, "language")
    wizard = page.locator(".jp-KernelContainers-wizard")
    screen = page.locator(OURS)

    def look(name: str) -> None:
        screens.look(name)
        check_words(page)
        assert screen.evaluate_all("found => found.every(n => n.scrollWidth <= n.clientWidth)")

    page.goto("/lab/tree/long.ipynb?reset")
    expect(page.locator(".jp-Notebook .jp-Cell").first).to_be_visible()
    page.locator("[data-id=jp-kernel-containers-panel]").click()
    expect(screens.panel.get_by_role("tab")).to_have_count(4)
    for tab in screens.panel.get_by_role("tab").all():
        tab.click()
        look(f"panel-{tab.get_attribute('id')}")
    page.locator("[data-id=jp-kernel-containers-panel]").click()
    page.locator("[data-command='kernel-containers:containerize']").click()
    expect(wizard.locator("#jp-kc-title")).not_to_have_value("")
    look("name")
    for step in ("parameters", "destination", "review"):
        page.locator(".jp-KernelContainers-nav .jp-mod-accept").click()
        expect(wizard.locator(f"[data-step={step}]")).to_be_visible()
        if step == "review":
            expect(wizard.locator("[data-plan]")).to_be_visible()
        look(step)
    context.close()
