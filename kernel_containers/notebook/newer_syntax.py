"""Syntax of Python 3.12 and later, made what earlier ones can read, at the same length.

A notebook's Python may be newer than the one that looks at it. Only what can't hold a parameter is
changed: `type` statements, type parameters, and f-strings, of which no field is left.
"""

from __future__ import annotations

import re

_TYPE = re.compile(r"^([ \t]*)type(?=[ \t]+\w+[ \t]*(?:\[[^\n]*\])?[ \t]*=[^=])", re.MULTILINE)
_TYPE_PARAMETERS = re.compile(
    r"^([ \t]*(?:(?:async[ \t]+)?def|class)[ \t]+\w+)(\[[^\n\[\]]*(?:\[[^\n\[\]]*\][^\n\[\]]*)*\])",
    re.MULTILINE,
)
_COMMENT_OR_STRING = re.compile(
    r"#[^\n]*|(?<!\w)(?P<prefix>[a-zA-Z]{0,2})(?P<quote>\"{3}|'{3}|\"|')"
)
_OPENING, _CLOSING = "([{", ")]}"


def as_older_python(text: str) -> str:
    """Return text of the same length and lines, for a Python that can't parse the original."""
    text = _TYPE.sub(r"\g<1>0;  ", text)
    text = _TYPE_PARAMETERS.sub(lambda match: match[1] + " " * len(match[2]), text)
    made, done = [], 0
    for start, end in _fields(text):
        made += [text[done:start], "{_}", " " * (end - start - 3)]
        done = end
    return "".join([*made, text[done:]])


def _fields(text: str) -> list[tuple[int, int]]:
    """Return where the contents of f-strings are that have a field and no line break."""
    found: list[tuple[int, int]] = []
    at = 0
    while match := _COMMENT_OR_STRING.search(text, at):
        at = match.end()
        if not match["quote"]:
            continue
        end, has_field = _end_of_string(text, at, match["prefix"], match["quote"])
        if has_field and "\n" not in text[at:end]:
            found.append((at, end))
        at = end + len(match["quote"])
    return found


def _end_of_string(text: str, at: int, prefix: str, quote: str) -> tuple[int, bool]:
    """Return where a string's content ends, and whether it has a field."""
    is_formatted = "f" in prefix.lower()
    has_field = False
    while at < len(text) and not text.startswith(quote, at):
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
        if match and match["quote"]:
            end, _ = _end_of_string(text, match.end(), match["prefix"], match["quote"])
            at = end + len(match["quote"])
            continue
        depth += (character in _OPENING) - (character in _CLOSING)
        in_format = in_format or (character == ":" and depth == 1)
        at += 1
    return at
