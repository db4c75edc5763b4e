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
    for method in ("to_pylist", "as_py"):  # pyarrow's arrays and scalars
        if hasattr(value, method):
            return _plain(getattr(value, method)(), where)
    if _has_labels(value):
        raise _refusal(value, where)
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


def _has_labels(value: Any) -> bool:
    """Whether it is a Series whose index says more than the numbers of its rows."""
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(value, pandas.Series):
        return False
    return not value.index.equals(pandas.RangeIndex(len(value)))


def _as_list(value: Any, where: str) -> Any:
    kind = value.dtype.kind if type(value).__module__ == "numpy" else ""
    if kind == "M":  # what is finer than datetime, or far away, would become a number
        return _moments(value.astype(str).tolist())
    if kind == "m" and value.size:
        raise _refusal(value.flat[0], where)
    made = value.tolist()
    if type(made) is type(value):  # it would go on for ever
        raise _refusal(value, where)
    return made


def _moments(texts: Any) -> Any:
    """Return numpy's texts of moments without a fraction of only zeros; none where it has NaT."""
    if isinstance(texts, list):
        return [_moments(text) for text in texts]
    whole, _, fraction = texts.partition(".")
    if not fraction.strip("0"):
        return None if whole == "NaT" else whole
    return texts


def _refusal(value: Any, where: str) -> TypeError:
    kind = type(value)
    name = kind.__qualname__
    if kind.__module__ not in ("builtins", "__main__"):
        name = f"{kind.__module__}.{name}"
    usual = "keep its number or text, a list, a dict or a table"
    names = [base.__name__ for base in kind.__mro__]
    todo = next((advice for name, advice in _ADVICE.items() if name in names), usual)
    if hasattr(kind, "__dataclass_fields__"):
        todo = "keep dataclasses.asdict() of it"
    return TypeError(
        f"{where} is of the type {name}, which JSON does not have; "
        f"{todo}, or show it with display=True"
    )


# By the name of a class, so that nothing has to be imported.
_ADVICE = {
    "set": "keep sorted() of it",
    "frozenset": "keep sorted() of it",
    "deque": "keep list() of it",
    "range": "keep list() of it",
    "dict_keys": "keep list() of it",
    "dict_values": "keep list() of it",
    "timedelta": "keep its .total_seconds()",
    "timedelta64": "keep it as pandas.Timedelta(…).total_seconds()",
    "Decimal": "keep str() or float() of it",
    "Fraction": "keep str() or float() of it",
    "UUID": "keep str() of it",
    "Period": "keep str() of it",
    "Enum": "keep its .name or .value",
    "bytes": "keep its .hex(), or write it to a file",
    "complex": "keep [it.real, it.imag]",
    "longdouble": "keep float() of it",
    "LazyFrame": "keep its .collect()",
    "Series": "keep it as a scrap of its own, or its .to_dict()",
    "DataFrame": "keep it as a scrap of its own, or its .to_dict()",
    "DataArray": "keep its .to_series()",
    "Dataset": "keep its .to_dataframe()",
}
_CONVERSIONS: Any = (
    ((bool, str, int), lambda value, _: value),
    (float, _number),
    (dict, _object),
    ((list, tuple), _list),
    ((datetime.date, datetime.time), lambda value, _: value.isoformat()),
    (os.PathLike, lambda value, _: os.fspath(value)),
)
