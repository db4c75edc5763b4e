"""The files and folders beside a notebook that its code names."""

from __future__ import annotations

import ast
import glob
import os.path
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from kernel_containers.notebook.code import exists, texts_in
from kernel_containers.notebook.paths import Paths
from kernel_containers.notebook.shell_words import words_of_commands, words_of_script

if TYPE_CHECKING:
    from kernel_containers.notebook.code import Code, Source

_CHANGES_FOLDER = re.compile(r"^[ \t]*%cd[ \t]+(?P<folder>\S+)", re.MULTILINE)
_QUOTED = re.compile(r"""(?P<quote>["'])(?P<text>[^"'\\\n]+)(?P=quote)""")
# `![](a.png "title")`, `![](<a b.png>)`, `<img src="a.png">`
_PICTURE = re.compile(
    r"""!\[[^\]]{0,500}\]\(\s*(?:<(?P<spaced>[^>\n]+)>|(?P<plain>[^\s)]+))
      | <img\b[^<>]*?\ssrc\s*=\s*["'](?P<tag>[^"'\n]+)""",
    re.VERBOSE | re.IGNORECASE,
)
_FOLDER_NAME = re.compile(r"dir|folder|path|root|data", re.IGNORECASE)
_FOLDER_CALLS = frozenset(
    {"Path", "PosixPath", "listdir", "scandir", "walk", "glob", "rglob", "iglob", "chdir"}
)
_WRITERS = re.compile(
    r"to_(?!numpy|list|dict)\w+|save\w*|dump|write\w*|mkdir|makedirs|unlink|touch"
)


def named_files(code: Code) -> tuple[str, ...]:
    """Return the files and folders beside the notebook that code names, as written, sorted.

    The code is the notebook's and its companions', which run in the same folder and know their
    own as `Path(__file__).parent`. A string counts
    where such a file exists, a folder also where it is used as one. Paths may lead out of the
    notebook's folder by `..` to files, not to folders, and only relative ones do. Files that are
    only written don't count; `data/{year}.csv` stands for what matches it. In languages other than
    Python, texts in quotes count, and a shell's words. Of text cells the pictures do.
    """
    notebook = code.notebook
    finder = _PathFinder(notebook.path)
    for cell in notebook.cells:
        for match in _PICTURE.finditer(cell.source) if cell.type == "markdown" else ():
            finder.name(unquote(next(filter(None, match.groups()))))
    for cell in notebook.code_cells if notebook.language != "python" else ():
        shell = words_of_script(cell.source) if notebook.language == "bash" else ()
        for text in (*shell, *(match["text"] for match in _QUOTED.finditer(cell.source))):
            finder.name(text)
    for source in code.cells:
        finder.read(source)
    for companion in code.companions:
        finder.paths.enter(os.path.relpath(companion.path, notebook.path.parent))
        for source in companion.sources:
            finder.read(source)
    return tuple(sorted(finder.found))


class _PathFinder(ast.NodeVisitor):
    def __init__(self, notebook: Path) -> None:
        self.folder = notebook.parent
        self.real_folder = self.folder.resolve()
        self.real_notebook = notebook.resolve()
        self.found: set[str] = set()
        self.looked_at: set[tuple[str, bool]] = set()  # the disk is asked once for each
        self.paths = Paths()

    def read(self, source: Source) -> None:
        """Note what the commands and the code of a source name."""
        if source.tree:
            self.visit(source.tree)
        for match in _CHANGES_FOLDER.finditer(source.text):
            self.name(match["folder"], folder=True)
        for word in words_of_commands(source.text):
            self.name(word)
            self.name(f"{word}.py")
            self.pattern(word) if "*" in word else None

    def name(self, text: str, *, folder: bool = False) -> None:
        """Note a path if it exists and counts."""
        if (text, folder) in self.looked_at:
            return
        self.looked_at.add((text, folder))
        if not exists(self.folder, text):
            return
        path = self.folder / text
        resolved = path.resolve()
        inside = resolved.is_relative_to(self.real_folder)
        if resolved == self.real_notebook or (Path(text).is_absolute() and not inside):
            return
        below = inside and resolved != self.real_folder
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
            for text in texts_in(node.args[:1]) if called in _FOLDER_CALLS else ():
                self.name(text, folder=True)
                self.pattern(text) if "glob" in called else None
            self.generic_visit(node)


def _opens_to_write(node: ast.Call) -> bool:
    modes = [word.value for word in node.keywords if word.arg == "mode"] or node.args[1:2]
    return any(
        isinstance(mode, ast.Constant) and str(mode.value)[:1] in ("w", "x") for mode in modes
    )
