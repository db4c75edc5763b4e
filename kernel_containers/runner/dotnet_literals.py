"""Values as source text of C#, F# and PowerShell, for the injected cell."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from kernel_containers.errors import InvalidInput
from kernel_containers.runner.foreign_literals import ESCAPES, Language, check_characters, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.core.parameters import JsonValue, ParameterType

_CULTURE = "System.Globalization.CultureInfo.InvariantCulture"
_ZONED = re.compile(r"T.*[+-]\d\d:\d\d$")
_NOT_FINITE = {"nan": "NaN", "inf": "PositiveInfinity", "-inf": "NegativeInfinity"}


def _parsed(text: str, literal: str) -> str:
    """Return the date or time that a text in ISO 8601 says, the same in C# and F#."""
    kind = "DateTimeOffset" if _ZONED.search(text) else "DateTime"
    return f"System.{kind}.Parse({literal}, {_CULTURE})"


def _number(value: float, big: str) -> str:
    """Return a number; `big` is what makes one of the digits of an integer beyond 64 bits."""
    if isinstance(value, float):
        name = _NOT_FINITE.get(repr(value))
        return f"System.Double.{name}" if name else repr(value)
    if -(2**31) <= value < 2**31:
        return str(value)
    return f"{value}L" if -(2**63) <= value < 2**63 else big.format(value)


def _c_sharp(kind: ParameterType, value: JsonValue) -> str:
    if isinstance(value, str):
        text = quoted(value, ESCAPES)
        return _parsed(value, text) if kind in ("date", "datetime") else text
    if isinstance(value, dict):
        pairs = (
            f"{{ {quoted(key, ESCAPES)}, {_c_sharp('json', item)} }}" for key, item in value.items()
        )
        return f"new System.Collections.Generic.Dictionary<string, object> {{ {', '.join(pairs)} }}"
    if isinstance(value, list):
        made = ", ".join(_c_sharp("json", item) for item in value)
        return f"new {'' if _is_uniform(value) else 'object'}[] {{ {made} }}"
    if value is None:
        return "(object)null"
    if isinstance(value, bool):
        return repr(value).lower()
    return _number(value, 'System.Numerics.BigInteger.Parse("{}")')


def _is_uniform(values: list[JsonValue]) -> bool:
    """Whether a typed array or list can hold the values."""
    kinds = {type(value) for value in values}
    largest = max((abs(value) for value in values if isinstance(value, int)), default=0)
    return len(kinds) == 1 and kinds <= {str, bool, int, float} and largest < 2**31


def _f_sharp(kind: ParameterType, value: JsonValue) -> str:
    if isinstance(value, str):
        text = quoted(value, ESCAPES)
        return _parsed(value, text) if kind in ("date", "datetime") else text
    if isinstance(value, dict | list):
        return _f_sharp_map(value) if isinstance(value, dict) else _f_sharp_list(value)
    if value is None:
        return "None"
    return repr(value).lower() if isinstance(value, bool) else _number(value, "{}I")


def _f_sharp_map(value: dict[str, JsonValue]) -> str:
    pairs = (f"({quoted(key, ESCAPES)}, {_boxed(item)})" for key, item in value.items())
    return f"Map.ofList [ {'; '.join(pairs)} ]" if value else "(Map.empty : Map<string, obj>)"


def _f_sharp_list(value: list[JsonValue]) -> str:
    # Elements of a list have one type.
    uniform = _is_uniform(value)
    made = (_f_sharp("json", item) if uniform else _boxed(item) for item in value)
    return f"[ {'; '.join(made)} ]" if value else "([] : obj list)"


def _boxed(value: JsonValue) -> str:
    return "null" if value is None else f"box ({_f_sharp('json', value)})"


def _dotnet_secret(kind: ParameterType, variable: str) -> str:
    read = f'System.Environment.GetEnvironmentVariable("{variable}")'
    made: Mapping[str, str] = {
        "int": f"System.Int64.Parse({read}, {_CULTURE})",
        "float": f"System.Double.Parse({read}, {_CULTURE})",
        "bool": f"System.Boolean.Parse({read})",
        "date": f"System.DateTime.Parse({read}, {_CULTURE})",
        "datetime": f"System.DateTimeOffset.Parse({read}, {_CULTURE})",
    }
    return made.get(kind, read)


# To PowerShell typographic marks end a text as well as ' does.
_SINGLE_QUOTES = re.compile("(['\u2018\u2019\u201a\u201b])")


def _power_shell(kind: ParameterType, value: JsonValue) -> str:
    if isinstance(value, str):
        moment = "datetimeoffset" if _ZONED.search(value) else "datetime"
        text = _power_shell_text(value)
        is_moment = kind in ("date", "datetime")
        return f"[{moment}]::Parse({text}, [cultureinfo]::InvariantCulture)" if is_moment else text
    if isinstance(value, dict):
        if len({key.lower() for key in value}) < len(value):
            raise InvalidInput("To PowerShell two keys of a dict are the same.")
        pairs = (f"{_key(key)} = {_power_shell('json', item)}" for key, item in value.items())
        return f"@{{ {'; '.join(pairs)} }}"
    if isinstance(value, list):
        # Without the comma a list of one list is that list.
        comma = "," if len(value) == 1 and isinstance(value[0], list) else ""
        return f"@({comma}{', '.join(_power_shell('json', item) for item in value)})"
    if value is None or isinstance(value, bool):
        return {None: "$null", True: "$true", False: "$false"}[value]
    if isinstance(value, float):
        name = _NOT_FINITE.get(repr(value))
        return f"[double]::{name}" if name else repr(value)
    return str(value) if -(2**63) <= value < 2**63 else f"[bigint]::Parse('{value}')"


def _key(text: str) -> str:
    literal = _power_shell_text(text)
    return literal if literal.startswith("'") else f"({literal})"


def _power_shell_text(text: str) -> str:
    check_characters(text)
    parts = [
        " + ".join(f"[char]::ConvertFromUtf32({ord(character)})" for character in part)
        if special
        else "'" + _SINGLE_QUOTES.sub(r"\1\1", "".join(part)) + "'"
        for special, part in (
            (special, list(part))
            for special, part in groupby(text, key=lambda character: not character.isprintable())
        )
    ]
    return f"({' + '.join(parts)})" if len(parts) > 1 else "".join(parts) or "''"


def _power_shell_secret(kind: ParameterType, variable: str) -> str:
    read = f"$env:{variable}"
    made: Mapping[str, str] = {
        "int": f"[long]{read}",
        "float": f"[double]{read}",
        "bool": f"[bool]::Parse({read})",
        "date": f"[datetime]::Parse({read}, [cultureinfo]::InvariantCulture)",
        "datetime": f"[datetimeoffset]::Parse({read}, [cultureinfo]::InvariantCulture)",
    }
    return made.get(kind, read)


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_C_SHARP_KEYWORDS = (
    "abstract as base bool break byte case catch char checked class const continue decimal default "
    "delegate do double else enum event explicit extern false finally fixed float for foreach goto "
    "if implicit in int interface internal is lock long namespace new null object operator out "
    "override params private protected public readonly ref return sbyte sealed short sizeof "
    "stackalloc static string struct switch this throw true try typeof uint ulong unchecked unsafe "
    "ushort using virtual void volatile while"
)
_F_SHARP_KEYWORDS = (
    "abstract and as assert base begin class default delegate do done downcast downto elif else "
    "end exception extern false finally fixed for fun function global if in inherit inline "
    "interface internal lazy let match member module mutable namespace new null of open or "
    "override private public rec return select sig static struct then to true try type upcast use "
    "val void when while with yield const include mixin parallel process protected pure sealed "
    "tailcall trait virtual _"
)
# Variables of the shell's own, some of which can't be set.
_POWER_SHELL_NAMES = (
    "true false null _ args input this error event home host pid profile pshome psitem "
    "psversiontable executioncontext shellid matches foreach switch sender"
)

C_SHARP = Language(
    name=_NAME,
    keywords=frozenset(_C_SHARP_KEYWORDS.split()),
    literal=_c_sharp,
    secret=_dotnet_secret,
    assignment="var {name} = {literal};",
    comment="//",
)
F_SHARP = Language(
    name=_NAME,
    keywords=frozenset(_F_SHARP_KEYWORDS.split()),
    literal=_f_sharp,
    secret=_dotnet_secret,
    assignment="let {name} = {literal}",
    comment="//",
)
POWER_SHELL = Language(
    name=_NAME,
    keywords=frozenset(_POWER_SHELL_NAMES.split()),
    literal=_power_shell,
    secret=_power_shell_secret,
    assignment="${name} = {literal}",
)
