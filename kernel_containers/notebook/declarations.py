"""From variables that were found to the declared inputs of an image."""

from __future__ import annotations

import ast
import difflib
import platform
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from kernel_containers.core.cells import PARAMETERS_TAG
from kernel_containers.core.declarations import redeclare
from kernel_containers.core.parameters import Parameter
from kernel_containers.errors import InvalidInput
from kernel_containers.notebook.assignments import bindings_by_cell, find_bindings, parse_cell
from kernel_containers.notebook.bindings import How, places

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kernel_containers.core.declarations import Declaration
    from kernel_containers.core.parameters import ParameterType, Variable
    from kernel_containers.notebook.document import Cell, Notebook

_PYTHON = f"Python {'.'.join(platform.python_version_tuple()[:2])}"


def declare(
    notebook: Notebook,
    variables: Sequence[Variable],
    names: Sequence[str] | None,
    secrets: Sequence[str] = (),
    declarations: Sequence[Declaration] = (),
) -> tuple[Parameter, ...]:
    """Return the parameters of an image: those named, in that order, then others asked for.

    Without `names`: where a cell is tagged `parameters` its variables, as its author meant it.
    Else every variable that nothing but plain assignments give a value, so that a given value
    holds, and whose name neither hints at a secret nor starts with an underscore: none of them
    has to be given, so a run can set any without declaring it first.

    `secrets` have to be given with each run. A chosen variable whose name hints at a secret is
    one too, and has to be given if the notebook holds a value, because that is not shipped.

    A notebook in another language, or a tagged cell that computes the variable, gets a
    parameter without edits, which goes into an injected cell.

    What `declarations` say about a parameter wins, and makes one of what they name.

    Raises:
        InvalidInput: there is no such variable, or it gets its value in another way; a
            declaration does not fit it.
    """
    declared = {declaration.name: declaration for declaration in declarations}
    _check_excluded(declared, names or (), secrets, variables)
    hidden = [*secrets, *(name for name, item in declared.items() if item.secret)]
    by_name = {variable.name: variable for variable in variables} | {
        variable.name: replace(variable, secret=False)
        for variable in variables
        if variable.name in declared and declared[variable.name].secret is False
    }
    chosen = _usual(notebook, variables) if names is None else names
    parameters = (
        _parameter(by_name[name], asked_secret=name in hidden)
        if name in by_name
        else _injected(notebook, variables, name, secret=name in hidden)
        for name in dict.fromkeys([*chosen, *secrets, *declared])
        if name not in declared or not declared[name].excluded
    )
    return tuple(
        redeclare(parameter, declared[parameter.name]) if parameter.name in declared else parameter
        for parameter in parameters
    )


def _check_excluded(
    declared: Mapping[str, Declaration],
    names: Sequence[str],
    secrets: Sequence[str],
    variables: Sequence[Variable],
) -> None:
    known = {variable.name for variable in variables}
    for name, declaration in declared.items():
        if declaration.excluded and name in {*names, *secrets}:
            raise InvalidInput(f"{name!r} is both asked for and excluded.")
        if declaration.excluded and name not in known:
            raise InvalidInput(
                f"The notebook has no variable {name!r}.", todo=_suggestion(name, variables)
            )
        if declaration.secret is False and name in secrets:
            raise InvalidInput(f"{name!r} is declared both as a secret and as none.")


def _usual(notebook: Notebook, variables: Sequence[Variable]) -> list[str]:
    if _tagged_cells(notebook):
        return [variable.name for variable in variables if variable.tagged]
    return [
        variable.name
        for variable in variables
        if not (variable.secret or variable.contested or variable.name.startswith("_"))
    ]


def _tagged_cells(notebook: Notebook) -> list[Cell]:
    return [cell for cell in notebook.code_cells if PARAMETERS_TAG in cell.tags]


def _parameter(variable: Variable, *, asked_secret: bool) -> Parameter:
    secret = asked_secret or variable.secret
    holds_value = variable.default not in (None, "")
    has_type = variable.type not in ("json", "enum")  # which say themselves whether they take it
    return Parameter(
        name=variable.name,
        type=_type_of_secret(variable) if secret else variable.type,
        default=None if secret else variable.default,
        required=variable.required or asked_secret or (secret and holds_value),
        secret=secret,
        description=variable.description,
        choices=() if secret else variable.choices,
        edits=variable.edits,
        nullable=variable.default is None and has_type and not (secret or variable.required),
    )


def _type_of_secret(variable: Variable) -> ParameterType:
    """Return the type without choices, which would stand in the image."""
    if variable.type != "enum":
        return variable.type
    return "str" if all(isinstance(choice, str) for choice in variable.choices) else "json"


def _injected(
    notebook: Notebook, variables: Sequence[Variable], name: str, *, secret: bool
) -> Parameter:
    cells = _tagged_cells(notebook)
    if notebook.language == "python":
        _check_binding(notebook, variables, name)
    elif not cells:
        raise InvalidInput(
            f"{name!r} can't be a parameter of a notebook in {notebook.language}.",
            why="its values are not found in the code, and no cell says where they go",
            todo="tag the cell that sets the defaults: parameters",
        )
    elif not any(_mentions(cell, name) for cell in cells):
        raise InvalidInput(
            f"The cell tagged parameters does not set {name!r}.", todo="check the spelling"
        )
    return Parameter(name=name, type="json", secret=secret, required=secret)


def _mentions(cell: Cell, name: str) -> bool:
    return bool(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", cell.source))


def _check_binding(notebook: Notebook, variables: Sequence[Variable], name: str) -> None:
    """Let a name pass that a tagged cell computes, so that an injected cell can follow it."""
    found = [binding for binding in find_bindings(notebook) if binding.name == name]
    if not found:
        bound = bindings_by_cell(notebook)
        unread = [
            cell.name
            for cell in notebook.code_cells
            if _mentions(cell, name) and bound[cell.index] is None
        ]
        inside = _first_inside(notebook, name)
        if inside:
            raise InvalidInput(
                f"{name!r} can't be a parameter.",
                why=f"it is only set inside a function or class, in {inside}",
                todo=f"set it outside of any, such as {name} = 1, and use that there",
            )
        raise InvalidInput(
            f"The notebook has no variable {name!r}.",
            why=f"{', '.join(unread)} can't be parsed as {_PYTHON}" if unread else None,
            todo=_suggestion(name, variables),
        )
    computed = [binding for binding in found if binding.how is How.COMPUTED]
    if any(PARAMETERS_TAG in binding.cell.tags for binding in computed):
        return
    first = found[0]
    same = [binding for binding in found if binding.how is first.how]
    raise InvalidInput(
        f"{name!r} can't be a parameter.",
        why=f"it is {first.how.value} in {places(same)}",
        todo=f"set it to a plain value in a line of its own first, such as {name} = 1",
    )


def _first_inside(notebook: Notebook, name: str) -> str:
    """Return the place where a function or class first sets a name; an empty text if none does."""
    for cell in notebook.code_cells:
        parsed = parse_cell(cell.source)
        for node in ast.walk(parsed[1]) if parsed else ():
            match node:
                case ast.Name(id=found, ctx=ast.Store()) | ast.arg(arg=found) if found == name:
                    return f"{cell.name}, line {node.lineno}"
                case _:
                    pass
    return ""


def _suggestion(name: str, variables: Sequence[Variable]) -> str:
    names = [variable.name for variable in variables]
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"choose among: {', '.join(names)}" if names else "set it to a plain value in a cell"
