"""Words of shell commands, in cells and scripts, that may be files to read."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMMAND = re.compile(
    r"^[ \t]*(?:%(?:run|load)\b|!|%%?(?:sx|system)\b)(?P<words>.*)$", re.MULTILINE
)
_SHELL_CELL = re.compile(r"\s*%%(?:bash|sh|script|system|sx|!)(?!\w).*\n")
_REMOVES = frozenset({"rm", "mv", "touch", "mkdir", "tee", "curl", "wget"})


def words_of_commands(source: str) -> Iterator[str]:
    """Yield the words in magics and shell commands of a Python cell, as written."""
    shell = _SHELL_CELL.match(source)
    if shell:
        yield from words_of_script(source[shell.end() :])
    else:
        for match in _COMMAND.finditer(source):
            yield from _words(match["words"])


def words_of_script(script: str) -> Iterator[str]:
    """Yield the words of a shell's script, as written."""
    for line in script.splitlines():
        yield from _words(line)


def _words(line: str) -> Iterator[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        return
    if words and words[0] in _REMOVES:
        return
    before = ""
    for word in words:
        if not before.startswith(">"):
            yield word
        before = word
