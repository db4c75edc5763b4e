"""What a notebook's code names besides itself: modules, folders of modules, and files."""

from __future__ import annotations

import ast
import glob
import re
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_containers.notebook.assignments import parse_cell
from kernel_containers.notebook.companions import (
    companions,
    modules_of,
    read_by_commands,
    sources_of,
    words_of_script,
)
from kernel_containers.notebook.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kernel_containers.notebook.companions import Companion
    from kernel_containers.notebook.document import Notebook

_LOAD_EXTENSION = re.compile(r"^[ \t]*%load_ext[ \t]+(?P<module>\w+)", re.MULTILINE)
_CHANGES_PACKAGES = re.compile(
    r"\b(?:install|sys\.path|site\.addsitedir|chdir|%cd)\b|^%%(?:write)?file\b"
)
_CHANGES_FOLDER = re.compile(r"^[ \t]*%cd[ \t]+(?P<folder>\S+)", re.MULTILINE)
_QUOTED = re.compile(r"""(?P<quote>["'])(?P<text>[^"'\\\n]+)(?P=quote)""")
_FOLDER_NAME = re.compile(r"dir|folder|path|root|data", re.IGNORECASE)
_FOLDER_CALLS = frozenset(
    {"Path", "PosixPath", "listdir", "scandir", "walk", "glob", "rglob", "iglob", "chdir"}
)
_WRITERS = re.compile(
    r"to_(?!numpy|list|dict)\w+|save\w*|dump|write\w*|mkdir|makedirs|unlink|touch"
)


def imported_modules(notebook: Notebook) -> frozenset[str]:
    """Return the top-level names of the modules that Python code imports, companions' included."""
    sources = _all_sources(notebook, companions(notebook))
    found = {match["module"] for text in sources for match in _LOAD_EXTENSION.finditer(text)}
    for tree in _trees(sources):
        found.update(modules_of(tree))
    return frozenset(found)


def needed_modules(notebook: Notebook) -> frozenset[str]:
    """Return the top-level names of the modules without which the code can't run to its end.

    Imports in `try`, conditions and functions don't count, and none do where cells install
    packages or the search path changes. IPython reads a notebook of `%run` with nbformat.
    """
    sources = sources_of(notebook)
    if any(_CHANGES_PACKAGES.search(source) for source in sources):
        return frozenset()
    statements = (node for tree in _trees(sources) for node in tree.body)
    imports = (node for node in statements if isinstance(node, ast.Import | ast.ImportFrom))
    found = {name for node in imports for name in modules_of(node)}
    runs_notebooks = any(path.suffix == ".ipynb" for path, _ in companions(notebook))
    return frozenset(found | {"nbformat"} if runs_notebooks else found)


def import_folders(notebook: Notebook) -> tuple[str, ...]:
    """Return the folders of scripts and those added to `sys.path` by a literal, as written."""
    beside = companions(notebook)
    folders = {path.parent for path, _ in beside} - {notebook.path.parent}
    found = dict.fromkeys(sorted(map(str, folders)))
    for tree in _trees(_all_sources(notebook, beside)):
        for node in ast.walk(tree):
            match node:
                case ast.Call(
                    func=ast.Attribute(
                        attr="append" | "insert" | "extend",
                        value=ast.Attribute(attr="path", value=ast.Name(id="sys")),
                    )
                ):
                    found.update(dict.fromkeys(_strings(node.args)))
                case _:
                    pass
    folder = notebook.path.parent
    return tuple(text for text in found if _exists(folder, text) and (folder / text).is_dir())


def literal_paths(notebook: Notebook) -> tuple[str, ...]:
    """Return the files and folders beside the notebook that code names, as written, sorted.

    The code is the notebook's and its companions', which run in the same folder. A string counts
    where such a file exists, a folder also where it is used as one. Paths may lead out of the
    notebook's folder by `..` to files, not to folders, and only relative ones do. Files that are
    only written don't count; `data/{year}.csv` stands for what matches it. In languages other than
    Python, texts in quotes count, and a shell's words.
    """
    finder = _PathFinder(notebook.path)
    for cell in notebook.code_cells if notebook.language != "python" else ():
        shell = words_of_script(cell.source) if notebook.language == "bash" else ()
        for text in (*shell, *(match["text"] for match in _QUOTED.finditer(cell.source))):
            finder.name(text)
    sources = _all_sources(notebook, companions(notebook))
    for tree in _trees(sources):
        finder.visit(tree)
    for match in chain.from_iterable(map(_CHANGES_FOLDER.finditer, sources)):
        finder.name(match["folder"], folder=True)
    for word in chain.from_iterable(map(read_by_commands, sources)):
        finder.name(word)
        finder.name(f"{word}.py")
        finder.pattern(word) if "*" in word else None
    return tuple(sorted(finder.found))


def _all_sources(notebook: Notebook, beside: Iterable[Companion]) -> tuple[str, ...]:
    return (*sources_of(notebook), *(source for _, sources in beside for source in sources))


def _trees(sources: Iterable[str]) -> Iterator[ast.Module]:
    for source in sources:
        parsed = parse_cell(source)
        if parsed is not None:
            yield parsed[1]


def _strings(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.value


def _exists(folder: Path, text: str) -> bool:
    if not 0 < len(text) <= 255 or "\0" in text or "\n" in text:
        return False
    try:
        return (folder / text).exists()
    except OSError:
        return False


class _PathFinder(ast.NodeVisitor):
    def __init__(self, notebook: Path) -> None:
        self.notebook = notebook
        self.folder = notebook.parent
        self.found: set[str] = set()
        self.paths = Paths()

    def name(self, text: str, *, folder: bool = False) -> None:
        """Note a path if it exists and counts."""
        if not _exists(self.folder, text):
            return
        path = self.folder / text
        resolved = path.resolve()
        inside = resolved.is_relative_to(self.folder.resolve())
        if resolved == self.notebook.resolve() or (Path(text).is_absolute() and not inside):
            return
        below = inside and resolved != self.folder.resolve()
        if path.is_file() or (folder and below and path.is_dir()):
            self.found.add(text)

    def pattern(self, text: str) -> None:
        """Note the files that match a pattern below the notebook's folder."""
        if "\0" in text or Path(text).is_absolute() or not text.strip("*/. "):
            return
        for match in glob.glob(text, root_dir=self.folder, recursive=True):  # noqa: PTH207
            self.name(match)

    def files_in(self, call: ast.Call, called: str) -> bool:
        """Note the files that `DATA.glob("*.csv")` finds; False if it is another call."""
        match call:
            case ast.Call(
                func=ast.Attribute(value=value), args=[ast.Constant(value=str(text)), *_]
            ) if called in ("glob", "rglob"):
                folder = self.paths.read(value)
            case _:
                return False
        deep = "**/" if called == "rglob" else ""
        if folder is not None and not (deep and folder.startswith("..")):
            self.pattern(f"{glob.escape(folder)}/{deep}{text}")
        return folder is not None

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.name(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        known = [
            self.paths.read(part.value if isinstance(part, ast.FormattedValue) else part)
            for part in node.values
        ]
        parts = ["*" if text is None else glob.escape(text) for text in known]
        if any(part != "*" for part in parts):
            self.pattern("".join(parts))
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            self.name(node.value.value, folder=any(map(_FOLDER_NAME.search, names)))
        else:
            self.visit(node.value)
        self.paths.bind(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        joined = self.paths.read(node)
        if joined is not None:
            self.name(joined, folder=True)
        else:
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        called = node.func.id if isinstance(node.func, ast.Name) else called
        joined = self.paths.read(node)
        if joined is not None and called in _FOLDER_CALLS | {"join", "joinpath"}:
            self.name(joined, folder=True)
        elif self.files_in(node, called):
            self.visit(node.func)
        elif _WRITERS.fullmatch(called) or (called == "open" and _opens_to_write(node)):
            for argument in (*node.args, *(word.value for word in node.keywords)):
                if not isinstance(argument, ast.JoinedStr) and self.paths.read(argument) is None:
                    self.visit(argument)
        else:
            for text in _strings(node.args[:1]) if called in _FOLDER_CALLS else ():
                self.name(text, folder=True)
                self.pattern(text) if "glob" in called else None
            self.generic_visit(node)


def _opens_to_write(node: ast.Call) -> bool:
    modes = [word.value for word in node.keywords if word.arg == "mode"] or node.args[1:2]
    return any(
        isinstance(mode, ast.Constant) and str(mode.value)[:1] in ("w", "x") for mode in modes
    )
