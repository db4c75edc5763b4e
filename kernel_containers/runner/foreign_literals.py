"""Values as source text of R, Julia and bash, for the injected cell."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from kernel_containers.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kernel_containers.core.parameters import JsonValue, ParameterType


class Language(NamedTuple):
    """How one language writes values and assignments.

    `secret` is the expression that reads a secret from an environment variable, which holds a
    string as it is and every other value as JSON; a type `enum` or `json` never has a string.
    `comment` is what a comment up to the end of the line begins with.
    """

    name: re.Pattern[str]
    keywords: frozenset[str]
    literal: Callable[[ParameterType, JsonValue], str]
    secret: Callable[[ParameterType, str], str]
    assignment: str
    comment: str = "#"


ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_JULIA_ESCAPES = {**ESCAPES, "$": "\\$"}


def quoted(
    text: str, escapes: Mapping[str, str], escape: Callable[[int], str] | None = None
) -> str:
    """Return a text between double quotes; what has no escape and is not printable is `\\u…`."""
    check_characters(text)
    other = escape or (lambda code: f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}")
    made = (escapes.get(c) or (c if c.isprintable() else other(ord(c))) for c in text)
    return '"' + "".join(made) + '"'


def check_characters(text: str) -> None:
    """Refuse what not every language can hold.

    Raises:
        InvalidInput: the text has NUL, or half of a surrogate pair.
    """
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text):
        raise InvalidInput("A string holds a NUL or half of a surrogate pair.")


def check_keys(value: Mapping[str, JsonValue]) -> None:
    """Refuse an empty key, which R and Octave do not have.

    Raises:
        InvalidInput: there is one.
    """
    if "" in value:
        raise InvalidInput("A key of a dict is empty, which the kernel's language does not have.")


_R_WORDS = {True: "TRUE", False: "FALSE"}
_R_FLOATS = {"nan": "NaN", "inf": "Inf", "-inf": "-Inf"}


def _r(kind: ParameterType, value: JsonValue) -> str:
    if isinstance(value, str):
        text = quoted(value, ESCAPES)
        return f"as.Date({text})" if kind == "date" else text
    if isinstance(value, dict):
        check_keys(value)
        pairs = (f"{quoted(key, ESCAPES)} = {_r('json', item)}" for key, item in value.items())
        return f"list({', '.join(pairs)})"
    if isinstance(value, list):
        return f"list({', '.join(_r('json', item) for item in value)})"
    return "NULL" if value is None else _r_number(value)


def _r_number(value: float) -> str:
    if isinstance(value, bool):
        return _R_WORDS[value]
    if isinstance(value, int):
        # Beyond 32 bits R has only doubles.
        return f"{value}L" if abs(value) < 2**31 else repr(float(value))
    return _R_FLOATS.get(repr(value), repr(value))


def _r_secret(kind: ParameterType, variable: str) -> str:
    read = f'Sys.getenv("{variable}")'
    wrap = {"int": "as.integer", "float": "as.numeric", "date": "as.Date", "bool": "as.logical"}
    return f"{wrap[kind]}({read})" if kind in wrap else read


_JULIA_FLOATS = {"nan": "NaN", "inf": "Inf", "-inf": "-Inf"}


def _julia(kind: ParameterType, value: JsonValue) -> str:
    if isinstance(value, str):
        return quoted(value, _JULIA_ESCAPES)
    if isinstance(value, dict):
        pairs = (f"{_julia('str', key)} => {_julia(kind, item)}" for key, item in value.items())
        return f"Dict{{String, Any}}({', '.join(pairs)})"
    if isinstance(value, list):
        # As a function of `Vector{Int}` wants it; what is mixed is of no one type anyway.
        kinds = {type(item) for item in value}
        element = "" if len(kinds) == 1 and kinds <= {str, bool, int, float} else "Any"
        return f"{element}[{', '.join(_julia(kind, item) for item in value)}]"
    if isinstance(value, float):
        return _JULIA_FLOATS.get(repr(value), repr(value))
    return "nothing" if value is None else repr(value).lower()


def _julia_secret(kind: ParameterType, variable: str) -> str:
    read = f'ENV["{variable}"]'
    wrap = {"int": "Int", "float": "Float64", "bool": "Bool"}
    return f"parse({wrap[kind]}, {read})" if kind in wrap else read


def _bash(_kind: ParameterType, value: JsonValue) -> str:
    if isinstance(value, list):
        return (
            f"({' '.join(_bash('json', item) for item in value)})"
            if _is_flat(value)
            else (_shell_word(json.dumps(value)))
        )
    if value is None:
        return "''"
    return _shell_word(value if isinstance(value, str) else json.dumps(value))


def _is_flat(value: list[JsonValue]) -> bool:
    return not any(isinstance(item, list | dict) for item in value)


def _shell_word(text: str) -> str:
    if "\0" in text:
        raise InvalidInput("A shell's variable can't hold NUL.")
    return "'" + text.replace("'", "'\\''") + "'"


_R_KEYWORDS = "if else repeat while function for in next break TRUE FALSE NULL Inf NaN NA"
_JULIA_KEYWORDS = (
    "baremodule begin break catch const continue do else elseif end export false finally for "
    "function global if import let local macro module quote return struct true try using while"
)
R = Language(
    name=re.compile(r"[A-Za-z][A-Za-z0-9._]*|\.[A-Za-z._][A-Za-z0-9._]*"),
    keywords=frozenset(_R_KEYWORDS.split()),
    literal=_r,
    secret=_r_secret,
    assignment="{name} <- {literal}",
)
JULIA = Language(
    name=re.compile(r"[^\W\d]\w*"),
    keywords=frozenset(_JULIA_KEYWORDS.split()),
    literal=_julia,
    secret=_julia_secret,
    assignment="{name} = {literal}",
)
BASH = Language(
    name=re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
    keywords=frozenset(),
    literal=_bash,
    secret=lambda _kind, variable: f'"${variable}"',
    assignment="{name}={literal}",
)
