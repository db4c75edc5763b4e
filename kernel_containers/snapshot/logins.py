"""Values that are secrets by where they stand: addresses, connection strings, headers, commands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_VALUE = r"(?P<value>[^\s\"'<>{}$,;()&|]{4,200})"


class Placed(NamedTuple):
    """What stands in such a place; with a `name` only that tells whether it is a secret."""

    rule: str
    name: str
    start: int
    end: int


class _Place(NamedTuple):
    """`mark` is what a text in lower case must hold to be searched."""

    rule: str
    mark: str
    pattern: re.Pattern[str]


_PLACES = (
    _Place(
        "Login in an address",
        "://",
        re.compile(r"://[^\s/:@\"'<>]{0,200}:(?P<value>[^\s/@\"'<>]{1,200})@"),
    ),
    _Place(
        "Value in an address", "=", re.compile(rf"[?&](?P<name>[A-Za-z][\w.-]{{0,80}})={_VALUE}")
    ),
    _Place(
        "Connection string",
        ";",
        re.compile(rf"(?i);[ \t]*(?:password|pwd|sharedaccesskey)[ \t]*=[ \t]*{_VALUE}(?=[;\"'])"),
    ),
    _Place(
        "Connection string",
        "password=",
        re.compile(rf"\b\w+=[^\s\"',;()]{{1,200}}[ ]+password={_VALUE}(?=[\"' ])"),
    ),
    _Place(
        "Authorization",
        "authorization",
        re.compile(
            r"(?i)\bauthorization[\"']?[ \t]*[:=,][ \t]*[rbf]?[\"']?"
            rf"(?:basic|token|bearer|apikey)[ ]+{_VALUE}"
        ),
    ),
    _Place(
        "Login",
        "auth",
        re.compile(
            r"(?:\bauth[ \t]*=[ \t]*\(|\bHTTP(?:Basic|Digest|Proxy)Auth\()[ \t]*"
            rf"[\"'][^\"'\n]*[\"'][ \t]*,[ \t]*[\"']{_VALUE}[\"']"
        ),
    ),
    _Place(
        "Login",
        ".login(",
        re.compile(rf"\.login\([ \t]*[\"'][^\"'\n]*[\"'][ \t]*,[ \t]*[\"']{_VALUE}[\"']"),
    ),
    _Place(
        "Value that is set by a call",
        "(",
        re.compile(
            r"\b(?:set(?:default|env)?|putenv|config|option|add_header)[ \t]*\([ \t]*"
            rf"[\"'](?P<name>[A-Za-z][\w.-]{{0,120}})[\"'][ \t]*,[ \t]*[\"']{_VALUE}[\"']"
        ),
    ),
    _Place(
        "Variable of the environment",
        "",
        re.compile(
            r"^[ \t]*+(?:[%!][ \t]*(?:set_)?env[ \t]+|!?[ \t]*export[ \t]+|![ \t]*)"
            rf"(?P<name>[A-Za-z_]\w{{0,80}})(?:=|[ \t]+=?[ \t]*)[\"']?{_VALUE}[\"']?[ \t]*$",
            re.MULTILINE,
        ),
    ),
    _Place(
        "Argument of a command",
        "--",
        # A word behind a space may be prose: "--user and --password options".
        re.compile(rf"(?<=\s)--(?P<name>[a-z][\w-]{{0,80}})(?:=|[ ](?=[\"']|\S*\d))[\"']?{_VALUE}"),
    ),
    _Place(
        "Argument of a command",
        "curl",
        re.compile(rf"\bcurl\b[^\n]*?[ ](?:-u|--user)[ =]?[\"']?[^\s:\"']{{1,80}}:{_VALUE}"),
    ),
    _Place(
        "Argument of a command",
        " -p",
        re.compile(
            rf"\b(?:sshpass|docker[ ]login|podman[ ]login)\b[^\n]*?[ ]-p[ ]?[\"']?{_VALUE}"
            rf"|\bmysql(?:dump)?\b[^\n]*?[ ]-p(?P<joined>[^\s\"'$<{{]{{4,80}})"
        ),
    ),
    _Place(
        "Argument of a command",
        "configure set",
        re.compile(rf"\bconfigure[ ]set[ ](?P<name>\w+)[ ]{_VALUE}"),
    ),
)


def placed(text: str, lowered: str) -> Iterator[Placed]:
    """Yield what stands where secrets do."""
    for place in _PLACES:
        for found in place.pattern.finditer(text) if place.mark in lowered else ():
            groups = found.groupdict()
            group = "value" if groups["value"] is not None else "joined"
            yield Placed(place.rule, groups.get("name") or "", *found.span(group))
