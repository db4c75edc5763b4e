"""Values as JSON has them."""

from __future__ import annotations

import datetime
import math
import os
import sys
from typing import Any


def plain(value: Any) -> Any:
    """Return the value in JSON's terms.

    Raises:
        TypeError: JSON has nothing like it; it says what, and where in the value.
    """
    try:
        return _plain(value, "it")
    except RecursionError:
        message = "it is nested too deeply, or holds itself"
        raise TypeError(message) from None


def _plain(value: Any, where: str) -> Any:
    if value is None or _is_missing(value):
        return None
    for kinds, convert in _CONVERSIONS:
        if isinstance(value, kinds):
            return convert(value, where)
    if hasattr(value, "dtype") and hasattr(value, "tolist"):  # numpy's numbers and arrays
        return _plain(_as_list(value, where), where)
    raise _refusal(value, where)


def _list(value: Any, where: str) -> list[Any]:
    return [_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]


def _number(value: float, where: str) -> Any:
    if math.isinf(value):
        message = f"{where} is {value}, and JSON has no infinity"
        raise TypeError(message)
    return None if math.isnan(value) else float(value)


def _object(value: dict[Any, Any], where: str) -> dict[str, Any]:
    found = {_key(key, where): _plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if len(found) < len(value):
        message = f"{where} has two keys that are the same as text"
        raise TypeError(message)
    return found


def _key(key: Any, where: str) -> str:
    if isinstance(key, str):
        return key
    made = _plain(key, f"a key of {where}")
    if isinstance(made, (str, int)) and not isinstance(made, bool):
        return str(made)
    message = f"a key of {where} is {key!r}, and JSON has only strings as keys"
    raise TypeError(message)


def _is_missing(value: Any) -> bool:
    """Whether it is pandas' NA or NaT, which numpy and pandas put where nothing is."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and (value is pandas.NA or value is pandas.NaT)


def _as_list(value: Any, where: str) -> Any:
    made = value.tolist()
    if type(made) is type(value):  # it would go on for ever
        raise _refusal(value, where)
    return made


def _refusal(value: Any, where: str) -> TypeError:
    kind = type(value)
    name = kind.__qualname__
    if kind.__module__ not in ("builtins", "__main__"):
        name = f"{kind.__module__}.{name}"
    return TypeError(
        f"{where} is of the type {name}, which JSON does not have; "
        "keep its number or text, a list, a dict or a table, or show it with display=True"
    )


_CONVERSIONS: Any = (
    ((bool, str, int), lambda value, _: value),
    (float, _number),
    (dict, _object),
    ((list, tuple), _list),
    ((datetime.date, datetime.time), lambda value, _: value.isoformat()),
    (os.PathLike, lambda value, _: os.fspath(value)),
)
