"""Text of a stream as JupyterLab shows it: what was overwritten or taken back is gone.

Other movements of a cursor, such as of nested progress bars, it does not know either.
"""

from __future__ import annotations

import re

_MOVES = re.compile("([\r\b])")


def append(parts: list[str], text: str) -> None:
    r"""Add a piece to a stream's text, kept in parts; `finish` joins them.

    A progress bar rewrites its line a thousand times; only its last state is kept. The last line
    may hold one `\r`: after it stands again what the cursor has passed.
    """
    if "\r" not in text and "\b" not in text and not (parts and "\r" in parts[-1]):
        parts.append(text)
        return
    unfinished = ""
    while parts and not parts[-1].endswith("\n"):
        before, newline, last = parts.pop().rpartition("\n")
        unfinished = last + unfinished
        if newline:
            parts.append(before + newline)
    *lines, last = (unfinished + text).split("\n")
    if lines:
        parts.append("".join(f"{_overwritten(line)[0]}\n" for line in lines))
    if last:
        parts.append(_with_cursor(last))


def finish(parts: list[str]) -> str:
    """Return the whole text."""
    before, newline, last = "".join(parts).rpartition("\n")
    return before + newline + _overwritten(last)[0]


def _with_cursor(line: str) -> str:
    seen, column = _overwritten(line)
    return seen if column == len(seen) else f"{seen}\r{seen[:column]}"


def _overwritten(line: str) -> tuple[str, int]:
    r"""Return what is seen of a line, and where the cursor stands; as in JupyterLab.

    There `\b` takes away the character before the cursor, and the one below it if there is one.
    """
    seen: list[str] = []
    column = 0
    for piece in _MOVES.split(line):
        if piece == "\r":
            column = 0
        elif piece == "\b":
            del seen[max(column - 1, 0) : column + 1 if column else 0]
            column = max(column - 1, 0)
        else:
            end = column + len(piece)
            seen[column:end] = piece
            column = end
    return "".join(seen), column
