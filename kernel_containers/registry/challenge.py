"""What a registry asks for: the `WWW-Authenticate` header of RFC 7235."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# Registries send unquoted URLs, too, which the grammar forbids.
_PARAMETER = re.compile(
    rf'(?P<name>{_WORD})[ \t]*=[ \t]*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s,"=][^\s,"]*))'
    r"[ \t]*(?=,|$)"
)
_SCHEME = re.compile(rf"(?P<scheme>{_WORD})(?=[ \t,]|$)")
_TOKEN68 = re.compile(r"[ \t]+[A-Za-z0-9._~+/-]+=*[ \t]*(?=,|$)")
_SEPARATORS = re.compile(r"[ \t,]*")
_ESCAPE = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to prove who asks; scheme and parameter names are in lower case."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """Return the challenges of all `WWW-Authenticate` headers, in their order.

    One header may hold several challenges, separated by the same commas as their parameters.
    What follows a part that breaks the grammar is left out.
    """
    return tuple(challenge for header in headers for challenge in _parse(header))


def _parse(header: str) -> list[Challenge]:
    found: list[tuple[str, dict[str, str]]] = []
    position = _skip(header, 0)
    while position < len(header):
        parameter = _PARAMETER.match(header, position) if found else None
        if parameter:
            # The first of two equal names counts: the second could be a forgery.
            found[-1][1].setdefault(parameter["name"].lower(), _value(parameter))
            position = parameter.end()
        elif scheme := _SCHEME.match(header, position):
            found.append((scheme["scheme"].lower(), {}))
            position = scheme.end()
            if token68 := _TOKEN68.match(header, position):
                position = token68.end()
        else:
            break
        position = _skip(header, position)
    return [Challenge(scheme, parameters) for scheme, parameters in found]


def _skip(header: str, position: int) -> int:
    match = _SEPARATORS.match(header, position)
    return match.end() if match else position


def _value(parameter: re.Match[str]) -> str:
    if parameter["quoted"] is None:
        return parameter["bare"]
    return _ESCAPE.sub(r"\1", parameter["quoted"])
