"""Syntax of Python 3.12 to 3.15, made what earlier ones can read, at the same length.

A notebook's Python may be newer than the one that looks at it. Only what can't hold a parameter is
changed: `type` and `lazy` statements, type parameters, `except A, B:`, and strings with fields,
of which no field is left.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_COMMENT_OR_STRING = re.compile(
    r"#[^\n]*|(?<!\w)(?P<prefix>[a-zA-Z]{0,2})(?P<quote>\"{3}|'{3}|\"|')"
)
_STATEMENT = r"(?:^|[;:])[ \t]*"
_NAMED = re.compile(
    rf"{_STATEMENT}(?P<word>type|(?:async[ \t]+)?def|class)[ \t]+\w+[ \t]*", re.MULTILINE
)
_IS = re.compile(r"[ \t]*=[^=]")
_LAZY = re.compile(rf"{_STATEMENT}(?P<word>lazy)[ \t]+(?:import|from)\b", re.MULTILINE)
_SEVERAL = re.compile(r"^[ \t]*except\*?[ \t]+[^\n:(),]*(?P<others>,[^\n:()]*):", re.MULTILINE)
_FIELD = "{_}"
_OPENING, _CLOSING = "([{", ")]}"


class _Change(NamedTuple):
    """A piece of text for the one that begins at `start`; both have the same length."""

    start: int
    text: str


class _String(NamedTuple):
    """Where a string's prefix begins, and its content begins and ends; a comment has no quote."""

    at: int
    start: int
    end: int
    quote: str
    has_field: bool


def as_older_python(text: str) -> str:
    """Return text of the same length and lines, for a Python that can't parse the original."""
    strings = tuple(_strings(text))
    code = _changed(text, [_Change(s.start, _blank(text[s.start : s.end])) for s in strings])
    changes = [*_formatted(text, strings), *_statements(code), *_others(code)]
    return _changed(text, sorted(changes))


def _changed(text: str, changes: Sequence[_Change]) -> str:
    made, done = [], 0
    for start, new in changes:
        made += [text[done:start], new]
        done = start + len(new)
    return "".join([*made, text[done:]])


def _blank(text: str, *, joined: bool = False) -> str:
    """Return spaces; line ends stay, behind a backslash if they are to be `joined`."""
    lines = [" " * len(line) for line in text.split("\n")]
    if joined and all(lines[:-1]):
        lines = [*(f"{line[:-1]}\\" for line in lines[:-1]), lines[-1]]
    return "\n".join(lines)


def _statements(code: str) -> Iterator[_Change]:
    """Make `0;  ` of `type` and `lazy`, and spaces of type parameters."""
    for match in _NAMED.finditer(code):
        end = match.end()
        if code.startswith("[", end):
            end = _end_of_brackets(code, end)
        if match["word"] == "type":
            if not _IS.match(code, end):
                continue
            yield _Change(match.start("word"), "0;  ")
        yield _Change(match.end(), _blank(code[match.end() : end], joined=True))
    for match in _LAZY.finditer(code):
        yield _Change(match.start("word"), "0;  ")


def _others(code: str) -> Iterator[_Change]:
    for match in _SEVERAL.finditer(code):
        yield _Change(match.start("others"), _blank(match["others"]))


def _end_of_brackets(code: str, at: int) -> int:
    depth = 0
    for end in range(at, len(code)):
        depth += (code[end] in _OPENING) - (code[end] in _CLOSING)
        if not depth:
            return end + 1
    return at


def _strings(text: str) -> Iterator[_String]:
    at = 0
    while match := _COMMENT_OR_STRING.search(text, at):
        start = at = match.end()
        if not match["quote"]:
            yield _String(match.start(), match.start(), match.end(), "", has_field=False)
            continue
        end, has_field = _end_of_string(text, start, match["prefix"], match["quote"])
        yield _String(match.start(), start, end, match["quote"], has_field)
        at = end + len(match["quote"])


def _formatted(text: str, strings: Sequence[_String]) -> Iterator[_Change]:
    """Leave one field in each formatted string, and make bytes, which are no text, of templates."""
    for string in strings:
        prefix = text[string.at : string.start - len(string.quote)].lower()
        content = text[string.start : string.end]
        is_template = "t" in prefix and string.quote
        if not is_template and not string.has_field:
            continue
        if is_template:
            yield _Change(string.at + prefix.index("t"), "b")
        blank = _blank(content, joined=len(string.quote) == 1)
        room = re.search(r" {3}", blank)
        if room and not is_template:
            blank = f"{blank[: room.start()]}{_FIELD}{blank[room.end() :]}"
        yield _Change(string.start, blank)


def _end_of_string(text: str, at: int, prefix: str, quote: str) -> tuple[int, bool]:
    """Return where a string's content ends, and whether it has a field."""
    is_formatted = not {"f", "t"}.isdisjoint(prefix.lower())
    has_field = False
    while at < len(text) and not text.startswith(quote, at):
        if text[at] == "\n" and len(quote) == 1:
            break  # it has no end
        if text[at] == "\\" or (is_formatted and text[at : at + 2] == "{{"):
            at += 2
        elif is_formatted and text[at] == "{":
            has_field, at = True, _end_of_field(text, at + 1)
        else:
            at += 1
    return min(at, len(text)), has_field


def _end_of_field(text: str, at: int) -> int:
    """Return where a field ends, behind its bracket."""
    depth, in_format = 1, False
    while at < len(text) and depth:
        character = text[at]
        match = None if in_format else _COMMENT_OR_STRING.match(text, at)
        if match:
            at = match.end()
            if match["quote"]:
                end, _ = _end_of_string(text, at, match["prefix"], match["quote"])
                at = end + len(match["quote"])
            continue
        depth += (character in _OPENING) - (character in _CLOSING)
        in_format = in_format or (character == ":" and depth == 1)
        at += 1
    return at
