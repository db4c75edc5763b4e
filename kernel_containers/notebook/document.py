"""Notebook files: read, checked, and written without what a run left in them."""

from __future__ import annotations

import hashlib
import json
import stat
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from kernel_containers.core.cells import SKIP_TAG, derived_cell_id, tags_of
from kernel_containers.core.large_json import parse_json
from kernel_containers.errors import InvalidInput, NotFound, Refused
from kernel_containers.notebook import summary

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kernel_containers.core.parameters import JsonValue

CellType = Literal["code", "markdown", "raw"]

# What running a notebook writes besides outputs. Kept, it would change the image's digest with
# every run, and papermill's holds the values of earlier parameters.
_RUN_METADATA = ("papermill", "widgets")
_CELL_RUN_METADATA = ("papermill", "execution", "ExecuteTime")

_AS_TEXT = frozenset({".md", ".py", ".Rmd", ".qmd", ".R", ".jl"})  # what jupytext reads
_LANGUAGES = {"python": "python", "python2": "python", "python3": "python", "ir": "r"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell; `index` counts all cells from 0.

    `source` is the text as one string, line endings as they are. A notebook before format 4.5
    has no cell ids: `id` then follows from index and source.
    """

    index: int
    id: str
    type: CellType
    source: str
    tags: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """How people name it: they count all cells from 1, as Jupyter does."""
        return f"cell {self.index + 1}"

    @property
    def source_sha256(self) -> str:
        """The hash that ties an edit to this text."""
        return _sha256(self.source)


@lru_cache(256)  # asked by each edit: a cell that sets 5,000 variables has as many
def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notebook:
    """A notebook file. `data` is its JSON, not to be changed.

    `language` is lower-case and `python` where the file does not say; `kernel_name` is empty
    then. `title` is the first heading, else the file's name.
    """

    path: Path
    cells: tuple[Cell, ...]
    language: str
    kernel_name: str
    title: str
    description: str
    data: Mapping[str, JsonValue] = field(repr=False)

    @property
    def named_sources(self) -> list[tuple[str, str]]:
        """(name, source) of each cell, for people and for the search for secrets."""
        return [(cell.name, cell.source) for cell in self.cells]

    @property
    def code_cells(self) -> tuple[Cell, ...]:
        """The cells that a run executes, in order."""
        return tuple(
            cell for cell in self.cells if cell.type == "code" and SKIP_TAG not in cell.tags
        )


def read(path: Path) -> Notebook:
    """Return the notebook in a file of format 4; a byte order mark is accepted.

    Raises:
        NotFound: there is no such file.
        Refused: it can't be read by this user.
        InvalidInput: it is not a notebook, or one of another format.
    """
    return parse(path, _read_bytes(path))


def _read_bytes(path: Path) -> bytes:
    try:
        # A pipe may never have a writer, and a device never an end.
        if stat.S_ISREG(path.stat().st_mode):
            return path.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"There is no notebook {path}.", todo="check the path") from None
    except NotADirectoryError:
        pass
    except PermissionError as error:
        raise Refused(f"{path} can't be read.", why=error.strerror) from error
    except OSError as error:
        raise InvalidInput(f"{path} can't be read.", why=error.strerror) from error
    raise NotFound(f"{path} is no notebook file.", todo="name a file .ipynb")


def parse(path: Path, content: bytes) -> Notebook:
    """Return the notebook in `content`, as if it had been read from `path`.

    Raises:
        InvalidInput: it is not a notebook, or one of another format.
    """
    try:
        data = parse_json(content)
    except (ValueError, RecursionError) as error:
        why = "the file is empty" if not content.strip() else f"it is not JSON: {error}"
        todo = f"make one: jupytext --to ipynb {path}" if path.suffix in _AS_TEXT else None
        raise InvalidInput(f"{path} is not a notebook.", why=why, todo=todo) from error
    return from_json(path, data)


def from_json(path: Path, data: JsonValue) -> Notebook:
    """Return the notebook whose JSON `data` is, as if it had been read from `path`.

    Raises:
        InvalidInput: it is not a notebook, or one of another format.
    """
    cells = _cells(path, _checked(path, data))
    metadata = _mapping(data.get("metadata"))
    kernelspec = _mapping(metadata.get("kernelspec"))
    texts = [cell.source for cell in cells if cell.type == "markdown"]
    return Notebook(
        path=path,
        cells=cells,
        language=_language(metadata, kernelspec),
        kernel_name=_text(kernelspec.get("name")),
        title=summary.title(texts) or path.name.removesuffix(".ipynb"),
        description=summary.description(texts),
        data=data,
    )


def _checked(path: Path, data: JsonValue) -> list[JsonValue]:
    version = data.get("nbformat") if isinstance(data, dict) else None
    if not isinstance(version, int):
        raise InvalidInput(f"{path} is not a notebook.", why="it has no nbformat number")
    if version < 4:
        raise InvalidInput(
            f"{path} has notebook format {version}, from before 2014.",
            todo=f"convert it: jupyter nbconvert --to notebook --inplace {path}",
        )
    if version > 4:
        raise InvalidInput(
            f"{path} has notebook format {version}.",
            why="this program knows format 4",
            todo="save it in format 4, or install a newer release of this program",
        )
    cells = data.get("cells")
    if not isinstance(cells, list):
        raise InvalidInput(f"{path} is not a notebook.", why="it has no list of cells")
    return cells


def _cells(path: Path, cells: list[JsonValue]) -> tuple[Cell, ...]:
    return tuple(_cell(path, index, cell) for index, cell in enumerate(cells))


def _cell(path: Path, index: int, cell: JsonValue) -> Cell:
    kind = cell.get("cell_type") if isinstance(cell, dict) else None
    if kind not in ("code", "markdown", "raw"):
        raise InvalidInput(
            f"Cell {index + 1} of {path} is malformed.",
            why=f"its type is {kind!r}, not code, markdown or raw",
        )
    lines = cell.get("source", "")
    if isinstance(lines, list) and all(isinstance(line, str) for line in lines):
        lines = "".join(lines)
    if not isinstance(lines, str):
        raise InvalidInput(
            f"Cell {index + 1} of {path} is malformed.",
            why="its source is neither a string nor a list of strings",
        )
    return Cell(
        index=index,
        id=_text(cell.get("id")) or derived_cell_id(index, lines),
        type=kind,
        source=lines,
        tags=frozenset(tags_of(cell)),
    )


def _language(metadata: Mapping[str, Any], kernelspec: Mapping[str, Any]) -> str:
    named = _text(_mapping(metadata.get("language_info")).get("name"))
    language = (named or _text(kernelspec.get("language"))).lower()
    if language:
        return {"ipython": "python"}.get(language, language)
    kernel = _text(kernelspec.get("name")).lower()
    # `julia-1.10`, `python3`, `ir`: the names that these kernels install themselves under.
    return _LANGUAGES.get(kernel) or ("julia" if kernel.startswith("julia-") else "python")


def _mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def without_outputs(notebook: Notebook) -> bytes:
    """Return the file to ship: no outputs, execution counts, widget state or traces of runs.

    Cell ids, the format's minor version and all other metadata stay as they are. The same
    notebook gives the same bytes, whether or not it was run in between.
    """
    data = {**notebook.data, "cells": [_unrun(cell) for cell in notebook.data["cells"]]}
    if isinstance(data.get("metadata"), dict):
        data["metadata"] = _without(data["metadata"], _RUN_METADATA)
    try:
        return _written(data, ascii_only=False)
    except UnicodeEncodeError:  # half a surrogate pair has no UTF-8 but has an escape
        return _written(data, ascii_only=True)


def _written(data: JsonValue, *, ascii_only: bool) -> bytes:
    # One space and a final newline, as Jupyter writes notebooks.
    return (json.dumps(data, indent=1, ensure_ascii=ascii_only) + "\n").encode()


def _unrun(cell: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    bare = dict(cell)
    if bare["cell_type"] == "code":
        bare |= {"outputs": [], "execution_count": None}
    if isinstance(bare.get("metadata"), dict):
        bare["metadata"] = _without(bare["metadata"], _CELL_RUN_METADATA)
    return bare


def _without(metadata: Mapping[str, JsonValue], names: tuple[str, ...]) -> dict[str, JsonValue]:
    return {name: value for name, value in metadata.items() if name not in names}
