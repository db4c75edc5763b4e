"""IPython's syntax made plain Python of the same length, so that positions stay true."""

from __future__ import annotations

import ast
import re
import warnings
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# Their bodies run in the notebook's namespace: what they assign stays. That of `%%timeit`
# does not, and that of others is not Python.
TRANSPARENT_CELL_MAGICS = frozenset({"time", "capture", "prun"})

_PROMPT = re.compile(r"^[ \t]*In ?\[", re.MULTILINE)  # to Python a variable's annotation
_TIMED_STATEMENT = re.compile(r"%time[ \t]+(?=\S)")


@dataclass(frozen=True, slots=True)
class PlainPython:
    """A cell's source as Python can parse it.

    Magics and shell commands are replaced by `0`, on the right of an assignment by `_`, and
    padded with spaces. `text` differs from the source in length only by line endings, which
    become `\\n`, and by indentation and prompts that IPython removes.
    """

    text: str
    _starts: tuple[int, ...]  # of each line, in the text
    _origins: tuple[int, ...]  # of each line, in the source

    def to_source(self, offset: int) -> int:
        """Return where the character at `offset` of the text is in the source."""
        line = bisect_right(self._starts, offset) - 1
        return self._origins[line] + offset - self._starts[line]


def plain_python(source: str) -> PlainPython:
    """Return a cell's source without IPython's syntax, which IPython itself finds."""
    lines = source.splitlines(keepends=True)  # as IPython does: also at form feeds
    origins = list(accumulate(map(len, lines), initial=0))[: max(len(lines), 1)]
    # Importing IPython takes 0.15 s, and but for its prompts nothing of its syntax is Python.
    if lines and (_PROMPT.search(source) or not _is_python("".join(lines))):
        lines, origins = _readable(lines, origins)
    lines = lines or [""]
    lines = [re.sub(r"\r\n?$", "\n", line) for line in lines]
    starts = list(accumulate(map(len, lines), initial=0))[: len(lines)]
    return PlainPython("".join(lines), tuple(starts), tuple(origins))


def _is_python(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes in the user's strings
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _readable(lines: list[str], origins: list[int]) -> tuple[list[str], list[int]]:
    from IPython.core.inputtransformer2 import TransformerManager, cell_magic  # noqa: PLC0415

    manager: Any = TransformerManager()  # type: ignore[no-untyped-call]
    for transform in manager.cleanup_transforms:
        lines, origins = _cleaned(lines, origins, transform)
    if cell_magic(lines) == lines:  # type: ignore[no-untyped-call]
        return _without_magics(lines, manager), origins
    name = lines[0][2:].rstrip().partition(" ")[0]
    head = _blank(lines[0])
    if name not in TRANSPARENT_CELL_MAGICS or not lines[1:]:
        return [head, *map(_blank, lines[1:])], origins
    body, body_origins = _readable(lines[1:], origins[1:])
    return [head, *body], [origins[0], *body_origins]


def _cleaned(
    lines: list[str], origins: list[int], transform: Callable[[list[str]], list[str]]
) -> tuple[list[str], list[int]]:
    """Apply one of IPython's clean-ups, all of which only remove from the front of lines."""
    cleaned = transform(lines)
    dropped = len(lines) - len(cleaned)
    if cleaned and cleaned == lines[dropped:]:
        return cleaned, origins[dropped:]
    # A last line of only spaces, or only a prompt, goes as well.
    cleaned = [*cleaned, *[""] * dropped]
    kept = list(zip(lines, cleaned, strict=False))
    if dropped < 0 or not all(before.endswith(after) for before, after in kept):
        return lines, origins
    shifts = [len(before) - len(after) for before, after in kept]
    return cleaned, [at + by for at, by in zip(origins, shifts, strict=True)]


def _without_magics(lines: list[str], manager: Any) -> list[str]:
    # IPython looks for its syntax in cells that end with a newline.
    unfinished = not lines[-1].endswith(("\n", "\r"))
    if unfinished:
        lines = [*lines[:-1], lines[-1] + "\n"]
    while (masked := _without_first_magic(lines, manager)) is not None:
        lines = masked
    return [*lines[:-1], lines[-1][:-1]] if unfinished else lines


def _without_first_magic(lines: list[str], manager: Any) -> list[str] | None:
    from IPython.core.inputtransformer2 import MagicAssign, SystemAssign  # noqa: PLC0415

    for special in _found(lines, manager):
        try:
            transformed = special.transform(lines)
        except SyntaxError:
            continue
        # The special syntax became one line, which tells how many lines it was.
        first = special.start_line
        last = first + len(lines) - len(transformed)
        stand_in = "_" if isinstance(special, MagicAssign | SystemAssign) else "0"
        masked = _masked(lines[first : last + 1], special.start_col, stand_in)
        return [*lines[:first], *masked, *lines[last + 1 :]]
    return None


def _found(lines: list[str], manager: Any) -> list[Any]:
    """Return IPython's candidates for special syntax, the one it tries first in front."""
    from IPython.core.inputtransformer2 import make_tokens_by_line  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes in the user's strings
            tokens = make_tokens_by_line(lines)
        found = [special for kind in manager.token_transformers if (special := kind.find(tokens))]
    except (SyntaxError, IndexError):
        return []  # such a cell fails in IPython too
    return sorted(found, key=lambda special: special.sortby())


def _masked(lines: list[str], start: int, stand_in: str) -> list[str]:
    head, *rest = lines
    timed = _TIMED_STATEMENT.match(head, start)
    if timed and stand_in == "0":
        statement = _simple_statement("".join([head[timed.end() :], *rest]))
        if statement is not None:
            # `%time n = 1` assigns in the notebook's namespace, so the statement stays.
            padding = " " * (timed.end() - start - 2)
            return f"{head[:start]}0{padding};{statement}".splitlines(keepends=True)
    return [head[:start] + stand_in + _blank(head[start + 1 :]), *map(_blank, rest)]


def _simple_statement(source: str) -> str | None:
    """Return the plain Python of what `%time` runs, where it can stand behind a semicolon."""
    text = plain_python(source).text
    # IPython joins continued lines with a space, which only strings can tell.
    joined = plain_python(source.replace("\\\n", " ")).text
    try:
        same = ast.dump(ast.parse(f"0;{text}")) == ast.dump(ast.parse(f"0;{joined}"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return text if same and len(text) == len(source.replace("\r\n", "\n")) else None


def _blank(line: str) -> str:
    """Return as many spaces; what ends a line to IPython, such as a form feed, becomes `\\n`."""
    content = line.splitlines()[0] if line else ""
    ending = line[len(content) :]
    return " " * len(content) + (ending if ending == "\r\n" else "\n" * len(ending))
