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
    r"%%|type:|noqa|pragma|pylint|mypy|ruff|fmt:|isort|nosec|@param|[-=*_~#\s]*$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Comments:
    """The comments of a cell by line, from 1."""

    trailing: Mapping[int, str] = field(default_factory=dict)
    alone: Mapping[int, str] = field(default_factory=dict)

    def describing(self, first: int, last: int) -> str:
        """Return the comment behind a statement's last line, else those right above it."""
        behind = self.trailing.get(last, "")
        typed = _TYPE.fullmatch(behind)
        behind = (typed["rest"] or "") if typed else behind
        if behind and not _NOT_TEXT.match(behind):
            return behind
        above: list[str] = []
        line = first - 1
        while line in self.alone:
            if not _NOT_TEXT.match(self.alone[line]):
                above.insert(0, self.alone[line])
            line -= 1
        return " ".join(above)

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
