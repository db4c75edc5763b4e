"""How fit a notebook is to be run unattended, cell by cell; pure rules over its code."""

from __future__ import annotations

import re
import sys
from itertools import pairwise
from typing import TYPE_CHECKING

from kernel_containers.core.cells import ALLOW_TAG, outputs_of
from kernel_containers.notebook.assignments import bindings_by_cell, find_bindings, parse_cell
from kernel_containers.notebook.bindings import How
from kernel_containers.notebook.foreign import foreign
from kernel_containers.notebook.missing_files import missing_files
from kernel_containers.notebook.names import unmet_names
from kernel_containers.notebook.remark import Remark, remark_at
from kernel_containers.notebook.surroundings import surroundings
from kernel_containers.notebook.unattended import installs, unattended
from kernel_containers.notebook.variables import find_variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_containers.notebook.bindings import Binding
    from kernel_containers.notebook.document import Cell, Notebook


def remarks(notebook: Notebook) -> tuple[Remark, ...]:
    """Return what speaks against running a notebook unattended, in the order of its cells."""
    found = [*_order(notebook), *_failed(notebook)]
    if notebook.language == "python":
        found += [*_cells(notebook), *_parameters(notebook), *_names(notebook)]
    else:
        found += foreign(notebook)
    return tuple(sorted(found, key=lambda remark: (remark.cell or 0, remark.line or 0)))


def _cells(notebook: Notebook) -> Iterator[Remark]:
    own = frozenset(b.name for b in find_bindings(notebook) if b.how is not How.IMPORT)
    bound = bindings_by_cell(notebook)
    for cell in notebook.code_cells:
        if bound[cell.index] is None:
            yield from _unparsed(notebook, cell)
        else:
            yield from unattended(cell, own)
    yield from missing_files(notebook)
    yield from surroundings(notebook)


# A single line in a cell may leave out the % of a magic.
_AUTOMAGIC = re.compile(
    r"(?:pip|conda|mamba|uv|ls|ll|cd|pwd|cat|cp|mv|rm|mkdir|rmdir|who|whos|time|timeit|run|env|"
    r"matplotlib|load_ext|reload_ext|autoreload|config|history|hist|reset|man|more|less)\b[^\n]*\n?"
)
_INSTALLING = re.compile(r"(?:pip|conda|mamba|uv)\b.*\binstall\b")


def _unparsed(notebook: Notebook, cell: Cell) -> Iterator[Remark]:
    text = cell.source.strip()
    if _AUTOMAGIC.fullmatch(text):
        if _INSTALLING.match(text):
            yield installs(cell, 1)
        return
    if "\r" in text and parse_cell(re.sub(r"\r\n?", "\n", cell.source)):
        yield remark_at(
            cell, 1, "syntax", "error", "The cell's lines end as on Windows.",
            "IPython does not know `x?` and continued commands there, and the cell fails",
            "open the notebook in Jupyter, change the cell and save it",
        )  # fmt: skip
        return
    version = _version_of(notebook)
    if version and version > sys.version_info[:2]:
        written, ours = (".".join(map(str, v)) for v in (version, sys.version_info[:2]))
        yield remark_at(
            cell, 1, "unread", "warning", f"The cell can't be read with Python {ours}.",
            f"the notebook was saved with Python {written}, whose syntax it may be",
            "none of its values can be parameters; move these to another cell",
        )  # fmt: skip
        return
    yield remark_at(
        cell, 1, "syntax", "error", "The cell can't be parsed as Python.",
        "it fails when it is run", "correct it, or make it a raw cell",
    )  # fmt: skip


def _version_of(notebook: Notebook) -> tuple[int, int] | None:
    metadata = notebook.data.get("metadata")
    info = metadata.get("language_info") if isinstance(metadata, dict) else None
    said = info.get("version") if isinstance(info, dict) else None
    match = re.match(r"(\d+)\.(\d+)", said) if isinstance(said, str) else None
    return (int(match[1]), int(match[2])) if match else None


def _order(notebook: Notebook) -> Iterator[Remark]:
    cells = [cell for cell in notebook.code_cells if cell.source.strip()]
    counts = [notebook.data["cells"][cell.index].get("execution_count") for cell in cells]
    run = [(cell, count) for cell, count in zip(cells, counts, strict=True) if count]
    for (_, before), (cell, count) in pairwise(run):
        if count <= before:
            yield remark_at(
                cell, 1, "order", "warning", "The cells were run in another order.",
                f"this one was number {count}, the one above it number {before}",
                "restart the kernel and run all cells",
            )  # fmt: skip
            return
    stale = next((c for c, count in zip(cells, counts, strict=True) if run and not count), None)
    if stale:
        yield remark_at(
            stale, 1, "not-run", "warning", "The cell was not run, or changed since.",
            "others were, so what they show may not be what it gives",
            "restart the kernel and run all cells",
        )  # fmt: skip


def _failed(notebook: Notebook) -> Iterator[Remark]:
    for cell in notebook.code_cells:
        outputs = outputs_of(notebook.data["cells"][cell.index])
        errors = [output for output in outputs if output.get("output_type") == "error"]
        if errors and ALLOW_TAG not in cell.tags:
            yield remark_at(
                cell, 1, "failed", "warning", "The cell failed when it was last run.",
                f"the notebook holds its {errors[0].get('ename') or 'error'}",
                f"correct it and run it again, or tag it {ALLOW_TAG}",
            )  # fmt: skip


_DISCARDING = frozenset(
    {How.COMPUTED, How.LOOP, How.IMPORT, How.DEFINITION, How.WITH, How.EXCEPT, How.EXPRESSION,
     How.GLOBAL, How.DELETED}
)  # fmt: skip


def _parameters(notebook: Notebook) -> Iterator[Remark]:
    found: dict[str, list[Binding]] = {}
    for binding in find_bindings(notebook):
        found.setdefault(binding.name, []).append(binding)
    code = "\n".join(cell.source for cell in notebook.code_cells)
    for variable in (v for v in find_variables(notebook) if v.tagged):
        places = found[variable.name]
        if len(re.findall(rf"(?<!\w){re.escape(variable.name)}(?!\w)", code)) <= len(places):
            first = places[0]
            yield remark_at(
                first.cell, first.line, "unused-parameter", "warning",
                f"The parameter {variable.name!r} is not used.",
                "a value given for it changes nothing", "use it, or remove it",
            )  # fmt: skip
        for other in places:
            if other.how is How.CONDITIONAL:
                yield remark_at(
                    other.cell, other.line, "branching", "warning",
                    f"The parameter {variable.name!r} is also set under a condition.",
                    "a given value may be lost there", "keep what is computed in another name",
                )  # fmt: skip
            elif other.how in _DISCARDING and variable.name not in other.reads:
                yield remark_at(
                    other.cell, other.line, "discarded-parameter", "warning",
                    f"The parameter {variable.name!r} gets another value here.",
                    "a given value is lost from here on", "use another name here",
                )  # fmt: skip


def _names(notebook: Notebook) -> Iterator[Remark]:
    for unmet in unmet_names(notebook):
        if unmet.in_function:
            yield remark_at(
                unmet.cell, unmet.line, "undefined-name", "warning",
                f"{unmet.name!r} is not defined anywhere.",
                "the function fails where it comes to this line", "define it, or correct its name",
            )  # fmt: skip
            continue
        if unmet.later is None:
            why, todo = "no cell above defines it", "define it, or remove the line"
        else:
            why, todo = (
                f"it is defined only in cell {unmet.later + 1}, below",
                "move the definition up",
            )
        yield remark_at(
            unmet.cell, unmet.line, "undefined-name", "error",
            f"{unmet.name!r} is not defined when the cell is run in order.", why, todo,
        )  # fmt: skip
