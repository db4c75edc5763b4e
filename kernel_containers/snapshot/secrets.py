"""Likely secrets in what would enter an image."""

from __future__ import annotations

import codecs
import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from kernel_containers.core.large_json import parse_json
from kernel_containers.core.redaction import MASK
from kernel_containers.core.snapshot import FileEntry, FileKind, Finding
from kernel_containers.snapshot.secret_patterns import Match, matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LOOKED_AT = 1_000_000  # bytes of each file; code and settings are shorter, and take 0.1 s
LOOKED_AT_IN_DATA = 100_000
_SHOWN = 40  # characters before a secret
_UNQUOTED = frozenset(
    ".cfg .conf .env .ini .properties .sh .tfvars .toml .yaml .yml".split()  # noqa: SIM905
)
_DATA = frozenset(
    ".csv .geojson .htm .html .json .jsonl .log .svg .tsv .txt .xml".split()  # noqa: SIM905
)


def find_secrets(
    cells: Sequence[tuple[str, str]], entries: Sequence[FileEntry]
) -> tuple[Finding, ...]:
    """Return likely secrets in the notebook's cells and at the beginning of files.

    Of a file the first megabyte is searched, of data the first 100 kB.
    `cells` are (name, source); the shipped notebook among `entries` is then only searched for
    what is in its metadata. Other notebooks among them are searched with their outputs. Files
    that are not text are not searched.
    """
    found = [finding for name, source in cells for finding in _in_text(name, source)]
    for entry in entries:
        if entry.kind is FileKind.FILE:
            found += _in_file(entry)
    return tuple(dict.fromkeys(found))


def _in_file(entry: FileEntry) -> Iterator[Finding]:
    data = _read(entry)
    name = PurePosixPath(entry.target)
    if name.suffix == ".ipynb":
        try:
            notebook = parse_json(data)
        except (ValueError, RecursionError):
            notebook = None
        if isinstance(notebook, dict):
            yield from _in_notebook(entry, notebook)
            return
    data = data[: LOOKED_AT_IN_DATA if name.suffix.lower() in _DATA else LOOKED_AT]
    text = _decoded(data)
    bare = name.suffix in _UNQUOTED or not name.suffix
    yield from _in_text(entry.target, text, bare=bare)


def _decoded(data: bytes) -> str:
    """Return a text; nothing of what is none."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    return "" if b"\0" in data[:8192] else data.decode("utf-8", "replace")


def _read(entry: FileEntry) -> bytes:
    if entry.content is not None:
        return entry.content
    if entry.source is None:
        return b""
    try:
        with open(entry.source, "rb") as file:  # noqa: PTH123 - may have undecodable bytes
            return file.read() if entry.target.endswith(".ipynb") else file.read(LOOKED_AT)
    except OSError:
        return b""  # the layer's builder reports it


def _in_notebook(entry: FileEntry, notebook: dict[str, Any]) -> Iterator[Finding]:
    yield from _in_text(f"{entry.target}, metadata", json.dumps(notebook.get("metadata"), indent=1))
    cells = notebook.get("cells")
    for number, cell in enumerate(cells if isinstance(cells, list) else (), start=1):
        if not isinstance(cell, dict):
            continue
        where = f"{entry.target}, cell {number}"
        if entry.content is None:
            yield from _in_text(where, _text(cell.get("source")))
        yield from _in_text(f"{where}, metadata", json.dumps(cell.get("metadata"), indent=1))
        for output in _dicts(cell.get("outputs")):
            yield from _in_text(f"{where}, output", "\n".join(_output_texts(output)))


def _output_texts(output: dict[str, Any]) -> Iterator[str]:
    yield _text(output.get("text"))
    yield _text(output.get("evalue"))
    yield "\n".join(map(_text, output.get("traceback") or ()))
    data = output.get("data")
    for kind, value in data.items() if isinstance(data, dict) else ():
        if kind.startswith("text/"):
            yield _text(value)
        elif kind.endswith("json"):
            yield json.dumps(value)


def _dicts(value: object) -> Iterator[dict[str, Any]]:
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict):
            yield item


def _text(value: object) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _in_text(holder: str, text: str, *, bare: bool = False) -> Iterator[Finding]:
    found: list[Match] = []
    for match in matches(text, bare=bare):
        if not any(match.start < other.end and other.start < match.end for other in found):
            found.append(match)
    for match in sorted(found, key=lambda match: match.start):
        line = text.count("\n", 0, match.start) + 1
        yield Finding(
            holder=holder, line=line, rule=match.rule, excerpt=_excerpt(text, match, found)
        )


def _excerpt(text: str, match: Match, found: Iterable[Match]) -> str:
    """Return the text before a secret on its line, the mask, and nothing that is behind it."""
    start = text.rfind("\n", 0, match.start) + 1
    # An earlier secret on the line, or its last characters, must not show.
    start = max([start, *(other.end for other in found if other.end <= match.start)])
    before = text[start : match.start].lstrip()
    return f"{'…' if len(before) > _SHOWN else ''}{before[-_SHOWN:]}{MASK}"
