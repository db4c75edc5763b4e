"""`report.json`, as it is written and read."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from kernel_containers.core.json_values import not_finite, strict_json, with_floats
from kernel_containers.core.runs import CellReport, RunReport
from kernel_containers.core.scraps import ScrapFile
from kernel_containers.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1


def report_to_json(report: RunReport) -> dict[str, Any]:
    """Return the object that `report_from_json` reads.

    It is strict JSON: nan and infinities are texts, and `not_finite` says where, so that no text
    is taken for one.
    """
    whole = {"version": VERSION, **asdict(report)}
    places = not_finite(whole)
    return {**strict_json(whole), "not_finite": places} if places else whole


def report_from_json(value: Mapping[str, Any]) -> RunReport:
    """Read a report; members that a later release added are ignored.

    Raises:
        InvalidInput: it is no report.
    """
    value = restored(value)
    known = {item.name for item in fields(RunReport)}
    cell_fields = {item.name for item in fields(CellReport)}
    file_fields = {item.name for item in fields(ScrapFile)}
    try:
        cells = tuple(
            CellReport(**{name: item for name, item in cell.items() if name in cell_fields})
            for cell in value["cells"]
        )
        members = {name: item for name, item in value.items() if name in known}
        for name in ("warnings", "external_references"):
            members[name] = tuple(value.get(name, ()))
        files = value.get("scrap_files", ())
        members["scrap_files"] = tuple(
            ScrapFile(**{name: item for name, item in file.items() if name in file_fields})
            for file in files
        )
        return RunReport(**{**members, "cells": cells})
    except (AttributeError, KeyError, TypeError) as error:
        raise InvalidInput("This is no report of a run.", why=repr(error)) from error


def restored(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report's object with nan and infinities where it says that they were."""
    places = report.get("not_finite")
    known = places if isinstance(places, list) else ()
    return dict(with_floats(report, filter(_is_text, known)))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
