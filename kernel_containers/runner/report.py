"""`report.json`, `latest.json` and the facts above the page."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kernel_containers.core.parameter_values import from_json
from kernel_containers.core.redaction import MASK
from kernel_containers.core.run_json import report_to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.core.contract import Contract
    from kernel_containers.core.parameters import JsonValue, Parameter
    from kernel_containers.core.runs import Cause, RunReport

_LONGEST_SHOWN = 300  # characters of a parameter's value above the page
_LONGEST_KEPT = 100_000  # characters of its JSON in the report


def status_for(cause: Cause, exit_code: int) -> Any:
    """Return the word for how a run ended."""
    if cause == "terminated":
        return "cancelled"
    return "succeeded" if exit_code == 0 else "failed"


def without_cells(report: RunReport) -> RunReport:
    """Return the report of a run that ended before its first cell, with the outputs it has."""
    written = () if report.cause == "outputs" else ("report", "log")
    outputs = {name: uri for name, uri in report.outputs.items() if name in written}
    return replace(report, outputs=outputs)


def shown_parameters(contract: Contract, values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return all parameters as the run had them: given, or their default; secrets masked.

    Of a value of megabytes only its size and hash are shown: the notebook has it whole.
    """
    shown: dict[str, JsonValue] = {}
    for parameter in contract.parameters:
        if parameter.secret:
            shown[parameter.name] = MASK if parameter.name in values else None
        else:
            shown[parameter.name] = _shown(values.get(parameter.name, _default(parameter)))
    return {**shown, **{name: _shown(item) for name, item in values.items() if name not in shown}}


def _default(parameter: Parameter) -> JsonValue:
    # A contract is strict JSON, in which infinity is a text.
    is_text = parameter.type == "float" and isinstance(parameter.default, str)
    return from_json(parameter, parameter.default) if is_text else parameter.default


def _shown(value: JsonValue) -> JsonValue:
    text = json.dumps(value)
    if len(text) <= _LONGEST_KEPT:
        return value
    return {"bytes": len(text), "sha256": hashlib.sha256(text.encode()).hexdigest()}


def latest_pointer(report: RunReport) -> dict[str, Any]:
    """Return the content of `latest.json`."""
    names = ("run_id", "status", "cause", "exit_code", "started", "finished", "outputs")
    whole = report_to_json(report)
    return {"version": whole["version"], **{name: whole[name] for name in names}}


def facts_of(report: RunReport) -> list[tuple[str, str]]:
    """Return what stands above the page besides parameters."""
    ran = sum(cell.started is not None for cell in report.cells)
    return [
        ("Started", report.started.replace("T", " ").partition(".")[0] + " UTC"),
        ("Duration", duration_text(report.seconds)),
        ("Cells", f"{ran} of {len(report.cells)} ran"),
        ("Run", report.run_id),
        ("Image", report.image or "not told"),
    ]


def duration_text(seconds: float) -> str:
    """Return a duration for people."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def parameter_texts(parameters: Mapping[str, JsonValue]) -> list[tuple[str, str]]:
    """Return parameters in one line each."""
    texts = []
    for name, value in parameters.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        texts.append((name, text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"))
    return texts
