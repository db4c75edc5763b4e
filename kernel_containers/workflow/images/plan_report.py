"""A plan for people, and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from kernel_containers.core.parameters import json_schema
from kernel_containers.core.sizes import size_text
from kernel_containers.core.snapshot import FileKind

if TYPE_CHECKING:
    from kernel_containers.core.parameters import Parameter
    from kernel_containers.core.snapshot import FileSet
    from kernel_containers.workflow.images.plan import Plan

LONGEST_VALUE = 80  # characters of a default
_WORTH_A_WORD = 100_000  # bytes of a file
SHOWN = 20  # lines of one kind before "and … more"


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """Return the plan's decisions; files of the environment are counted, the notebook's listed."""
    snapshot = plan.snapshot
    return {
        "notebook": str(snapshot.notebook),
        "title": snapshot.title,
        "description": snapshot.description,
        "destination": str(plan.destination),
        "base": {"name": snapshot.base_name, "id": str(plan.base.id)},
        "kernel": {
            "name": snapshot.contract.kernel.name,
            "argv": list(snapshot.contract.kernel.argv),
        },
        "python": snapshot.environment.interpreter.version_text,
        "user": snapshot.user,
        "user_reason": snapshot.user_reason,
        "layers": [
            {"name": item.name, "files": item.count, "size": item.size}
            for item in (each.whole() for each in snapshot.file_sets)
        ],
        "files": _files(snapshot.file_sets[-1]),
        "parameters": json_schema(snapshot.contract.parameters, snapshot.title),
        "variables": [name for name, _ in snapshot.variables],
        "exclusions": [asdict(item) for item in snapshot.exclusions],
        "findings": [item.as_json() for item in snapshot.findings],
        "notes": list(snapshot.notes),
        "warnings": [asdict(risk) for risk in snapshot.warnings],
    }


def _files(file_set: FileSet) -> list[str]:
    return [entry.target for entry in file_set.entries if entry.kind is not FileKind.FOLDER]


def _sized(file_set: FileSet) -> list[str]:
    return [
        f"{entry.target}  {size_text(entry.size)}" if entry.size >= _WORTH_A_WORD else entry.target
        for entry in file_set.entries
        if entry.kind is not FileKind.FOLDER
    ]


def plan_as_text(plan: Plan) -> str:
    """Return the plan in words, a line per decision."""
    snapshot = plan.snapshot
    interpreter = snapshot.environment.interpreter
    lines = [
        f"Notebook     {snapshot.notebook}",
        f"Image        {plan.destination}",
        f"Base         {snapshot.base_name}",
        f"Environment  {snapshot.environment.kind}, Python {interpreter.version_text}, "
        f"{interpreter.prefix}",
        f"User         {snapshot.user}"
        + (f": {snapshot.user_reason}" if snapshot.user_reason else ""),
        "Layers",
        *(
            f"  {item.name:<14}{item.count:>7} files {size_text(item.size):>13}"
            for item in (each.whole() for each in snapshot.file_sets)
        ),
        *_listed("Files", _sized(snapshot.file_sets[-1])),
        *_listed("Parameters", list(map(_parameter, snapshot.contract.parameters))),
        *_listed("Left out", [f"{item.path} ({item.reason})" for item in snapshot.exclusions]),
        *_listed("Likely secrets", list(map(str, snapshot.findings))),
        *_listed("Warnings", [risk.message for risk in snapshot.warnings]),
        *_listed("Notes", list(snapshot.notes)),
    ]
    return "\n".join(lines)


def _parameter(parameter: Parameter) -> str:
    text = f"{parameter.name}: {parameter.type}"
    if parameter.secret:
        text += " (secret)"
    elif not parameter.required:
        text += f" = {_short(parameter.default)}"
    return f"{text}  # {parameter.description}" if parameter.description else text


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _listed(title: str, items: list[str]) -> list[str]:
    if not items:
        return []
    more = [f"  … and {len(items) - SHOWN} more"] if len(items) > SHOWN else []
    return [title, *(f"  {item}" for item in items[:SHOWN]), *more]
