"""What a cell's comments say about its statements."""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_MARK = re.compile(r"#+[:!]?[ \t]*")
_TYPE = re.compile(r"type:[ \t]*(?!ignore)(?P<type>[^#]+?)[ \t]*(?:#[ \t]*(?P<rest>.*))?")
# Addressed to a tool, or only a line to look at.
_NOT_TEXT = re.compile(
    r"%%|type:|noqa|pragma|pylint|mypy|pyright|ruff|flake8|fmt:|isort|nosec|nolint|todo\b|fixme\b|"
    r"xxx\b|@param|@title|[-=*_~#\s]*$",
    re.IGNORECASE,
)
_RULE = re.compile(r"[-=*_~#+]{3,}")  # what stands above it is a heading, not about one name
_CHOICES = re.compile(r"@param[ \t]*(?P<choices>\[.*\])(?P<more>[^\]]*)", re.IGNORECASE)
_COLAB = re.compile(r"@markdown[ \t]*")


@dataclass(frozen=True, slots=True)
class Comments:
    """The comments of a cell by line, from 1."""

    trailing: Mapping[int, str] = field(default_factory=dict)
    alone: Mapping[int, str] = field(default_factory=dict)

    def describing(self, first: int, last: int) -> str:
        """Return the comment behind a statement's last line, else those right above it.

        Last comes the one behind its first line, as of `paths = [  # what to read`.
        """
        return self._behind(last) or self._above(first) or self._behind(first)

    def _behind(self, line: int) -> str:
        behind = self.trailing.get(line, "")
        typed = _TYPE.fullmatch(behind)
        behind = (typed["rest"] or "") if typed else behind
        return "" if _NOT_TEXT.match(behind) else behind

    def _above(self, line: int) -> str:
        above: list[str] = []
        while (line := line - 1) in self.alone:
            text = _COLAB.sub("", self.alone[line])
            if _RULE.match(text):
                break
            if not _NOT_TEXT.match(text):
                above.insert(0, text)
        return " ".join(above)

    def choices_of(self, last: int) -> str:
        """Return the list that a form field of Colab lets choose from, or an empty string."""
        field = _CHOICES.fullmatch(self.trailing.get(last, ""))
        return field["choices"] if field and "allow-input" not in field["more"] else ""

    def type_of(self, last: int) -> str:
        """Return what `# type: …` behind a statement's last line says, or an empty string."""
        typed = _TYPE.fullmatch(self.trailing.get(last, ""))
        return typed["type"] if typed else ""


def read_comments(text: str) -> Comments:
    """Return the comments of plain Python; none where it can't be split into tokens."""
    trailing: dict[int, str] = {}
    alone: dict[int, str] = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                line, column = token.start
                before = token.line[:column]
                comments = trailing if before.strip() else alone
                comments[line] = _MARK.sub("", token.string, count=1).strip()
    except (tokenize.TokenError, SyntaxError):
        return Comments()
    return Comments(trailing, alone)
