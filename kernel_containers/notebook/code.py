"""The Python code of a notebook: its cells, what they start, and the modules beside it."""

from __future__ import annotations

import ast
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kernel_containers.errors import KernelContainersError
from kernel_containers.notebook import document
from kernel_containers.notebook.assignments import parse_cell
from kernel_containers.notebook.shell_words import words_of_commands

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kernel_containers.notebook.document import Notebook

_LOAD_EXTENSION = re.compile(r"^[ \t]*%load_ext[ \t]+(?P<module>\w+)", re.MULTILINE)
_CHANGES_PACKAGES = re.compile(
    r"\b(?:install|sys\.path|site\.addsitedir|chdir|%cd)\b|^%%(?:write)?file\b"
)
_LARGEST = 10_000_000  # bytes; what is longer was made by a program
_MOST_FILES = 50  # of a package beside a notebook; a larger one knows where its own data is
_REMEMBERED = 2048  # sources; a server plans the same code many times


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A cell, or a file; `tree` is None where Python can't parse it.

    `modules` are the top-level names of what it imports, `folders` those it adds to `sys.path`
    by a literal, as written.
    """

    text: str
    tree: ast.Module | None
    modules: frozenset[str]
    folders: tuple[str, ...]


class Companion(NamedTuple):
    """A file of code that runs with a notebook: one source, or those of a notebook's cells.

    Where a command starts it, its own folder is one of modules.
    """

    path: Path
    sources: tuple[Source, ...]
    is_started: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What a Python notebook runs, as it was when it was read; nothing for other languages.

    `companions` are the files beside it that `%run` and shell commands name, modules and packages
    imported from its folder, from those it adds to `sys.path` or from that of a script, and what
    those name in turn: each once, by path.
    """

    notebook: Notebook
    cells: tuple[Source, ...]
    companions: tuple[Companion, ...]

    @property
    def sources(self) -> Iterator[Source]:
        """The cells, then the companions' sources."""
        yield from self.cells
        for companion in self.companions:
            yield from companion.sources

    @property
    def imported_modules(self) -> frozenset[str]:
        """The top-level names of the modules that any source imports."""
        return frozenset().union(*(source.modules for source in self.sources))

    @property
    def needed_modules(self) -> frozenset[str]:
        """The top-level names of the modules without which the cells can't run to their end.

        Imports in `try`, conditions and functions don't count, and none do where cells install
        packages or the search path changes. IPython reads a notebook of `%run` with nbformat.
        """
        if any(_CHANGES_PACKAGES.search(source.text) for source in self.cells):
            return frozenset()
        statements = (node for source in self.cells if source.tree for node in source.tree.body)
        imports = (node for node in statements if isinstance(node, ast.Import | ast.ImportFrom))
        found = frozenset(_modules(imports))
        runs_notebooks = any(item.path.suffix == ".ipynb" for item in self.companions)
        return found | {"nbformat"} if runs_notebooks else found

    @property
    def import_folders(self) -> tuple[str, ...]:
        """Existing folders of companions and those added to `sys.path`, as written."""
        home = self.notebook.path.parent
        started = {item.path.parent for item in self.companions if item.is_started}
        beside = map(str, started - {home})
        added = (text for source in self.sources for text in source.folders)
        found = dict.fromkeys([*sorted(beside), *added])
        return tuple(text for text in found if exists(home, text) and (home / text).is_dir())


def read_code(notebook: Notebook) -> Code:
    """Return the code of a notebook and of the files that run with it, which all are read."""
    folder = notebook.path.parent
    cells = _sources_of(notebook)
    added = (text for source in cells for text in source.folders)
    places = [folder, *(Path(os.path.normpath(folder / text)) for text in added)]
    found: list[Companion] = []
    seen = {notebook.path}
    todo = [Companion(notebook.path, cells)]
    while todo:
        code = todo.pop()
        started = frozenset(_started_by(code, folder))
        new = started.union(_imported_by(code, places)) - seen
        seen |= new
        read = [Companion(path, text, path in started) for path in new if (text := _read(path))]
        found += read
        todo += read
    found.sort(key=lambda companion: companion.path)
    return Code(notebook=notebook, cells=cells, companions=tuple(found))


def _started_by(code: Companion, folder: Path) -> Iterator[Path]:
    """Yield the files that commands may start; `folder` is where everything runs."""
    for source in code.sources:
        for word in words_of_commands(source.text):
            name = word if word.endswith((".py", ".ipynb")) else f"{word}.py"
            yield Path(os.path.normpath(folder / name))


def _imported_by(code: Companion, places: Sequence[Path]) -> Iterator[Path]:
    """Yield the files that code may import from `places` or from beside itself."""
    for module in frozenset().union(*(source.modules for source in code.sources)):
        for place in dict.fromkeys([*places, code.path.parent]):
            yield place / f"{module}.py"
            if (place / module / "__init__.py").is_file():
                yield from islice((place / module).rglob("*.py"), _MOST_FILES)


def _read(path: Path) -> tuple[Source, ...]:
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return ()
        if path.suffix == ".ipynb":
            return _sources_of(document.read(path))
        return (_source(path.read_text(encoding="utf-8")),)
    except (OSError, ValueError, KernelContainersError):
        return ()


def _sources_of(notebook: Notebook) -> tuple[Source, ...]:
    cells = notebook.code_cells if notebook.language == "python" else ()
    return tuple(_source(cell.source) for cell in cells)


@lru_cache(_REMEMBERED)
def _source(text: str) -> Source:
    parsed = parse_cell(text)
    tree = parsed[1] if parsed else None
    nodes = tuple(ast.walk(tree)) if tree else ()
    extensions = (match["module"] for match in _LOAD_EXTENSION.finditer(text))
    return Source(
        text=text,
        tree=tree,
        modules=frozenset([*_modules(nodes), *extensions]),
        folders=tuple(_added_folders(nodes)),
    )


def _modules(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the top-level names of the modules that nodes import, by absolute names."""
    for node in nodes:
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


def _added_folders(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.Call(
                func=ast.Attribute(
                    attr="append" | "insert" | "extend",
                    value=ast.Attribute(attr="path", value=ast.Name(id="sys")),
                )
            ):
                yield from texts_in(node.args)
            case _:
                pass


def texts_in(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the literal texts at and below nodes."""
    for node in nodes:
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.value


def exists(folder: Path, text: str) -> bool:
    """Whether a text names something that exists, as seen from a folder."""
    if not 0 < len(text) <= 255 or "\0" in text or "\n" in text:
        return False
    try:
        return (folder / text).exists()
    except OSError:
        return False
