"""A notebook's title and description, for people who see its image in a list."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_DESCRIPTION = 500  # characters; labels and annotations are no place for essays

_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]+(?P<text>.*?))?(?:[ \t]+#+)?[ \t]*")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)[ \t]*")
_FENCE = re.compile(r" {0,3}(?P<mark>`{3,}|~{3,})")
# What is not prose: lists, quotes, tables, HTML, rules, indented code, images, front matter.
_NOT_PROSE = re.compile(
    r"(?: {4}|\t| {0,3}(?:[-*+][ \t]|\d+[.)][ \t]|>|\||<|!\[|(?:[-*_] *){3,}$))"
)
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK = re.compile(r"\[(?P<text>[^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_EMPHASIS = re.compile(
    r"(?<![\\\w])(?P<mark>\*{1,3}|_{1,3}|`+)(?=\S)(?P<text>.+?)(?<=\S)(?P=mark)(?!\w)"
)


def title(sources: Iterable[str]) -> str:
    """Return the first heading with any text in Markdown cells, without its markup; else ''."""
    for kind, text in _blocks(sources):
        if kind == "heading" and text:
            return text
    return ""


def description(sources: Iterable[str]) -> str:
    """Return the first paragraph of prose in Markdown cells as one line; else ''."""
    for kind, text in _blocks(sources):
        if kind == "paragraph" and text:
            if len(text) <= LONGEST_DESCRIPTION:
                return text
            return text[: LONGEST_DESCRIPTION - 1].rstrip() + "…"
    return ""


def _blocks(sources: Iterable[str]) -> Iterator[tuple[str, str]]:
    for source in sources:
        for kind, lines in _raw_blocks(source.splitlines()):
            yield kind, _plain(" ".join(line.strip() for line in lines))


def _raw_blocks(lines: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    paragraph: list[str] = []
    for line in _outside_fences(lines):
        heading = _HEADING.fullmatch(line)
        if paragraph and _UNDERLINE.fullmatch(line):
            yield "heading", paragraph
            paragraph = []
        elif heading or not line.strip() or _NOT_PROSE.match(line):
            if paragraph:
                yield "paragraph", paragraph
            paragraph = []
            if heading:
                yield "heading", [heading["text"] or ""]
        else:
            paragraph.append(line)
    if paragraph:
        yield "paragraph", paragraph


def _outside_fences(lines: Iterable[str]) -> Iterator[str]:
    fence = ""
    for line in lines:
        mark = _FENCE.match(line)
        if fence:
            if mark and mark["mark"].startswith(fence):
                fence = ""
        elif mark:
            fence = mark["mark"]
            yield ""
        else:
            yield line


def _plain(text: str) -> str:
    text = _TAG.sub("", _LINK.sub(r"\g<text>", _IMAGE.sub("", text)))
    for _ in range(3):  # ***bold and italic*** in its three spellings
        text = _EMPHASIS.sub(r"\g<text>", text)
    return " ".join(text.split())
