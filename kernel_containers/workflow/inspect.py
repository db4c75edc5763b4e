"""What a notebook's text tells: no kernel is asked, no engine, no registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kernel_containers.core.reference import slug
from kernel_containers.errors import InvalidInput, KernelContainersError, NotFound, error_as_json
from kernel_containers.kernels import kernelspecs
from kernel_containers.notebook import document
from kernel_containers.notebook.declarations import declare
from kernel_containers.notebook.fitness import remarks
from kernel_containers.notebook.variables import find_variables, unreadable_cells
from kernel_containers.snapshot import secrets

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.core.parameters import Variable
    from kernel_containers.notebook.document import Notebook
    from kernel_containers.notebook.remark import Remark


def inspect(path: Path, content: dict[str, Any] | None) -> dict[str, Any]:
    """Return what the wizard shows first; `content`, where given, is the file's JSON.

    Raises:
        NotFound, Refused, InvalidInput: as from `document.read`.
    """
    notebook = document.read(path) if content is None else document.from_json(path, content)
    variables = find_variables(notebook)
    chosen = {parameter.name for parameter in declare(notebook, variables, None)}
    findings = secrets.find_secrets(notebook.named_sources, ())
    return {
        "title": notebook.title,
        "name": slug(path.name),
        "description": notebook.description,
        "language": notebook.language,
        "kernel": _kernel(notebook),
        "cells": len(notebook.cells),
        "variables": [_variable(item, chosen=item.name in chosen) for item in variables],
        "unread_cells": list(unreadable_cells(notebook)),
        "findings": [finding.as_json() for finding in findings],
        "problems": [_problem(remark) for remark in remarks(notebook)],
        "live": None,
    }


def _kernel(notebook: Notebook) -> dict[str, Any]:
    name = notebook.kernel_name
    answer: dict[str, Any] = {
        "name": name,
        "display_name": name,
        "containerized": False,
        "problem": None,
    }
    try:
        spec = kernelspecs.find(name or kernelspecs.NATIVE)
    except (NotFound, InvalidInput) as error:
        return {**answer, "problem": error_as_json(error)}
    if spec.config is None and spec.language != "python":
        answer["problem"] = error_as_json(_foreign(spec.display_name))
    return {**answer, "display_name": spec.display_name, "containerized": spec.ours}


def _foreign(name: str) -> KernelContainersError:
    return InvalidInput(
        f"{name} runs on this machine and is no Python, so its environment can't be captured.",
        todo="add a containerized kernel of an image that has it, and choose that kernel",
    )


def _variable(variable: Variable, *, chosen: bool) -> dict[str, Any]:
    return {
        "name": variable.name,
        "type": variable.type,
        "default": None if variable.secret else variable.default,
        "description": variable.description,
        "secret": variable.secret,
        "tagged": variable.tagged,
        "required": variable.required,
        "contested": variable.contested,
        "chosen": chosen,
        "choices": [] if variable.secret else list(variable.choices),
        "cells": list(dict.fromkeys(edit.cell for edit in variable.edits)),
        "notes": list(variable.notes),
        "current": None,
    }


def _problem(remark: Remark) -> dict[str, Any]:
    return {
        "rule": remark.code,
        "subject": remark.subject,
        "severity": remark.severity,
        "message": f"{remark.what} ({remark.why})" if remark.why else remark.what,
        "todo": remark.todo,
        "cell": remark.cell,
    }
