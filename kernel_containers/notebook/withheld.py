"""A notebook without the values of its secrets."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from kernel_containers.errors import InvalidInput
from kernel_containers.notebook import document
from kernel_containers.notebook.variables import find_variables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kernel_containers.core.parameters import Edit, Parameter
    from kernel_containers.notebook.document import Notebook


def withhold(
    notebook: Notebook, parameters: Sequence[Parameter]
) -> tuple[Notebook, tuple[Parameter, ...]]:
    """Return the notebook with `None` in place of each secret, and the parameters' new edits.

    Nothing else of the notebook changes; without secrets it is returned as it is.

    Raises:
        InvalidInput: a secret's value also belongs to another name, as in `a = b = "…"`.
    """
    edits = [edit for parameter in parameters if parameter.secret for edit in parameter.edits]
    if not edits:
        return notebook, tuple(parameters)
    for parameter in parameters:
        if parameter.secret and any(edit.prefix.startswith(";") for edit in parameter.edits):
            raise InvalidInput(
                f"The secret {parameter.name!r} shares its value with another name.",
                todo=f"set {parameter.name} in a statement of its own",
            )
    bare = _with_sources(notebook, _blanked(notebook, edits))
    found = {variable.name: variable.edits for variable in find_variables(bare)}
    return bare, tuple(
        replace(parameter, edits=_moved(parameter.edits, found[parameter.name]))
        if parameter.edits
        else parameter
        for parameter in parameters
    )


def _moved(before: Sequence[Edit], after: Sequence[Edit]) -> tuple[Edit, ...]:
    # `tuple(` around a withheld tuple can't be found any more where None stands.
    return tuple(
        replace(new, prefix=old.prefix, suffix=old.suffix)
        for old, new in zip(before, after, strict=True)
    )


def _blanked(notebook: Notebook, edits: Sequence[Edit]) -> dict[int, str]:
    sources: dict[int, str] = {}
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        source = sources.get(edit.cell, notebook.cells[edit.cell].source)
        if edit.start < edit.end:
            sources[edit.cell] = f"{source[: edit.start]}None{source[edit.end :]}"
    return sources


def _with_sources(notebook: Notebook, sources: dict[int, str]) -> Notebook:
    cells = list(notebook.data["cells"])
    for index, source in sources.items():
        cell = cells[index]
        as_list = isinstance(cell.get("source"), list)
        cells[index] = {**cell, "source": source.splitlines(keepends=True) if as_list else source}
    data = {**notebook.data, "cells": cells}
    return document.parse(notebook.path, json.dumps(data).encode())
