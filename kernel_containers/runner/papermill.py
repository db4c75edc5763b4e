"""What readers of papermill's notebooks look for in the metadata, and scrapbook with them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kernel_containers.core.runs import CellReport

_DONE = ("succeeded", "skipped")


def describe_run(notebook: Any, facts: Mapping[str, Any], output: str | None) -> None:
    """Write about the run as a whole; `exception` is None until it has ended."""
    status = facts.get("status")
    notebook["metadata"]["papermill"] = {
        "default_parameters": {},
        "environment_variables": {},
        "parameters": facts["parameters"],
        "input_path": facts["notebook"],
        "output_path": output,
        "start_time": facts["started"],
        "end_time": facts.get("finished"),
        "duration": facts.get("seconds"),
        "exception": None if status is None else status != "succeeded",
    }


def describe_cells(notebook: Any, reports: Sequence[CellReport]) -> None:
    """Write about each cell; papermill calls those that never ran completed, this does not."""
    by_index = {report.index: report for report in reports}
    reached = bool(reports)
    for index, cell in enumerate(notebook["cells"]):
        report = by_index.get(index)
        reached = reached and (report is None or report.status in _DONE)
        cell["metadata"]["papermill"] = _times(report) | {
            "status": _status(report, reached=reached)
        }


def _status(report: CellReport | None, *, reached: bool) -> str:
    if reached:
        return "completed"
    if report is None or report.started is None:
        return "pending"
    return "running" if report.seconds is None else "failed"


def _times(report: CellReport | None) -> dict[str, Any]:
    if report is None or report.started is None:
        names = ("start_time", "end_time", "duration", "exception")
        return dict.fromkeys(names)
    return {
        "start_time": report.started,
        "end_time": _end(report.started, report.seconds),
        "duration": report.seconds,
        "exception": report.seconds is not None and report.status not in _DONE,
    }


def _end(started: str, seconds: float | None) -> str | None:
    if seconds is None:
        return None
    begin = datetime.fromisoformat(started.replace("Z", "+00:00"))  # noqa: FURB162 - Python 3.10
    end = (begin + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
    return end.replace("+00:00", "Z")
