"""Text of a stream as a terminal would show it: what a carriage return overwrote is gone."""

from __future__ import annotations


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
    """Return what is seen of a line, and where the cursor stands."""
    if "\r" not in line and "\b" not in line:
        return line, len(line)
    if "\x1b" in line:
        # Colours have no width of their own, so columns can't be counted.
        last = next((piece for piece in reversed(line.split("\r")) if piece), "")
        return last, 0 if line.endswith("\r") else len(last)
    seen: list[str] = []
    column = 0
    for character in line:
        if character == "\r":
            column = 0
        elif character == "\b":
            column = max(column - 1, 0)
        else:
            seen[column : column + 1] = [character]
            column += 1
    return "".join(seen), column
