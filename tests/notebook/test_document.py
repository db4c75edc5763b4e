"""Notebook files are read as they are, and shipped without what a run left."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import nbformat
import pytest

from kernel_containers.errors import InvalidInput, NotFound
from kernel_containers.notebook import document
from tests.notebook.notebooks import code, content, markdown, write

if TYPE_CHECKING:
    from pathlib import Path


def test_a_missing_file_and_a_folder_are_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="There is no notebook"):
        document.read(tmp_path / "absent.ipynb")
    with pytest.raises(NotFound, match="no notebook file"):
        document.read(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.ipynb")

    with pytest.raises(NotFound, match="no notebook file"):
        document.read(tmp_path / "pipe.ipynb")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the file is empty"),
        ("import pandas", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[1, 2]", "it has no nbformat number"),
        ('{"cells": []}', "it has no nbformat number"),
        ('{"nbformat": 4, "nbformat_minor": 5}', "it has no list of cells"),
        ('{"nbformat": 4, "cells": [{"cell_type": "heading"}]}', "'heading'"),
        ('{"nbformat": 4, "cells": ["a = 1"]}', "None"),
        ('{"nbformat": 4, "cells": [{"cell_type": "code", "source": 5}]}', "neither a string"),
        ('{"nbformat": 4, "cells": [{"cell_type": "code", "source": [5]}]}', "neither a string"),
    ],
)
def test_what_is_no_notebook_is_refused_with_the_reason(
    tmp_path: Path, text: str, why: str
) -> None:
    path = tmp_path / "broken.ipynb"
    path.write_text(text)

    with pytest.raises(InvalidInput) as caught:
        document.read(path)

    assert why in str(caught.value)


def test_format_3_is_refused_with_the_command_that_converts_it(tmp_path: Path) -> None:
    path = tmp_path / "old.ipynb"
    path.write_text(json.dumps({"nbformat": 3, "nbformat_minor": 0, "worksheets": []}))

    with pytest.raises(InvalidInput) as caught:
        document.read(path)

    assert caught.value.todo == f"convert it: jupyter nbconvert --to notebook --inplace {path}"


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "new.ipynb"
    path.write_text(json.dumps({"nbformat": 5, "cells": []}))

    with pytest.raises(InvalidInput, match="notebook format 5"):
        document.read(path)


@pytest.mark.parametrize("minor", range(6))
def test_all_minor_versions_of_format_4_are_read_and_keep_theirs(
    tmp_path: Path, minor: int
) -> None:
    notebook = write(tmp_path / "n.ipynb", "a = 1", markdown("# T"), nbformat_minor=minor)

    shipped = json.loads(document.without_outputs(notebook))

    assert [cell.type for cell in notebook.cells] == ["code", "markdown"]
    assert shipped["nbformat_minor"] == minor
    assert all("id" not in cell for cell in shipped["cells"])


def test_source_may_be_a_string_or_lines(tmp_path: Path) -> None:
    notebook = write(tmp_path / "n.ipynb", code("a = 1\nb = 2"), code(["a = 1\n", "b = 2"]))

    assert notebook.cells[0].source == notebook.cells[1].source == "a = 1\nb = 2"


def test_a_byte_order_mark_is_accepted_and_line_endings_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps(content("a = 1\r\nb = 2\r\n")), encoding="utf-8-sig")

    notebook = document.read(path)

    assert notebook.cells[0].source == "a = 1\r\nb = 2\r\n"
    assert json.loads(document.without_outputs(notebook))["cells"][0]["source"] == (
        "a = 1\r\nb = 2\r\n"
    )


def test_cell_ids_are_kept_or_follow_from_place_and_source(tmp_path: Path) -> None:
    with_id = code("a = 1", id="fa7e-51")
    notebook = write(tmp_path / "n.ipynb", with_id, "a = 1", "a = 1")
    again = write(tmp_path / "m.ipynb", "x = 1", "a = 1", "a = 2")

    ids = [cell.id for cell in notebook.cells]

    assert ids[0] == "fa7e-51"
    assert len(set(ids)) == 3
    assert again.cells[1].id == ids[1]
    assert again.cells[2].id != ids[2]


@pytest.mark.parametrize(
    ("metadata", "language", "kernel"),
    [
        ({}, "python", ""),
        ({"kernelspec": None, "language_info": []}, "python", ""),
        ({"kernelspec": {"name": "python3"}}, "python", "python3"),
        ({"kernelspec": {"name": "ir"}}, "r", "ir"),
        ({"kernelspec": {"name": "julia-1.10"}}, "julia", "julia-1.10"),
        ({"kernelspec": {"name": "my-env", "language": "Python"}}, "python", "my-env"),
        (
            {"kernelspec": {"name": "x", "language": "python"}, "language_info": {"name": "R"}},
            "r",
            "x",
        ),
        ({"language_info": {"name": "ipython"}}, "python", ""),
    ],
)
def test_the_language_is_what_the_file_says_and_python_where_it_does_not(
    tmp_path: Path, metadata: dict[str, object], language: str, kernel: str
) -> None:
    notebook = write(tmp_path / "n.ipynb", "a = 1", metadata=metadata)

    assert (notebook.language, notebook.kernel_name) == (language, kernel)


def test_malformed_tags_are_no_tags(tmp_path: Path) -> None:
    cells = [code("a", metadata={"tags": tags}) for tags in (["parameters", 3], "x", None)]
    notebook = write(tmp_path / "n.ipynb", *cells)

    assert [cell.tags for cell in notebook.cells] == [{"parameters"}, set(), set()]


def test_skipped_cells_are_not_code_that_runs(tmp_path: Path) -> None:
    notebook = write(tmp_path / "n.ipynb", "a = 1", code("b = 1", "skip-execution"))

    assert [cell.source for cell in notebook.code_cells] == ["a = 1"]


def test_the_shipped_file_is_the_same_after_another_run(tmp_path: Path) -> None:
    before = write(tmp_path / "a.ipynb", code("a = 1", execution_count=None, outputs=[]))
    ran = code("a = 1", execution_count=7)
    ran["metadata"] = {"execution": {"iopub.status.busy": "2026-01-02"}, "papermill": {}}
    metadata = {**dict(before.data["metadata"]), "widgets": {"state": 1}, "papermill": {"x": 1}}
    after = write(tmp_path / "b.ipynb", ran, metadata=metadata)

    assert document.without_outputs(before) == document.without_outputs(after)


def test_all_else_is_shipped_as_it_is(tmp_path: Path) -> None:
    cells = [
        markdown("![x](attachment:x.png)", attachments={"x.png": {"image/png": "aGk="}}, id="m1"),
        code("a = 1", "parameters", id="c1"),
        {"cell_type": "raw", "metadata": {"format": "text/x"}, "source": ["r"], "id": "r1"},
    ]
    cells[1]["metadata"]["collapsed"] = True
    metadata = {"title": "T", "custom": {"deep": [1, 2.5, None]}}
    notebook = write(tmp_path / "n.ipynb", *cells, metadata=metadata, nbformat_minor=5, extra=1)

    shipped = json.loads(document.without_outputs(notebook))

    expected = json.loads(json.dumps(notebook.data))
    expected["cells"][1] |= {"outputs": [], "execution_count": None}
    assert shipped == expected
    assert list(shipped) == list(expected)
    nbformat.validate({k: v for k, v in shipped.items() if k != "extra"})


def test_text_that_has_no_utf8_is_shipped_escaped(tmp_path: Path) -> None:
    notebook = write(tmp_path / "n.ipynb", "a = 'é \ud800'")

    shipped = document.without_outputs(notebook)

    assert json.loads(shipped)["cells"][0]["source"] == "a = 'é \ud800'"
    assert document.parse(notebook.path, shipped).cells == notebook.cells


@pytest.mark.parametrize(
    ("text", "title", "description"),
    [
        (
            "# Sales *report*\n\nHow **much** was [sold](http://x).\nBy week.\n\nMore.",
            "Sales report",
            "How much was sold. By week.",
        ),
        ("Intro first.\n\n## Then `a_b` ##", "Then a_b", "Intro first."),
        ("Title\n=====\n- a list\n- of things\n\nText.", "Title", "Text."),
        ("```\n# no heading\n```\n~~~\n# nor this\n~~~\n### Yes", "Yes", ""),
        ("<h1>html</h1>\n\n#hashtag is text", "n", "#hashtag is text"),
        (
            "![logo](l.png)\n\n# ![icon](i.png) Name\n\n> quote\n\n| a | b |\n\n1. one\n\nEnd",
            "Name",
            "End",
        ),
        ("#\n\n# Real", "Real", ""),
        ("# snake_case_name and 2 * 3 * 4", "snake_case_name and 2 * 3 * 4", ""),
        ("", "n", ""),
    ],
)
def test_title_and_description_come_from_markdown(
    tmp_path: Path, text: str, title: str, description: str
) -> None:
    notebook = write(tmp_path / "n.ipynb", "# a comment", markdown(text))

    assert (notebook.title, notebook.description) == (title, description)


def test_a_long_description_is_cut(tmp_path: Path) -> None:
    notebook = write(tmp_path / "n.ipynb", markdown("word " * 1000))

    assert len(notebook.description) <= 500
    assert notebook.description.endswith("word…")


def test_a_notebook_kept_as_text_comes_with_the_command_that_makes_one(tmp_path: Path) -> None:
    path = tmp_path / "pair.md"
    path.write_text("# Title\n\n```python\na = 1\n```\n")

    with pytest.raises(InvalidInput, match=r"Try: make one: jupytext --to ipynb .*/pair\.md"):
        document.read(path)
