"""The variables of a Python notebook that a run could be given other values for."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from kernel_containers.core.cells import INJECTED_TAG, PARAMETERS_TAG
from kernel_containers.core.parameters import Variable
from kernel_containers.core.redaction import is_secret_value, names_secret
from kernel_containers.notebook.annotations import annotated
from kernel_containers.notebook.assignments import bindings_by_cell, find_bindings
from kernel_containers.notebook.bindings import Binding, How, places
from kernel_containers.notebook.declarations import declare
from kernel_containers.notebook.literals import type_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kernel_containers.core.parameters import JsonValue, ParameterType
    from kernel_containers.notebook.document import Notebook

__all__ = ["declare", "find_variables", "unreadable_cells"]

# The names that are computed from a name, in order.
Readers = dict[str, dict[str, None]]


def find_variables(notebook: Notebook) -> tuple[Variable, ...]:
    """Return what module-level statements set to plain values, in order of appearance.

    The default is the value that papermill injected earlier, else that of a cell tagged
    `parameters`, else the first one. All plain assignments to a name take a given value, so
    that it holds to the end; other code that rebinds the name stays as it is and makes the
    variable `contested`, with a note. Values inside functions, classes, loops, conditions,
    `try` and `with` make no variable. A notebook in another language than Python has none, as
    has a cell that Python can't parse.
    """
    by_name: dict[str, list[Binding]] = {}
    readers: Readers = {}
    for binding in find_bindings(notebook):
        by_name.setdefault(binding.name, []).append(binding)
        for name in binding.reads:
            readers.setdefault(name, {})[binding.name] = None
    variables = (_variable(mine, readers) for mine in by_name.values())
    return tuple(variable for variable in variables if variable is not None)


def unreadable_cells(notebook: Notebook) -> tuple[int, ...]:
    """Return the indices of code cells that Python can't parse, magics aside."""
    return tuple(index for index, found in bindings_by_cell(notebook).items() if found is None)


def _variable(mine: Sequence[Binding], readers: Readers) -> Variable | None:
    literals = [binding for binding in mine if binding.how is How.LITERAL]
    declared = [binding for binding in mine if binding.how is How.DECLARED]
    others = [binding for binding in mine if binding.how not in (How.LITERAL, How.DECLARED)]
    if literals:
        return _set(literals, declared, others, readers)
    if declared and not others:
        return _declared(declared[0])
    return None


def _set(
    literals: Sequence[Binding],
    declared: Sequence[Binding],
    others: Sequence[Binding],
    readers: Readers,
) -> Variable:
    injected = (binding for binding in literals if INJECTED_TAG in binding.cell.tags)
    tagged = (binding for binding in literals if _is_tagged(binding))
    default = next(chain(injected, tagged, literals))
    assert default.literal is not None  # noqa: S101 - LITERAL has one
    literal = default.literal
    said = (b.annotation for b in declared if b.annotation and not b.annotation.prefix)
    literal = annotated(literal, next(said, None))
    described = (binding.description for binding in (default, *literals, *declared))
    return Variable(
        name=default.name,
        type=literal.type,
        default=literal.value,
        description=next(filter(None, described), ""),
        secret=_is_secret(default.name, literal.type, literal.value),
        tagged=any(map(_is_tagged, literals)),
        contested=bool(others),
        choices=literal.choices,
        edits=tuple(binding.edit for binding in literals if binding.edit),
        notes=_notes(default, literals, others, readers),
    )


def _declared(binding: Binding) -> Variable:
    kind = binding.annotation.type if binding.annotation else "json"
    return Variable(
        name=binding.name,
        type=kind,
        default=None,
        description=binding.description,
        secret=_is_secret(binding.name, kind, None),
        tagged=_is_tagged(binding),
        required=True,
        choices=binding.annotation.choices if binding.annotation else (),
        edits=(binding.edit,) if binding.edit else (),
    )


def _is_secret(name: str, kind: ParameterType, value: JsonValue) -> bool:
    if isinstance(value, str) and is_secret_value(value):
        return True
    if isinstance(value, dict):  # `db = {"host": "…", "password": "…"}`
        return any(_is_secret(key, type_of(item), item) for key, item in value.items())
    return kind in ("str", "json") and names_secret(name)


def _is_tagged(binding: Binding) -> bool:
    return PARAMETERS_TAG in binding.cell.tags


def _notes(
    default: Binding,
    literals: Sequence[Binding],
    others: Sequence[Binding],
    readers: Readers,
) -> tuple[str, ...]:
    notes: list[str] = []
    if len(literals) > 1:
        notes.append(
            f"It is set in {places(literals)}: a given value takes the place of each of these."
        )
    injected = [binding for binding in literals if INJECTED_TAG in binding.cell.tags]
    if injected:
        notes.append(
            f"{injected[0].cell.name.capitalize()} was injected by an earlier run of papermill: "
            "its value is the default."
        )
    for how in dict.fromkeys(binding.how for binding in others):
        same = [binding for binding in others if binding.how is how]
        notes.append(f"It is also {how.value} in {places(same)}, where a given value may be lost.")
    followers = [name for name in readers.get(default.name, ()) if name != default.name]
    if followers:
        notes.append(f"Computed from it: {', '.join(followers)}.")
    return tuple(notes)
