"""How fit a notebook is to be run unattended, cell by cell; pure rules over its code."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from kernel_containers.notebook.assignments import find_bindings, parse_cell
from kernel_containers.notebook.bindings import How
from kernel_containers.notebook.names import unmet_names
from kernel_containers.notebook.variables import find_variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_containers.notebook.document import Cell, Notebook

Severity = Literal["error", "warning"]

_INSTALL = re.compile(
    r"^[ \t]*(?:%(?:pip|conda|mamba|uv)|!?[ \t]*(?:sudo[ \t]+)?(?:[\w./]*python3?[ \t]+-m[ \t]+)?"
    r"(?:pip3?|conda|mamba|apt|apt-get|uv[ \t]+pip))[ \t]+(?:-\S+[ \t]+)*install\b",
    re.MULTILINE,
)
_OWN_PATH = re.compile(r"(?:/(?:home|Users|root|mnt|media|content|kaggle)/|~/|[A-Za-z]:[\\/])\S")
_READERS = re.compile(
    r"open|read_(?!sql|clipboard|gbq|html)\w+|loadtxt|genfromtxt|imread|read_text"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something that may go wrong without a person. `cell` counts from 0, `line` from 1.

    `code` is stable. A remark about the whole notebook has no cell.
    """

    code: str
    severity: Severity
    what: str
    why: str
    todo: str
    cell: int | None = None
    cell_id: str = ""
    line: int | None = None


def remarks(notebook: Notebook) -> tuple[Remark, ...]:
    """Return what speaks against running a notebook unattended, in the order of its cells."""
    if notebook.language != "python":
        return ()
    found = [
        *_cells(notebook),
        *_order(notebook),
        *_parameters(notebook),
        *_names(notebook),
    ]
    return tuple(sorted(found, key=lambda remark: (remark.cell or 0, remark.line or 0)))


def _at(  # noqa: PLR0917 - in the order of a sentence
    cell: Cell, line: int, code: str, severity: Severity, what: str, why: str, todo: str
) -> Remark:
    return Remark(
        code=code,
        severity=severity,
        what=what,
        why=why,
        todo=todo,
        cell=cell.index,
        cell_id=cell.id,
        line=line,
    )


def _cells(notebook: Notebook) -> Iterator[Remark]:
    for cell in notebook.code_cells:
        for match in _INSTALL.finditer(cell.source):
            line = cell.source.count("\n", 0, match.end()) + 1
            yield _at(
                cell, line, "install", "warning", "The cell installs packages.",
                "each run would need the network, and may get other versions",
                "install them in the kernel's environment and remove the line",
            )  # fmt: skip
        parsed = parse_cell(cell.source)
        if parsed is None:
            yield _at(
                cell, 1, "syntax", "error", "The cell can't be parsed as Python.",
                "it fails when it is run", "correct it, or make it a raw cell",
            )  # fmt: skip
            continue
        for node in ast.walk(parsed[1]):
            yield from _node(notebook, cell, node)


def _node(notebook: Notebook, cell: Cell, node: ast.AST) -> Iterator[Remark]:
    match node:
        case ast.Call(
            func=ast.Name(id="input" | "getpass" as name) | ast.Attribute(attr="getpass" as name)
        ):
            yield _at(
                cell, node.lineno, "input", "error", f"{name}() asks for input.",
                "nobody answers, and the cell fails",
                "make it a parameter, or a secret with --secret",
            )  # fmt: skip
        case ast.Call(
            func=ast.Name(id=called) | ast.Attribute(attr=called),
            args=[ast.Constant(value=str(text)), *rest],
        ) if _READERS.fullmatch(called) and not _writes(node, rest) and _is_missing(notebook, text):
            yield _at(
                cell, node.lineno, "missing-file", "error", f"There is no file {text}.",
                "the code reads it, and it is not beside the notebook",
                "put it there, or make its path a parameter",
            )  # fmt: skip
        case ast.Constant(value=str(text)) if _OWN_PATH.match(text) and "\n" not in text:
            yield _at(
                cell, node.lineno, "absolute-path", "warning", f"{text} is a path of one machine.",
                "other machines and images do not have it",
                "use a path relative to the notebook, or make it a parameter",
            )  # fmt: skip
        case ast.While(test=ast.Constant(value=value)) if value and not _ends(node):
            yield _at(
                cell, node.lineno, "endless-loop", "error", "The loop never ends.",
                "the run would only stop at its deadline", "end it with break, or remove it",
            )  # fmt: skip
        case _:
            pass


def _writes(node: ast.Call, rest: list[ast.expr]) -> bool:
    modes = [word.value for word in node.keywords if word.arg == "mode"] or rest[:1]
    return any(
        isinstance(mode, ast.Constant) and str(mode.value)[:1] in ("w", "x", "a") for mode in modes
    )


def _is_missing(notebook: Notebook, text: str) -> bool:
    path = PurePosixPath(text)
    if path.is_absolute() or "://" in text or not path.suffix or text.startswith("~"):
        return False
    code = "\n".join(cell.source for cell in notebook.code_cells)
    # A folder that is changed, or another mention: the notebook may make the file itself.
    if re.search(r"chdir|^\s*%cd\b", code, re.MULTILINE) or code.count(path.name) > 1:
        return False
    return not (notebook.path.parent / text).exists()


def _ends(loop: ast.While) -> bool:
    leaves = ast.Break | ast.Return | ast.Raise | ast.Await | ast.Yield
    calls = {"exit", "quit", "_exit", "kill"}
    return any(
        isinstance(part, leaves)
        or (isinstance(part, ast.Name) and part.id in calls)
        or (isinstance(part, ast.Attribute) and part.attr in calls)
        for part in ast.walk(loop)
    )


def _order(notebook: Notebook) -> Iterator[Remark]:
    cells = [cell for cell in notebook.code_cells if cell.source.strip()]
    counts = [notebook.data["cells"][cell.index].get("execution_count") for cell in cells]
    run = [(cell, count) for cell, count in zip(cells, counts, strict=True) if count]
    for (_, before), (cell, count) in pairwise(run):
        if count <= before:
            yield _at(
                cell, 1, "order", "warning", "The cells were run in another order.",
                f"this one was number {count}, the one above it number {before}",
                "restart the kernel and run all cells",
            )  # fmt: skip
            return
    stale = next((c for c, count in zip(cells, counts, strict=True) if run and not count), None)
    if stale:
        yield _at(
            stale, 1, "not-run", "warning", "The cell was not run, or changed since.",
            "others were, so what they show may not be what it gives",
            "restart the kernel and run all cells",
        )  # fmt: skip


def _parameters(notebook: Notebook) -> Iterator[Remark]:
    bindings = find_bindings(notebook)
    code = "\n".join(cell.source for cell in notebook.code_cells)
    for variable in (v for v in find_variables(notebook) if v.tagged):
        places = [b for b in bindings if b.name == variable.name]
        if len(re.findall(rf"(?<!\w){re.escape(variable.name)}(?!\w)", code)) <= len(places):
            first = places[0]
            yield _at(
                first.cell, first.line, "unused-parameter", "warning",
                f"The parameter {variable.name!r} is not used.",
                "a value given for it changes nothing", "use it, or remove it",
            )  # fmt: skip
        for other in places:
            if other.how is How.CONDITIONAL:
                yield _at(
                    other.cell, other.line, "branching", "warning",
                    f"The parameter {variable.name!r} is also set under a condition.",
                    "a given value may be lost there", "keep what is computed in another name",
                )  # fmt: skip
            elif other.how in (How.COMPUTED, How.LOOP) and variable.name not in other.reads:
                yield _at(
                    other.cell, other.line, "discarded-parameter", "warning",
                    f"The parameter {variable.name!r} gets another value here.",
                    "a given value is lost from here on", "use another name here",
                )  # fmt: skip


def _names(notebook: Notebook) -> Iterator[Remark]:
    for unmet in unmet_names(notebook):
        if unmet.later is None:
            why, todo = "no cell of the notebook defines it", "define it, or remove the line"
        else:
            why, todo = f"it is defined only in cell {unmet.later}, below", "move the definition up"
        yield _at(
            unmet.cell, unmet.line, "undefined-name", "error",
            f"{unmet.name!r} is not defined when the cell is run in order.", why, todo,
        )  # fmt: skip
