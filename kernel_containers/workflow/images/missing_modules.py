"""Modules that a notebook imports and its image would not have."""

from __future__ import annotations

import sys
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING

from kernel_containers.core.snapshot import Risk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kernel_containers.core.snapshot import Environment, FileEntry
    from kernel_containers.notebook.code import Code

_ARCHIVES = (".zip", ".egg", ".whl", ".pyz")
GIVEN = frozenset({"kernel_containers"})  # on the path of every kernel that the runner starts


def missing_modules(
    code: Code, environment: Environment, more: Iterable[FileEntry]
) -> tuple[Risk, ...]:
    """Return a warning where the notebook needs modules that nothing in the image is named after.

    `more` are files besides the environment's. Of an image's own environment nothing is known.
    """
    needed = code.needed_modules - sys.stdlib_module_names - GIVEN
    if not needed or environment.kind == "image":
        return ()
    entries = [entry for item in environment.file_sets for entry in item.entries]
    # Wherever it lies: what a `.pth` or an import hook finds must not be said to be missing.
    given = [*entries, *more]
    needed -= {_module(entry.target) for entry in given}
    needed -= {name for entry in given if needed for name in _archived(entry)}
    if not needed:
        return ()
    names = ", ".join(sorted(needed))
    return (
        Risk(
            "missing-module",
            names,
            f"The notebook imports what the environment does not have: {names}. Install them "
            "there, or choose the kernel that has them.",
        ),
    )


def _module(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]


def _archived(entry: FileEntry) -> Iterator[str]:
    """Yield the modules in an archive, which Python imports from."""
    if entry.source and entry.target.endswith(_ARCHIVES):
        with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(entry.source) as archive:
            yield from (name.partition("/")[0].partition(".")[0] for name in archive.namelist())
