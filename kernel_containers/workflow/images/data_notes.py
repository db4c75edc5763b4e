"""What to know about a notebook's data before its image is built."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_containers.core.sizes import size_text
from kernel_containers.core.snapshot import Risk
from kernel_containers.notebook.missing_files import MISSING, files_elsewhere, missing_files
from kernel_containers.notebook.unattended import ELSEWHERE
from kernel_containers.snapshot.walk import sizes_below

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kernel_containers.core.snapshot import FileEntry
    from kernel_containers.notebook.code import Code

LARGE = 100_000_000  # bytes; sending them takes seconds each time they change
# Where libraries keep what they download, for all notebooks of a user.
_KEPT = {
    "datasets": "~/.cache/huggingface",
    "nltk": "~/nltk_data",
    "sentence_transformers": "~/.cache/huggingface",
    "transformers": "~/.cache/huggingface",
}
_COUNTED = 10_000  # files, in 0.1 s; others may hold millions
_SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/", "/run/")  # an image has its own


def missing_data(code: Code, entries: Iterable[FileEntry]) -> Iterator[Risk]:
    """Yield what a notebook reads and its image will not have.

    `entries` are the files that come with the notebook.
    """
    notebook = code.notebook
    for remark in missing_files(notebook):
        if remark.code == MISSING:
            place = "" if remark.cell is None else f"{notebook.cells[remark.cell].name}: "
            yield Risk(MISSING, remark.subject, f"{place}{remark.what} The code reads it.")
    targets = {entry.target for entry in entries}
    for text in files_elsewhere(notebook):
        path = Path(text).expanduser()
        if str(path) not in targets and not text.startswith(_SYSTEM):
            yield _elsewhere(text, path)
    folders = {_KEPT[name]: name for name in sorted(code.imported_modules & _KEPT.keys())}
    for folder, name in folders.items():
        if size := _size(Path(folder).expanduser()):
            yield Risk(
                "downloads",
                folder,
                f"{name} keeps {size} in {folder}, which the image will not have: what "
                "the notebook needs of it must be downloaded in a cell, or lie in the environment.",
            )


def large_files(entries: Iterable[FileEntry]) -> Iterator[str]:
    """Yield what is large among the files that come with a notebook."""
    for entry in entries:
        if entry.size >= LARGE:
            yield (
                f"{entry.target} is included with {entry.size / 1e6:,.0f} MB, which are sent again "
                "when it changes: data that changes is better mounted or read from a store."
            )


def _size(path: Path) -> str:
    """Return the size of a file or folder in words, empty where there is nothing."""
    sizes = sizes_below(str(path.resolve()))
    size = sum(islice(sizes, _COUNTED))
    more = "more than " if next(sizes, None) is not None else ""
    return f"{more}{size_text(size)}" if size else ""


def _elsewhere(text: str, path: Path) -> Risk:
    try:
        there = path.exists()
    except OSError:
        there = False
    if not there:
        return Risk(ELSEWHERE, text, f"The notebook reads {text}, which is not there.")
    if text.startswith("~"):
        advice = "the image has another home: make the path a parameter"
    else:
        advice = f"include it (--include {text}), or mount it when the image runs"
    size = _size(path) or size_text(0)
    message = f"The notebook reads {text}, {size} outside of its folder: {advice}."
    return Risk(ELSEWHERE, text, message)
