"""Values as source text of Scala, for the injected cell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kernel_containers.runner.foreign_literals import ESCAPES, Language, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.core.parameters import JsonValue, ParameterType

_FLOATS = {
    "nan": "Double.NaN",
    "inf": "Double.PositiveInfinity",
    "-inf": "Double.NegativeInfinity",
}
_MOMENTS: Mapping[ParameterType, str] = {
    "date": "java.time.LocalDate.parse",
    "datetime": "java.time.LocalDateTime.parse",
}
_KEYWORDS = (
    "abstract case catch class def do else enum export extends false final finally for forSome "
    "given if implicit import lazy macro match new null object override package private protected "
    "return sealed super then this throw trait try true type val var while with yield _"
)
_ZONED = re.compile(r"[+-]\d\d:\d\d$")


def _utf16(code: int) -> str:
    units = chr(code).encode("utf-16-be")
    return "".join(f"\\u{high:02x}{low:02x}" for high, low in zip(*[iter(units)] * 2, strict=True))


def _scala(kind: ParameterType, value: JsonValue) -> str:
    if isinstance(value, str):
        text = quoted(value, ESCAPES, _utf16)
        return f"{_maker(kind, value)}({text})" if kind in _MOMENTS else text
    if isinstance(value, dict):
        pairs = (
            f"{quoted(key, ESCAPES, _utf16)} -> {_scala('json', item)}"
            for key, item in value.items()
        )
        return f"Map({', '.join(pairs)})"
    if isinstance(value, list):
        return f"Seq({', '.join(_scala('json', item) for item in value)})"
    return "None" if value is None else _number(value)


def _maker(kind: ParameterType, text: str) -> str:
    is_zoned = kind == "datetime" and _ZONED.search(text)
    return "java.time.OffsetDateTime.parse" if is_zoned else _MOMENTS[kind]


def _number(value: float) -> str:
    if isinstance(value, bool):
        return repr(value).lower()
    if isinstance(value, float):
        return _FLOATS.get(repr(value), repr(value))
    if -(2**31) <= value < 2**31:
        return str(value)
    return f"{value}L" if -(2**63) <= value < 2**63 else f'BigInt("{value}")'


def _secret(kind: ParameterType, variable: str) -> str:
    read = f'sys.env("{variable}")'
    ends = {"int": ".toLong", "float": ".toDouble", "bool": ".toBoolean"}
    return f"{_MOMENTS[kind]}({read})" if kind == "date" else read + ends.get(kind, "")


SCALA = Language(
    name=re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
    keywords=frozenset(_KEYWORDS.split()),
    literal=_scala,
    secret=_secret,
    assignment="val {name} = {literal}",
    comment="//",
)
