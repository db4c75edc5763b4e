"""Sent to a running kernel as text: what some of its variables hold, if that is a plain value.

Only the standard library, and nothing newer than Python 3.8. Nothing of a user's objects is
called: values of other types than these are left out, as is what is large.
"""

from __future__ import annotations

import datetime
import decimal
import json
import pathlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_MEMBERS = 1000
LONGEST = 20000  # characters of all values, as JSON
DEEPEST = 20
LARGEST_INT = 10**300


class NotPlain(Exception):
    """A value that is not told."""


def current(namespace: dict[str, Any], names: Sequence[str]) -> str:
    """Return JSON of {name: {"type": …, "value": …}}; names without a plain value are missing."""
    left = [MOST_MEMBERS]
    length = 0
    found = {}
    for name in names:
        if name not in namespace:
            continue
        try:
            kind, value = plain(namespace[name], left, 0)
        except NotPlain:
            continue
        length += len(json.dumps(value))
        if length > LONGEST:
            break
        found[name] = {"type": kind, "value": value}
    return json.dumps(found)


def plain(value: Any, left: list[int], depth: int) -> tuple[str, Any]:  # noqa: C901, PLR0911
    """Return the type and the value in JSON terms; `left` counts down over all values."""
    left[0] -= 1
    if left[0] < 0 or depth > DEEPEST:
        raise NotPlain
    kind = type(value)
    if value is None:
        return "json", None
    if kind is bool:
        return "bool", value
    if kind is int and abs(value) < LARGEST_INT:
        return "int", value
    if kind is float:
        return "float", value
    if kind is str and len(value) <= LONGEST:
        return "str", value
    if kind is datetime.datetime and type(value.tzinfo) in (type(None), datetime.timezone):
        return "datetime", value.isoformat()
    if kind is datetime.date:
        return "date", value.isoformat()
    if kind is decimal.Decimal or kind in (pathlib.PosixPath, pathlib.PurePosixPath):
        return "str", str(value)
    if kind in (list, tuple, set, frozenset) and len(value) <= left[0]:
        return "list", [plain(item, left, depth + 1)[1] for item in list(value)]
    if kind is dict and len(value) <= left[0]:
        if any(type(key) is not str for key in value):
            raise NotPlain
        return "dict", {key: plain(item, left, depth + 1)[1] for key, item in value.items()}
    raise NotPlain
