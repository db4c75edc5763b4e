"""What an executed notebook says about its run: ours, papermill's, or any with scrapbook's scraps.

papermill writes no report, and calls every cell completed when a kernel died; so the cells
themselves are looked at.
"""

from __future__ import annotations

import ast
import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from kernel_containers.core.cells import ALLOW_TAG, INJECTED_TAG, SKIP_TAG, outputs_of, tags_of
from kernel_containers.core.large_json import parse_json
from kernel_containers.core.scraps import scraps_of
from kernel_containers.errors import InvalidInput

if TYPE_CHECKING:
    from kernel_containers.core.parameters import JsonValue
    from kernel_containers.core.scraps import Scrap


def read_executed(data: bytes) -> dict[str, Any]:
    """Return the JSON of a notebook.

    Raises:
        InvalidInput: it is none of format 4.
    """
    try:
        notebook = parse_json(data)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("It is no notebook.", why=str(error)) from error
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise InvalidInput("It is no notebook of format 4.")
    if not all(isinstance(cell, dict) for cell in notebook["cells"]):
        raise InvalidInput("It is no notebook of format 4.")
    return notebook


def report_from_notebook(notebook: dict[str, Any]) -> tuple[dict[str, Any], tuple[Scrap, ...]]:
    """Return what `report.json` would say, as far as it is known, and the scraps.

    An empty report is one of a notebook that no program ran.
    """
    metadata = _mapping(notebook.get("metadata"))
    ours, papermill = (_mapping(metadata.get(name)) for name in ("kernel_containers", "papermill"))
    scraps = scraps_of(notebook)
    injected = [cell for cell in notebook["cells"] if INJECTED_TAG in tags_of(cell)]
    if not (ours or papermill or scraps or injected):
        return {}, ()
    said = ours or papermill
    path = papermill.get("input_path") or papermill.get("output_path")
    report = {
        "status": ours.get("status") or _status(notebook, papermill, is_ours=bool(ours)),
        "exit_code": ours.get("exit_code"),
        "run_id": ours.get("run_id"),
        "image": ours.get("image"),
        "notebook": PurePosixPath(path).name if isinstance(path, str) else None,
        "started": ours.get("started") or papermill.get("start_time"),
        "finished": ours.get("finished") or papermill.get("end_time"),
        "seconds": papermill.get("duration"),
        "parameters": _mapping(said.get("parameters")) or _assigned(injected),
    }
    return {name: value for name, value in report.items() if value is not None}, scraps


def _status(notebook: dict[str, Any], papermill: dict[str, Any], *, is_ours: bool) -> str:
    cells = [cell for cell in notebook["cells"] if cell.get("cell_type") == "code"]
    outputs = [output for cell in cells for output in outputs_of(cell)]
    allowed = {id(output) for cell in cells for output in _allowed_errors(cell)}
    failed = any(
        output.get("output_type") == "error" and id(output) not in allowed for output in outputs
    )
    if failed or papermill.get("exception"):
        return "failed"
    ran = all(cell.get("execution_count") is not None for cell in cells if _is_to_run(cell))
    ended = not papermill or papermill.get("end_time") is not None
    return "succeeded" if ran and ended and not is_ours else "unfinished"


def _allowed_errors(cell: dict[str, Any]) -> list[Any]:
    return outputs_of(cell) if ALLOW_TAG in tags_of(cell) else []


def _is_to_run(cell: dict[str, Any]) -> bool:
    return bool(_source(cell).strip()) and SKIP_TAG not in tags_of(cell)


def _assigned(cells: list[dict[str, Any]]) -> dict[str, JsonValue]:
    """Return the literals that cells of Python assign; nothing of another language's."""
    found: dict[str, JsonValue] = {}
    for cell in cells:
        try:
            statements = ast.parse(_source(cell)).body
        except (SyntaxError, ValueError, RecursionError):
            continue
        for statement in statements:
            if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
                continue
            target = statement.targets[0]
            if isinstance(target, ast.Name):
                _take(found, target.id, statement.value)
    return found


def _take(found: dict[str, JsonValue], name: str, node: ast.expr) -> None:
    try:
        value = ast.literal_eval(node)
        json.dumps(value)
    except (ValueError, TypeError, RecursionError):
        return
    found[name] = value


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
