"""Formulas and widgets are shown without scripts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.runner.formulas import latex_to_html, to_mathml
from kernel_containers.runner.nodes import to_nodes
from kernel_containers.runner.render import Facts, external_references, render
from kernel_containers.runner.widgets import STATE, VIEW
from tests.runner.image import code, markdown

if TYPE_CHECKING:
    from pathlib import Path


def page_of(folder: Path, *cells: dict[str, Any], **metadata: Any) -> str:
    """Return the page of a notebook."""
    facts = Facts(title="t", status="succeeded", facts=[], parameters=[])
    notebook = to_nodes(
        {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}
    )
    page = render(notebook, facts, folder, hide_input=False)
    assert external_references(page) == ()
    return page.split("</section>")[1]


def with_output(data: dict[str, Any]) -> dict[str, Any]:
    """Return a cell that shows something."""
    output = {"output_type": "display_data", "data": data, "metadata": {}}
    return code("show()") | {"outputs": [output]}


def test_what_tags_remove_is_not_on_the_page_unless_it_failed(tmp_path: Path) -> None:
    shown = with_output({"text/plain": "a result"})
    error = {"output_type": "error", "ename": "E", "evalue": "e", "traceback": ["a trace"]}

    page = page_of(
        tmp_path,
        {**shown, "source": "no_input()", "metadata": {"tags": ["remove-input"]}},
        {**shown, "source": "no_cell()", "metadata": {"tags": ["remove_cell"]}},
        {**shown, "source": "no_output()", "metadata": {"tags": ["remove-output"]}},
        {**code("failed()", "remove-cell"), "outputs": [error]},
        markdown("no text", "remove-cell"),
    )

    assert page.count("a result") == 1
    assert [name in page for name in ("no_input", "no_cell", "no_output", "failed", "a trace")] == [
        False,
        False,
        True,
        True,
        True,
    ]
    assert "no text" not in page


FORMULAS = [
    ("inline $x^2$ here", "<msup><mi>x</mi><mn>2</mn></msup>"),
    ("$$\\frac{a}{b}$$", '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">'),
    ("\\begin{align}a &= b \\label{eq:x}\\\\ c &= d\\end{align}", "<mtable"),
]


@pytest.mark.parametrize(("text", "shown"), FORMULAS)
def test_formulas_in_text_are_mathml(tmp_path: Path, text: str, shown: str) -> None:
    assert shown in page_of(tmp_path, markdown(text))


def test_formulas_in_outputs_are_mathml(tmp_path: Path) -> None:
    page = page_of(tmp_path, with_output({"text/latex": "$\\displaystyle x_1$", "text/plain": "x"}))

    assert "<msub><mi>x</mi><mn>1</mn></msub>" in page


def test_what_is_no_formula_stays_text(tmp_path: Path) -> None:
    assert to_mathml("{", block=False) is None
    assert latex_to_html("costs < 5 $ and { more") == "costs &lt; 5 $ and { more"
    assert "${$" in page_of(tmp_path, markdown("an open ${$ brace"))


def test_a_missing_attachment_costs_only_its_picture(tmp_path: Path) -> None:
    assert "the text" in page_of(tmp_path, markdown("the text ![x](attachment:gone.png)"))


PICTURES = [
    ("![a](<../shown/a b.png>)", True),
    ("![a](../shown/a%20b.png)", True),
    ("<div><img src='../shown/a%20b.png'></div>", True),
    ("![a](../shown/secret.txt)", False),
    ("<img src='../shown/secret.txt'>", False),
    ("![a](../shown/gone.png)", False),
    (f"![a]({'a' * 300}.png) ![](../shown/folder.png)", False),
]


@pytest.mark.parametrize(("text", "is_shown"), PICTURES)
def test_pictures_of_the_image_are_on_the_page_and_no_other_file(
    tmp_path: Path, text: str, is_shown: bool
) -> None:
    (tmp_path / "shown" / "folder.png").mkdir(parents=True)
    for name in ("a b.png", "secret.txt"):
        (tmp_path / "shown" / name).write_bytes(b"bytes")
    (tmp_path / "home").mkdir()

    page = page_of(tmp_path / "home", markdown(text))

    assert ("data:image/png;base64,Ynl0ZXM=" in page, "Ynl0ZXM=" in page) == (is_shown, is_shown)


WIDGETS = {
    "box": {
        "model_name": "HBoxModel",
        "state": {"children": ["IPY_MODEL_bar", "IPY_MODEL_label", "IPY_MODEL_out"]},
    },
    "bar": {
        "model_name": "FloatProgressModel",
        "state": {"value": 7.0, "max": 10.0, "description": "rows"},
    },
    "label": {"model_name": "HTMLModel", "state": {"value": " 7/10 [00:01&lt;00:02]"}},
    "out": {
        "model_name": "OutputModel",
        "state": {
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": "inside <b>\n"},
                {"output_type": "display_data", "data": {"image/png": "AAAA"}, "metadata": {}},
            ]
        },
    },
    "choice": {
        "model_name": "DropdownModel",
        "state": {"description": "Region", "_options_labels": ["EU", "US"], "index": 1},
    },
    "loop": {"model_name": "VBoxModel", "state": {"children": ["IPY_MODEL_loop"]}},
    "map": {"model_name": "LeafletMapModel", "state": {"center": [0, 0]}},
}


def test_widgets_show_their_last_state(tmp_path: Path) -> None:
    views = [
        with_output({VIEW: {"model_id": name}, "text/plain": f"text of {name}"})
        for name in ("box", "choice", "loop", "map", "unknown")
    ]

    page = page_of(tmp_path, *views, widgets={STATE: {"state": WIDGETS}})

    assert '<progress value="7.0" max="10.0"></progress>' in page
    assert "7/10 [00:01&lt;00:02]" in page
    assert "inside &lt;b&gt;" in page
    assert "data:image/png;base64,AAAA" in page
    assert "Region US" in page
    assert "text of map" in page
    assert "text of unknown" in page


@pytest.mark.parametrize(
    "text", ["<img ", "<img src = ", "<iframe srcdoc = ", "<pre ", "from  ", "from" + " " * 40_000]
)
def test_references_are_looked_for_in_linear_time(text: str) -> None:
    # 40,000 of them took from 17 s to minutes where each was searched to the end of the page.
    begin = time.process_time()

    assert external_references(text * 40_000 if len(text) < 100 else text) == ()

    assert time.process_time() - begin < 10
