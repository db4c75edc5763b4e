"""Text of a stream as a terminal would show it: what a carriage return overwrote is gone."""

from __future__ import annotations


def append(parts: list[str], text: str) -> None:
    r"""Add a piece to a stream's text, kept in parts.

    A progress bar rewrites its line a thousand times; only its last state is kept. The last line
    may end in `\r`, which the next piece then overwrites.
    """
    if "\r" not in text and "\b" not in text and not (parts and parts[-1].endswith("\r")):
        parts.append(text)
        return
    unfinished = ""
    while parts and not parts[-1].endswith("\n"):
        before, newline, last = parts.pop().rpartition("\n")
        unfinished = last + unfinished
        if newline:
            parts.append(before + newline)
    lines = (unfinished + text).split("\n")
    parts.append("\n".join(map(overwritten, lines)))


def overwritten(line: str) -> str:
    """Return what is seen of one line."""
    end = "\r" if line.endswith("\r") else ""
    pieces = [piece for piece in line.split("\r") if piece]
    if "\b" not in line and ("\x1b" in line or len(pieces) < 2):
        # Colours have no width of their own, so columns can't be counted.
        return (pieces[-1] if pieces else "") + end
    seen: list[str] = []
    for piece in pieces:
        column = 0
        for character in piece:
            if character == "\b":
                column = max(column - 1, 0)
            else:
                seen[column : column + 1] = [character]
                column += 1
    return "".join(seen) + end
