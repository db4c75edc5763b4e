"""What a full, read-only or forbidden disk means."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kernel_containers.core.sizes import size_text
from kernel_containers.errors import CannotWrite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT)
RESERVE = 16 * 1024**2  # bytes that are always left for configs, manifests and records


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the operating system's errors into CannotWrite, those of looking for a file as well."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise _full(path, None) from error
        raise CannotWrite(
            f"{path} can't be used.",
            why=error.strerror or str(error),
            todo="check the folder's owner and mode, or choose another folder",
        ) from error


def check_space(folder: Path, expected: int) -> None:
    """Refuse early what can't fit.

    Raises:
        CannotWrite: fewer than `expected` bytes are free in the file system of `folder`.
    """
    if expected and free_space(folder) < expected + RESERVE:
        raise _full(folder, expected)


def free_space(folder: Path) -> int:
    """Return the bytes that this user may still write."""
    with writing(folder):
        found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def _full(path: Path, expected: int | None) -> CannotWrite:
    folder = path if path.is_dir() else path.parent
    need = f", and about {size_text(expected)} are needed" if expected else ""
    return CannotWrite(
        f"There is no room for {path}." if expected is None else f"There is no room in {folder}.",
        why=f"{size_text(free_space(folder))} are free{need}",
        todo="free some space, or run `kernel-containers clean`",
    )
