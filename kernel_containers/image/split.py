"""A large set of files in parts, each of which becomes a layer."""

from __future__ import annotations

import os
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

from kernel_containers.core.snapshot import FileKind

if TYPE_CHECKING:
    from kernel_containers.core.snapshot import FileEntry, FileSet

PART = 1024**3  # bytes; an upload that breaks starts again with its layer
_COMPILED = (".pyc", "/__pycache__")  # comes and goes with imports


def split_file_set(file_set: FileSet, limit: int = PART) -> tuple[FileSet, ...]:
    """Return the set in parts of at most about `limit` bytes, cut along the order of targets.

    Cuts prefer places that follow from names, so that a package more moves few of them. `.pyc`
    files, which fingerprints leave out, never do: parts that were built at different times still
    make up the whole.
    """
    parts: list[list[FileEntry]] = [[]]
    filled = 0
    for entry in file_set.entries:
        size = entry.size if entry.kind is FileKind.FILE else 0
        if not entry.target.endswith(_COMPILED):
            if _is_cut(entry, filled, size, limit):
                parts.append([])
                filled = 0
            filled += size
        parts[-1].append(entry)
    if len(parts) == 1:
        return (file_set,)
    return tuple(
        replace(
            file_set,
            name=f"{file_set.name} {number}/{len(parts)}",
            entries=tuple(part),
            fingerprint=file_set.fingerprint
            and f"{file_set.fingerprint} {limit} {number}/{len(parts)}",
        )
        for number, part in enumerate(parts, 1)
    )


def _is_cut(entry: FileEntry, filled: int, size: int, limit: int) -> bool:
    if filled <= limit // 2:
        return filled > 0 and filled + size > limit
    named = zlib.crc32(os.fsencode(entry.target)) % 1024 == 0
    return named or filled + size > limit
