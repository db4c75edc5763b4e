"""Gives a notebook's cells the values of a run: in place where that was decided, else in a cell.

Where a value goes was decided when the image was made; here it is only carried out and checked.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kernel_containers.core.cells import INJECTED_TAG, PARAMETERS_TAG, tags_of
from kernel_containers.core.json_values import has_nan
from kernel_containers.core.parameter_values import undeclared
from kernel_containers.errors import InvalidInput
from kernel_containers.runner import structure
from kernel_containers.runner.literals import (
    assignment,
    language_for,
    secret_text,
    secret_variable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kernel_containers.core.contract import Contract
    from kernel_containers.core.parameters import Edit, JsonValue, Parameter, ParameterType
    from kernel_containers.runner.foreign_literals import Language

# Of a prefix, what makes a statement: `; n = tuple(` and ` = `.
_ASSIGNS = re.compile(r"^(?:; *[^=]*)?\s*=\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetValue:
    """What a name was set to: expressions by index of the cell that does it, as cells are now."""

    given: Mapping[int, str]
    is_secret: bool
    has_nan: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What was done. `environment` holds secrets for the kernel; texts are for people.

    `values` are empty for other languages than Python.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, SetValue] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def apply_values(notebook: Any, contract: Contract, values: Mapping[str, JsonValue]) -> Applied:
    """Change `notebook` so that it runs with `values`; names that are not declared are injected.

    Raises:
        InvalidInput: a cell is not the one that was containerized, or a value can't be written
            in the kernel's language. The notebook may then be half changed.
    """
    if not values:
        return Applied()
    language = language_for(contract.kernel.language)
    is_python = contract.kernel.language.lower() == "python"
    literals, environment = _literals(language, contract, values)
    edited = [item for item in contract.parameters if item.edits and item.name in literals]
    if edited and not is_python:
        raise InvalidInput("Values are changed in place in Python notebooks only.")
    before = [*notebook["cells"]]
    _make_edits(before, [(edit, literals[item.name]) for item in edited for edit in item.edits])
    warnings = _drop_stale_cells(notebook, contract)
    in_place = {item.name for item in edited}
    injected = [name for name in values if name not in in_place]
    where = 0
    if injected:
        statements = [assignment(language, name, literals[name]) for name in injected]
        where = _inject(notebook, [f"{language.comment} Parameters", *statements])
    if not is_python:
        return Applied(environment=environment, warnings=warnings)
    _check_that_they_hold(notebook["cells"], where, injected)
    given = {name: {where: literals[name]} for name in injected}
    now = {id(cell): index for index, cell in enumerate(notebook["cells"])}
    for item in edited:
        ordered = sorted(item.edits, key=lambda edit: edit.start)  # the last of a cell counts
        text = literals[item.name]
        given[item.name] = {now[id(before[edit.cell])]: _value(edit, text) for edit in ordered}
    set_values = {
        name: SetValue(
            given=given[name],
            is_secret=secret_variable(name) in environment,
            has_nan=has_nan(value),
        )
        for name, value in values.items()
    }
    return Applied(environment=environment, values=set_values, warnings=warnings)


def _literals(
    language: Language, contract: Contract, values: Mapping[str, JsonValue]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return each value in the kernel's language, and the variables that hold the secret ones."""
    declared = {parameter.name: parameter for parameter in contract.parameters}
    environment: dict[str, str] = {}
    literals: dict[str, str] = {}
    for name, value in values.items():
        parameter = declared.get(name) or undeclared(name)
        kind = _kind(parameter, value)
        if parameter.secret:
            environment[secret_variable(name)] = _for_environment(name, value)
            literals[name] = language.secret(kind, secret_variable(name))
        else:
            literals[name] = language.literal(kind, value)
    return literals, environment


def _kind(parameter: Parameter, value: JsonValue) -> ParameterType:
    is_text = isinstance(value, str) and parameter.type in ("enum", "json")
    return "str" if is_text else parameter.type


def _for_environment(name: str, value: JsonValue) -> str:
    text = secret_text(value)
    # Linux refuses longer ones: MAX_ARG_STRLEN, 32 pages.
    if "\0" in text or len(text.encode(errors="surrogateescape")) > 120_000:
        raise InvalidInput(
            f"The secret {name!r} can't be passed to the kernel.",
            why="it is longer than 120,000 bytes, or holds NUL",
            todo="mount it as a file and make the file's path the parameter",
        )
    return text


def _make_edits(cells: Sequence[Any], edits: Sequence[tuple[Edit, str]]) -> None:
    by_cell: dict[int, list[tuple[Edit, str]]] = {}
    for edit, literal in edits:
        by_cell.setdefault(edit.cell, []).append((edit, literal))
    for index, found in by_cell.items():
        if index >= len(cells):
            raise _not_the_same(index, "the notebook has fewer cells")
        cells[index]["source"] = _edited(cells[index], index, found)


def _edited(cell: Any, index: int, edits: list[tuple[Edit, str]]) -> str:
    source: str = cell["source"]
    digest = hashlib.sha256(source.encode(errors="surrogatepass")).hexdigest()
    ordered = sorted(edits, key=lambda item: (item[0].start, item[0].end))
    end = 0
    for edit, _ in ordered:
        if cell["cell_type"] != "code" or edit.source_sha256 != digest:
            raise _not_the_same(index, "its source has another hash")
        if cell.get("id", edit.cell_id) != edit.cell_id:
            raise _not_the_same(index, "it has another id")
        if not end <= edit.start <= edit.end <= len(source):
            raise _not_the_same(index, "the places of values overlap or lie outside")
        end = edit.end
    result = structure.splice(source, [(*_span(edit), literal) for edit, literal in ordered])
    structure.check(source, [(*_span(edit), literal) for edit, literal in ordered], index)
    return result


def _span(edit: Edit) -> tuple[int, int, str, str]:
    return edit.start, edit.end, edit.prefix, edit.suffix


def _not_the_same(index: int, why: str) -> InvalidInput:
    return InvalidInput(
        f"Cell {index + 1} is not the one that this image was made with.",
        why=why,
        todo="containerize the notebook again",
    )


def _value(edit: Edit, literal: str) -> str:
    """Return the expression that an edit makes of a literal."""
    return f"{_ASSIGNS.sub('', edit.prefix, count=1)}{literal}{edit.suffix}"


def _drop_stale_cells(notebook: Any, contract: Contract) -> tuple[str, ...]:
    kept = {edit.cell for parameter in contract.parameters for edit in parameter.edits}
    stale = [
        index
        for index, cell in enumerate(notebook["cells"])
        if cell["cell_type"] == "code" and INJECTED_TAG in tags_of(cell) and index not in kept
    ]
    for index in reversed(stale):
        del notebook["cells"][index]
    return tuple(
        f"Cell {index + 1} held the parameters of an earlier run and was left out."
        for index in stale
    )


def _inject(notebook: Any, lines: list[str]) -> int:
    tagged = (
        index + 1
        for index, cell in enumerate(notebook["cells"])
        if cell["cell_type"] == "code" and PARAMETERS_TAG in tags_of(cell)
    )
    where = next(tagged, 0)
    cell: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"tags": [INJECTED_TAG]},
        "outputs": [],
        "source": "\n".join(lines),
    }
    if notebook["nbformat_minor"] >= 5:
        taken = {cell.get("id") for cell in notebook["cells"]}
        # Not random: the same inputs give the same notebook.
        cell["id"] = next(
            f"{INJECTED_TAG}{number}"
            for number in ("", *range(len(taken) + 1))
            if f"{INJECTED_TAG}{number}" not in taken
        )
    notebook["cells"].insert(where, cell)
    return where


def _check_that_they_hold(cells: Sequence[Any], where: int, names: list[str]) -> None:
    for number, cell in enumerate(cells[where + 1 :], start=where + 1):
        for name in names:
            if cell["cell_type"] == "code" and structure.sets_anew(cell["source"], name):
                raise InvalidInput(
                    f"The value of {name!r} would be overwritten in cell {number}.",
                    why="no cell of the notebook says that its values are parameters",
                    todo=f"containerize the notebook again with --parameter {name}",
                )
