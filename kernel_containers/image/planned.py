"""Files of this machine, read only as long as they are what was planned."""

from __future__ import annotations

import os
import stat
from errno import EACCES, EAGAIN, EISDIR, ELOOP, ENOENT, ENOTDIR, ENXIO, EPERM, ESTALE
from typing import TYPE_CHECKING

from kernel_containers.core.snapshot import FileEntry, FileKind
from kernel_containers.errors import Defect, Refused, TryAgain, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO would block for ever
# What opening or reading says where a file is gone, or is now a link, folder, socket or FIFO.
_REPLACED = {ENOENT, ENOTDIR, ESTALE, ELOOP, EISDIR, ENXIO, EAGAIN}
_SHOWN = 10  # names of changed files in an error


class Changed(Exception):
    """A file is not what its entry says; its text is the path."""


def read_whole(entry: FileEntry) -> bytes:
    """Return the bytes of an entry's source.

    Raises:
        Changed: they are not what was planned.
        Refused: this user can't read the file.
        Unavailable: the disk has an error.
    """
    file = _open(entry)
    try:
        data = _read(file, entry.size, entry)
        _check(file, entry)
    finally:
        os.close(file)
    return data


def read_blocks(entry: FileEntry, size: int) -> Iterator[bytes]:
    """Yield the bytes of an entry's source in blocks of `size`.

    Raises:
        Changed, Refused, Unavailable: as from `read_whole`, maybe after some blocks.
    """
    file = _open(entry)
    try:
        for start in range(0, entry.size, size):
            yield _read(file, min(size, entry.size - start), entry)
        _check(file, entry)
    finally:
        os.close(file)


def changed_files(entries: Sequence[FileEntry], first: str) -> TryAgain:
    """Return the error that names all files that are not as planned, the `first` that was seen."""
    names = [first] if first else []
    for entry in entries:
        if entry.kind is FileKind.FILE and entry.source and entry.source != first:
            try:
                same = _is_as_planned(os.lstat(entry.source), entry)
            except OSError:
                same = False
            if not same:
                names.append(entry.source)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return TryAgain(
        f"Files changed while they were read: {', '.join(names[:_SHOWN])}{more}.",
        todo="try again when nothing writes to them, or leave what is the notebook's out with "
        "--exclude",
    )


def _open(entry: FileEntry) -> int:
    source = entry.source
    if source is None:
        raise Defect(f"{entry.target} has neither content nor a source.")
    try:
        return os.open(source, _OPEN)
    except OSError as error:
        if error.errno in _REPLACED:
            raise Changed(source) from error
        if error.errno in (EACCES, EPERM):
            raise Refused(
                f"{source} can't be read.",
                why="this user has no right to",
                todo="give the right, or leave it out with --exclude where it is the notebook's",
            ) from error
        raise _unreadable(source, error) from error


def _unreadable(source: str | None, error: OSError) -> Unavailable:
    return Unavailable(f"{source} can't be read.", why=error.strerror or str(error))


def _read(file: int, size: int, entry: FileEntry) -> bytes:
    """Return exactly `size` bytes: some file systems give less than asked for."""
    try:
        data = os.read(file, size)
        while len(data) < size:
            more = os.read(file, size - len(data))
            if not more:
                raise Changed(entry.source)
            data += more
    except OSError as error:
        if error.errno in _REPLACED:
            raise Changed(entry.source) from error
        raise _unreadable(entry.source, error) from error
    return data


def _check(file: int, entry: FileEntry) -> None:
    if not _is_as_planned(os.fstat(file), entry):
        raise Changed(entry.source)


def _is_as_planned(found: os.stat_result, entry: FileEntry) -> bool:
    return (
        stat.S_ISREG(found.st_mode)
        and found.st_size == entry.size
        and found.st_mtime_ns == entry.mtime_ns
    )
