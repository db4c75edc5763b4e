"""`report.json`, as it is written and read."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from kernel_containers.core.json_values import not_finite, strict_json, with_floats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.core.runs import RunReport

VERSION = 1


def report_to_json(report: RunReport) -> dict[str, Any]:
    """Return the object that `restored` reads.

    It is strict JSON: nan and infinities are texts, and `not_finite` says where, so that no text
    is taken for one.
    """
    whole = {"version": VERSION, **asdict(report)}
    places = not_finite(whole)
    return {**strict_json(whole), "not_finite": places} if places else whole


def restored(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report's object with nan and infinities where it says that they were."""
    places = report.get("not_finite")
    known = places if isinstance(places, list) else ()
    return dict(with_floats(report, filter(_is_text, known)))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
