"""Values as source text of MATLAB and Octave, for the injected cell."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from kernel_containers.errors import InvalidInput
from kernel_containers.runner.foreign_literals import Language, check_characters, check_keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_containers.core.parameters import JsonValue, ParameterType

_FLOATS = {"nan": "NaN", "inf": "Inf", "-inf": "-Inf"}
_KEYWORDS = (
    "break case catch classdef continue else elseif end endfor endfunction endif endswitch "
    "endwhile for function global if otherwise parfor persistent return spmd switch try until "
    "unwind_protect while do"
)


def _matlab(kind: ParameterType, value: JsonValue) -> str:
    if isinstance(value, str):
        return _moment(value) if kind in ("date", "datetime") else _text(value)
    return _plain(value, lambda item: _matlab("json", item))


def _octave(_kind: ParameterType, value: JsonValue) -> str:
    if isinstance(value, str):
        return _characters(value)
    return _plain(value, lambda item: _octave("json", item))


def _plain(value: JsonValue, write: Callable[[JsonValue], str]) -> str:
    if isinstance(value, dict):
        if not value:
            return "containers.Map()"
        check_keys(value)
        keys, values = ", ".join(map(_characters, value)), ", ".join(map(write, value.values()))
        return f"containers.Map({{{keys}}}, {{{values}}}, 'UniformValues', false)"
    if isinstance(value, list):
        return f"{{{', '.join(map(write, value))}}}"
    if value is None:
        return "NaN"
    if isinstance(value, bool):
        return repr(value).lower()
    if isinstance(value, int) and abs(value) > 2**53:
        raise InvalidInput(
            f"{value} is no number of MATLAB, which would round it.", todo="give it as a text"
        )
    return _FLOATS.get(repr(value), repr(value))


def _text(text: str) -> str:
    """Return a text of MATLAB, which knows no escapes: `("a" + char(10))`."""
    parts = [
        f"char([{_codes(part, 'utf-16-le', 2)}])"
        if special
        else '"' + part.replace('"', '""') + '"'
        for special, part in _parts(text)
    ]
    if len(parts) == 1 and parts[0].startswith('"'):
        return parts[0]
    joined = " + ".join(parts)
    return f'("" + {joined})'


def _characters(text: str) -> str:
    """Return a row of characters; Octave's are the bytes of UTF-8."""
    parts = [
        f"char([{_codes(part, 'utf-8', 1)}])" if special else "'" + part.replace("'", "''") + "'"
        for special, part in _parts(text)
    ]
    return parts[0] if len(parts) == 1 else f"[{', '.join(parts)}]"


def _parts(text: str) -> list[tuple[bool, str]]:
    check_characters(text)
    groups = groupby(text, key=lambda character: not character.isprintable())
    return [(special, "".join(part)) for special, part in groups] or [(False, "")]


def _codes(text: str, encoding: str, size: int) -> str:
    units = text.encode(encoding)
    return " ".join(
        str(int.from_bytes(units[at : at + size], "little")) for at in range(0, len(units), size)
    )


def _moment(text: str) -> str:
    at = datetime.fromisoformat(text)
    seconds = repr(at.second + at.microsecond / 1e6) if at.microsecond else at.second
    parts = f"{at.year}, {at.month}, {at.day}"
    if "T" in text:
        parts += f", {at.hour}, {at.minute}, {seconds}"
    zone = re.search(r"[+-]\d\d:\d\d$", text)
    return f"datetime({parts}, 'TimeZone', '{zone[0]}')" if zone else f"datetime({parts})"


def _secret(kind: ParameterType, variable: str) -> str:
    read = f"getenv('{variable}')"
    made = {"int": f"str2double({read})", "float": f"str2double({read})"}
    made |= {"bool": f"strcmp({read}, 'true')"}
    return made.get(kind, read)


MATLAB = Language(
    name=re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}"),
    keywords=frozenset(_KEYWORDS.split()),
    literal=_matlab,
    secret=_secret,
    assignment="{name} = {literal};",
    comment="%",
)
OCTAVE = MATLAB._replace(literal=_octave)
