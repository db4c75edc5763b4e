"""Small real notebooks, and what a run does with edits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kernel_containers.notebook import document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from kernel_containers.core.parameters import Edit, Variable
    from kernel_containers.notebook.document import Notebook

PYTHON = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "version": "3.11.7"},
}


def code(source: str | list[str], *tags: str, **more: Any) -> dict[str, Any]:
    """Return a code cell with an output."""
    metadata = {"tags": list(tags)} if tags else {}
    output = {"name": "stdout", "output_type": "stream", "text": ["done\n"]}
    cell = {"cell_type": "code", "execution_count": 3, "metadata": metadata, "outputs": [output]}
    return {**cell, "source": source, **more}


def markdown(source: str, **more: Any) -> dict[str, Any]:
    """Return a Markdown cell."""
    return {"cell_type": "markdown", "metadata": {}, "source": source, **more}


def content(*cells: Mapping[str, Any] | str, **more: Any) -> dict[str, Any]:
    """Return a notebook's JSON; a string is the source of a code cell."""
    made = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    return {"cells": made, "metadata": PYTHON, "nbformat": 4, "nbformat_minor": 4, **more}


def write(path: Path, *cells: Mapping[str, Any] | str, **more: Any) -> Notebook:
    """Write a notebook and read it back."""
    path.write_text(json.dumps(content(*cells, **more)), encoding="utf-8")
    return document.read(path)


def sources_with(notebook: Notebook, values: Iterable[tuple[Variable, str]]) -> list[str]:
    """Return the sources of all cells with each variable's places set to a literal."""
    edits = [(edit, literal) for variable, literal in values for edit in variable.edits]
    sources = [cell.source for cell in notebook.cells]
    for edit, literal in sorted(edits, key=lambda pair: pair[0].start, reverse=True):
        sources[edit.cell] = _applied(sources[edit.cell], edit, literal)
    return sources


def _applied(source: str, edit: Edit, literal: str) -> str:
    return f"{source[: edit.start]}{edit.prefix}{literal}{edit.suffix}{source[edit.end :]}"


def run(sources: Sequence[str]) -> dict[str, Any]:
    """Return the namespace after plain Python cells, one after the other."""
    namespace: dict[str, Any] = {}
    for source in sources:
        exec(compile(source, "<cell>", "exec"), namespace)  # noqa: S102 - the test's own cells
    return namespace
