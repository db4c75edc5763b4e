"""Folders that are built once and then only read, by however many processes."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_containers.image.disk import writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TIME = 315_532_800  # 1980-01-01, the first that zip files can hold
_POLL = 0.2  # seconds between two looks at another builder's lock


def build_once(folder: Path, build: Callable[[Path], None], waiting: Callable[[], None]) -> Path:
    """Return `folder`, after `build` has filled it if nobody did before.

    `build` works in a temporary folder beside it that then gets the name, so a folder with the
    name is whole. Its files get a fixed time, as they enter images. While another process
    builds, `waiting` is called a few times per second.
    """
    if folder.is_dir():
        _touch(folder)
        return folder
    with writing(folder):
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _turn(folder.with_name(f"{folder.name}.lock"), waiting):
        if folder.is_dir():
            return folder
        for old in folder.parent.glob(f"{folder.name}.new-*"):
            # Its builder was killed: a living one would hold the lock.
            shutil.rmtree(old, ignore_errors=True)
        with writing(folder):
            temporary = tempfile.mkdtemp(prefix=f"{folder.name}.new-", dir=folder.parent)
        try:
            build(Path(temporary))
            with writing(folder):
                _set_times(temporary)
                Path(temporary).rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return folder


def unused(parent: Path, seconds: float) -> list[Path]:
    """Return what `build_once` made below `parent` and nobody asked for in the last `seconds`.

    While nobody builds there, unfinished folders and locks are nobody's either.
    """
    oldest = time.time() - seconds
    return [
        path
        for path in sorted(parent.glob("*"))
        if path.suffix == ".lock" or ".new-" in path.name or path.lstat().st_mtime < oldest
    ]


def _touch(folder: Path) -> None:
    with suppress(OSError):  # a read-only cache is still good to read
        os.utime(folder)


def _set_times(folder: str) -> None:
    for parent, _, files in os.walk(folder):
        for name in files:
            os.utime(Path(parent, name), (TIME, TIME), follow_symlinks=False)


@contextmanager
def _turn(lock: Path, waiting: Callable[[], None]) -> Iterator[None]:
    with writing(lock):
        file = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waiting()
                time.sleep(_POLL)
        yield
    finally:
        os.close(file)
