"""Files that a notebook reads and that are not beside it, or nowhere."""

from __future__ import annotations

import ast
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from kernel_containers.notebook.assignments import find_bindings, parse_cell
from kernel_containers.notebook.bindings import How
from kernel_containers.notebook.remark import Remark, remark_at
from kernel_containers.notebook.unattended import ABSOLUTE_PATH, OWN_PATH, own_path
from kernel_containers.notebook.walk import last_name, walk_but

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kernel_containers.notebook.document import Cell, Notebook

MISSING = "missing-file"
_READERS = re.compile(
    r"read_(?!sql|clipboard|gbq|html)\w+|scan_\w+|loadtxt|genfromtxt|imread|open_dataset|Image"
)
_OPENERS = frozenset({"io", "gzip", "bz2", "lzma", "codecs", "Image", "rasterio", "fitz"})
# Common names, which read a file only as parts of these modules.
_LOADERS = frozenset({"np", "numpy", "joblib", "torch", "xr", "xarray", "librosa", "sf", "nib"})
_READING_METHODS = frozenset({"read_text", "read_bytes", "open"})
_PATH_WORDS = frozenset({"file", "filename", "filepath_or_buffer", "io", "path", "source", "fname"})
_RUN = re.compile(
    r"^[ \t]*(?:%run|!python3?)[ \t]+(?:-\w[ \t]+)*(?P<path>[\w./-]+\.\w+)", re.MULTILINE
)
_EXCUSES = re.compile(r"FileNotFoundError|OSError|IOError|Exception|BaseException")


def missing_files(notebook: Notebook) -> Iterator[Remark]:
    """Yield each file that the code certainly reads, by a path in it, and that is not there."""
    names = _paths_in_names(notebook)
    for cell in notebook.code_cells:
        parsed = parse_cell(cell.source)
        if parsed is None:
            continue
        for node in _certain(parsed[1]):
            text = _read_by(node, names)
            if text and _is_missing(notebook, text):
                yield _missing(cell, node.lineno, text)
            if ABSOLUTE_PATH.match(text) and not OWN_PATH.match(text):
                yield own_path(cell, node.lineno, text)
        for match in _RUN.finditer(cell.source):
            line = cell.source.count("\n", 0, match.start()) + 1
            is_command = parsed[0].text.splitlines()[line - 1].strip(" 0") == ""
            if is_command and _is_missing(notebook, match["path"]):
                yield _missing(cell, line, match["path"])


def files_elsewhere(notebook: Notebook) -> tuple[str, ...]:
    """Return the files that the code certainly reads by absolute paths or below `~`, sorted."""
    names = _paths_in_names(notebook)
    found: set[str] = set()
    for cell in notebook.code_cells:
        parsed = parse_cell(cell.source)
        for node in _certain(parsed[1]) if parsed else ():
            text = _read_by(node, names)
            if text.startswith(("/", "~/")) and not re.search(r"[{}<>*?\n]", text):
                found.add(text)
    return tuple(sorted(found))


def _missing(cell: Cell, line: int, text: str) -> Remark:
    return remark_at(
        cell, line, MISSING, "error", f"There is no file {text}.",
        "the code reads it, and it is not beside the notebook",
        "put it there, or make its path a parameter", subject=text,
    )  # fmt: skip


def _certain(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield all calls, but those where a missing file is expected, by `try` or `suppress`."""
    return (node for node in walk_but(tree, _unless_expected) if isinstance(node, ast.Call))


def _unless_expected(node: ast.AST) -> list[ast.stmt] | None:
    if isinstance(node, ast.Try) and any(
        handler.type is None or _EXCUSES.search(ast.dump(handler.type)) for handler in node.handlers
    ):
        return node.finalbody
    if isinstance(node, ast.With) and any(_suppresses(item.context_expr) for item in node.items):
        return []
    return None


def _suppresses(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and last_name(node.func) == "suppress"
        and bool(_EXCUSES.search(ast.dump(node)))
    )


def _read_by(call: ast.Call, names: Mapping[str, str]) -> str:
    """Return the path that a call reads; an empty text where it is not known, or is written."""
    match call.func:
        case ast.Attribute(attr=method, value=ast.Call(func=ast.Name(id="Path"), args=[path])) if (
            method in _READING_METHODS and not _writes(call, call.args)
        ):
            return _text(path, names)
        case ast.Name(id="open") | ast.Attribute(attr="open", value=ast.Name(id="builtins")):
            pass
        case ast.Attribute(attr="open", value=ast.Name(id=module)) if module in _OPENERS:
            pass
        case ast.Attribute(attr="load", value=ast.Name(id=module)) if module in _LOADERS:
            pass
        case ast.Name(id=called) | ast.Attribute(attr=called) if _READERS.fullmatch(called):
            pass
        case _:
            return ""
    named = [word.value for word in call.keywords if word.arg in _PATH_WORDS]
    paths = [*call.args[:1], *named]
    return _text(paths[0], names) if paths and not _writes(call, call.args[1:]) else ""


def _text(node: ast.expr, names: Mapping[str, str]) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            return names.get(name, "")
        case _:
            return ""


def _writes(node: ast.Call, rest: list[ast.expr]) -> bool:
    modes = [word.value for word in node.keywords if word.arg == "mode"] or rest[:1]
    return any(
        isinstance(mode, ast.Constant) and str(mode.value)[:1] in ("w", "x", "a") for mode in modes
    )


def _paths_in_names(notebook: Notebook) -> dict[str, str]:
    """Return texts by the names that hold them all the time and that only readers take."""
    found: dict[str, list[str | None]] = {}
    for binding in find_bindings(notebook):
        value = binding.literal.value if binding.how is How.LITERAL and binding.literal else None
        found.setdefault(binding.name, []).append(value if isinstance(value, str) else None)
    held = {name: values[0] for name, values in found.items() if len(values) == 1}
    names = {name: name for name in held}
    loads: dict[str, int] = {}
    read: dict[str, int] = {}
    for cell in notebook.code_cells:
        parsed = parse_cell(cell.source)
        for node in ast.walk(parsed[1]) if parsed else ():
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                loads[node.id] = loads.get(node.id, 0) + 1
            if isinstance(node, ast.Call) and (name := _read_by(node, names)):
                read[name] = read.get(name, 0) + 1
    return {n: text for n, text in held.items() if text and loads.get(n, 0) == read.get(n)}


def _is_missing(notebook: Notebook, text: str) -> bool:
    path = PurePosixPath(text)
    is_no_path = re.search(r"://|[{}<>*?\n]|^~|^[A-Za-z]:[\\/]", text)
    if is_no_path or path.is_absolute() or not path.suffix:
        return False
    code = "\n".join(cell.source for cell in notebook.code_cells)
    # A folder that is changed, or another mention: the notebook may make the file itself.
    if re.search(r"chdir|^\s*%cd\b", code, re.MULTILINE) or code.count(path.name) > 1:
        return False
    return not (notebook.path.parent / text).exists()
