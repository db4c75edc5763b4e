"""The one way from what somebody wrote to a parameter's value; nothing is guessed.

Values are in JSON terms: a date or datetime is its canonical ISO 8601 text, and a float may be
nan or infinite, which JSON itself cannot say and Python's reader of it can.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import reprlib
from datetime import date, datetime
from typing import TYPE_CHECKING

from kernel_containers.core.json_values import MOST_DIGITS, check_json, is_too_long, read_json
from kernel_containers.core.parameters import Parameter
from kernel_containers.core.redaction import MASK
from kernel_containers.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kernel_containers.core.parameters import JsonValue, ParameterType

# No leading zeros: 012345678901 is somebody's account number, not an integer.
_INT = re.compile(r"[+-]?(?:0|[1-9][0-9]*)", re.ASCII)
_FLOAT = re.compile(
    r"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf(?:inity)?|nan)",
    re.ASCII | re.IGNORECASE,
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_DATETIME = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ](?P<minute>[0-9]{2}:[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,6}))?)?"
    r"(?:(?P<utc>[Zz])|(?P<hours>[+-][0-9]{2}):?(?P<minutes>[0-9]{2}))?",
    re.ASCII,
)

_BRIEFLY = reprlib.Repr()
_BRIEFLY.maxlevel, _BRIEFLY.maxlist, _BRIEFLY.maxdict = 3, 20, 20
_BRIEFLY.maxstring = _BRIEFLY.maxlong = 1000

_EXPECTED: Mapping[ParameterType, str] = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "date": "a date such as 2024-12-31",
    "datetime": "a date and time such as 2024-12-31T23:59:00+00:00",
    "list": "a JSON array",
    "dict": "a JSON object",
    "enum": "one of its choices",
    "json": "a JSON value",
}


class _IllTypedError(ValueError):
    """The reason why a value does not fit; may be empty."""


def from_text(parameter: Parameter, text: str) -> JsonValue:
    """Return the value that `text` says, read as the parameter's type.

    A string is the text itself, whatever it looks like. None is written `null` or `None`.

    Raises:
        InvalidInput: the text says no value of this type.
    """
    if parameter.nullable and parameter.type != "str" and text in ("null", "None"):
        return None
    try:
        if parameter.type == "enum":
            return _choice_from_text(parameter, text)
        if parameter.type == "str":
            return text
        return _TEXT_READERS[parameter.type](text)
    except _IllTypedError as error:
        raise _ill_typed(parameter, text, str(error)) from error


def from_json(parameter: Parameter, value: JsonValue) -> JsonValue:
    """Return `value` in the parameter's canonical form.

    An integral float is an integer, an integer is a float, and "nan" and "infinity" in a string
    are a float, as JSON Schema and strict JSON have it. Nothing else changes its type.

    Raises:
        InvalidInput: the value has another type.
    """
    if parameter.nullable and value is None:
        return None
    try:
        if parameter.type == "enum":
            return _choice(parameter, value)
        return _JSON_READERS[parameter.type](value)
    except _IllTypedError as error:
        raise _ill_typed(parameter, value, str(error)) from error


def undeclared(name: str) -> Parameter:
    """Return what a name that the image does not have is read as, where that is allowed."""
    return Parameter(name=name, type="json")


def unknown_parameter(name: str, known: Iterable[str]) -> InvalidInput:
    """Return the error about a name that is not declared, with the nearest one that is."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    near = near or [other for other in names if other.casefold() == name.casefold()]
    if near:
        todo = f"did you mean {near[0]!r}? --allow-unknown accepts names that are not declared"
    else:
        todo = f"the parameters are: {', '.join(names) or 'none'}"
    return InvalidInput(f"The image has no parameter {name!r}.", todo=todo)


def _ill_typed(parameter: Parameter, value: JsonValue, why: str) -> InvalidInput:
    shown = MASK if parameter.secret else _shown(value)
    return InvalidInput(
        f"The parameter {parameter.name!r} is {_EXPECTED[parameter.type]}, not {shown}.",
        why=None if parameter.secret else why or None,
        todo=_advice(parameter, value),
    )


def _shown(value: JsonValue) -> str:
    # repr() itself may not end: a value can have millions of members.
    text = _BRIEFLY.repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _advice(parameter: Parameter, value: JsonValue) -> str | None:
    if parameter.type == "enum":
        return f"give one of {', '.join(json.dumps(choice) for choice in parameter.choices)}"
    if isinstance(value, str) and parameter.type == "json":
        return """a string is written '"like this"', or given with -r as it is"""
    if isinstance(value, str) and parameter.type in ("list", "dict"):
        return """quote strings within it with ", as in '["a", "b"]'"""
    return None


def _int_from_text(text: str) -> int:
    if not _INT.fullmatch(text) or len(text) > MOST_DIGITS:
        raise _IllTypedError
    return int(text)


def _float_from_text(text: str) -> float:
    if not _FLOAT.fullmatch(text):
        raise _IllTypedError
    return float(text)


def _bool_from_text(text: str) -> bool:
    try:
        return {"true": True, "false": False}[text.lower()]
    except KeyError:
        raise _IllTypedError from None


def _date(text: str) -> str:
    if not _DATE.fullmatch(text):
        raise _IllTypedError
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise _IllTypedError(str(error)) from error


def _datetime(text: str) -> str:
    match = _DATETIME.fullmatch(text)
    if not match:
        raise _IllTypedError
    # Before Python 3.11 fromisoformat() reads only what isoformat() writes.
    plain = f"{match['day']}T{match['minute']}:{match['second'] or '00'}"
    if match["fraction"]:
        plain += f".{match['fraction']:0<6}"
    if match["utc"]:
        plain += "+00:00"
    elif match["hours"]:
        plain += f"{match['hours']}:{match['minutes']}"
    try:
        return datetime.fromisoformat(plain).isoformat()
    except ValueError as error:
        raise _IllTypedError(str(error)) from error


def _json_from_text(text: str) -> JsonValue:
    try:
        return _any(read_json(text))
    except _IllTypedError:
        raise
    except ValueError as error:
        raise _IllTypedError(str(error)) from error


def _choice_from_text(parameter: Parameter, text: str) -> JsonValue:
    for choice in parameter.choices:
        if isinstance(choice, str) and choice == text:
            return choice
    try:
        value = read_json(text)
    except ValueError:
        raise _IllTypedError from None
    return _choice(parameter, value)


def _choice(parameter: Parameter, value: JsonValue) -> JsonValue:
    for choice in parameter.choices:
        if choice == value and isinstance(choice, bool) is isinstance(value, bool):
            return choice
    raise _IllTypedError


def _string(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise _IllTypedError
    return value


def _int(value: JsonValue) -> int:
    if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or is_too_long(value):
        raise _IllTypedError
    return value


def _float(value: JsonValue) -> float:
    if isinstance(value, str):
        if math.isfinite(_float_from_text(value)):
            raise _IllTypedError
        return float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _IllTypedError
    try:
        return float(value)
    except OverflowError as error:
        raise _IllTypedError(str(error)) from error


def _bool(value: JsonValue) -> bool:
    if not isinstance(value, bool):
        raise _IllTypedError
    return value


def _list(value: JsonValue) -> JsonValue:
    if not isinstance(value, list):
        raise _IllTypedError
    return _any(value)


def _dict(value: JsonValue) -> JsonValue:
    if not isinstance(value, dict):
        raise _IllTypedError
    return _any(value)


def _any(value: JsonValue) -> JsonValue:
    try:
        check_json(value)
    except ValueError as error:
        raise _IllTypedError(str(error)) from error
    return value


_TEXT_READERS: Mapping[ParameterType, Callable[[str], JsonValue]] = {
    "int": _int_from_text,
    "float": _float_from_text,
    "bool": _bool_from_text,
    "date": _date,
    "datetime": _datetime,
    "list": lambda text: _list(_json_from_text(text)),
    "dict": lambda text: _dict(_json_from_text(text)),
    "json": _json_from_text,
}
_JSON_READERS: Mapping[ParameterType, Callable[[JsonValue], JsonValue]] = {
    "str": _string,
    "int": _int,
    "float": _float,
    "bool": _bool,
    "date": lambda value: _date(_string(value)),
    "datetime": lambda value: _datetime(_string(value)),
    "list": _list,
    "dict": _dict,
    "json": _any,
}
