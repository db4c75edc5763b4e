"""Code that runs with a notebook: scripts and notebooks that it starts, modules beside it."""

from __future__ import annotations

import ast
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kernel_containers.errors import KernelContainersError
from kernel_containers.notebook import document
from kernel_containers.notebook.assignments import parse_cell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_containers.notebook.document import Notebook

_COMMAND = re.compile(
    r"^[ \t]*(?:%(?:run|load)\b|!|%%?(?:sx|system)\b)(?P<words>.*)$", re.MULTILINE
)
_SHELL_CELL = re.compile(r"\s*%%(?:bash|sh|script|system|sx|!)(?!\w).*\n")
_REMOVES = frozenset({"rm", "mv", "touch", "mkdir", "tee", "curl", "wget"})
_LARGEST = 10_000_000  # bytes; what is longer was made by a program


class Companion(NamedTuple):
    """A file of code, and the sources in it: one, or those of a notebook's cells."""

    path: Path
    sources: tuple[str, ...]


def companions(notebook: Notebook) -> tuple[Companion, ...]:
    """Return the code beside a Python notebook that runs with it, each file once.

    These are what `%run` and shell commands name, modules imported from the notebook's folder or
    from that of a script, and what those name in turn. Paths are relative to the notebook's folder,
    for there everything runs.
    """
    folder = notebook.path.parent
    found: dict[Path, Companion] = {}
    todo = [Companion(notebook.path, sources_of(notebook))]
    while todo:
        path, sources = todo.pop()
        for named in _named(sources, folder, path.parent):
            if named not in found and named != notebook.path and (text := _read(named)):
                found[named] = Companion(named, text)
                todo.append(found[named])
    return tuple(found[path] for path in sorted(found))


def sources_of(notebook: Notebook) -> tuple[str, ...]:
    """Return the sources of a Python notebook's code cells; none of another language's."""
    cells = notebook.code_cells if notebook.language == "python" else ()
    return tuple(cell.source for cell in cells)


def read_by_commands(source: str) -> Iterator[str]:
    """Yield the words of magics and shell commands that may be files to read, as written."""
    shell = _SHELL_CELL.match(source)
    if shell:
        yield from words_of_script(source[shell.end() :])
    else:
        for match in _COMMAND.finditer(source):
            yield from _words(match["words"])


def words_of_script(script: str) -> Iterator[str]:
    """Yield the words of a shell's script that may be files to read, as written."""
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


def modules_of(tree: ast.AST) -> Iterator[str]:
    """Yield the top-level names of the modules that code imports, by absolute names."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module")
                | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                yield module.partition(".")[0]
            case _:
                pass


def _named(sources: tuple[str, ...], folder: Path, beside: Path) -> Iterator[Path]:
    for source in sources:
        for word in read_by_commands(source):
            if word.endswith((".py", ".ipynb")):
                yield Path(os.path.normpath(folder / word))
            else:
                yield Path(os.path.normpath(folder / f"{word}.py"))
        parsed = parse_cell(source)
        for name in modules_of(parsed[1]) if parsed else ():
            yield folder / f"{name}.py"
            yield beside / f"{name}.py"


def _read(path: Path) -> tuple[str, ...]:
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return ()
        if path.suffix == ".ipynb":
            return sources_of(document.read(path))
        return (path.read_text(encoding="utf-8"),)
    except (OSError, ValueError, KernelContainersError):
        return ()
