"""What a store may give back: the least recently used blobs, and what dead processes left.

Whoever builds or sends an image holds a shared lock, which the system releases when a process
is killed. Removing takes the lock alone, so it never takes a layer from under a build.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_containers.core.owner import is_gone_token
from kernel_containers.errors import InvalidInput, TryAgain
from kernel_containers.image.disk import writing
from kernel_containers.image.store import layer_from_json, record_head

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_containers.image.store import BlobStore

STALE = 24 * 3600.0  # seconds after which a temporary file of another machine is nobody's


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a store holds; `size` counts the bytes of blobs and of unfinished ones."""

    blobs: int
    records: int
    size: int


def usage(store: BlobStore) -> Usage:
    """Return how much a store holds; of one that does not exist, nothing."""
    blobs = list(_files(store.blobs))
    unfinished = list(_files(store.temporary))
    return Usage(
        blobs=len(blobs),
        records=sum(1 for _ in _files(store.records)),
        size=sum(found.st_size for _, found in [*blobs, *unfinished]),
    )


@contextmanager
def in_use(store: BlobStore) -> Iterator[None]:
    """While the body runs nobody removes a blob; any number may use a store at once.

    Raises:
        CannotWrite: the store's folder can't be made.
    """
    with writing(store.root):
        store.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(store.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with writing(store.root):
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield
    finally:
        os.close(lock)


@contextmanager
def alone(store: BlobStore) -> Iterator[None]:
    """While the body runs nobody else uses the store.

    Raises:
        TryAgain: somebody does.
    """
    if not store.root.is_dir():
        yield
        return
    lock = os.open(store.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TryAgain(
                f"The cache {store.root} is in use.",
                why="a notebook is being containerized",
                todo="clean it when that is done",
            ) from error
        yield
    finally:
        os.close(lock)


def trim(store: BlobStore, max_bytes: int) -> int:
    """Remove the least recently used blobs until `max_bytes` are left; return bytes removed.

    Records whose blobs are gone go too. The caller is alone with the store, see `alone`.
    """
    blobs = sorted(_files(store.blobs), key=lambda item: item[1].st_mtime_ns)
    before = left = sum(found.st_size for _, found in blobs)
    for path, found in blobs:
        if left <= max_bytes:
            break
        path.unlink(missing_ok=True)
        left -= found.st_size
    if left < before or not max_bytes:
        for path, _ in _files(store.records):
            _forget_if_gone(store, path)
    return before - left


def keep_within(store: BlobStore, max_bytes: int) -> int:
    """Do what `trim` does, unless somebody uses the store: then whoever comes last does it."""
    with suppress(TryAgain), alone(store):
        return trim(store, max_bytes)
    return 0


def leftovers(store: BlobStore) -> list[tuple[Path, int]]:
    """Return the temporary files of processes that have ended, with their sizes."""
    oldest = time.time() - STALE
    return [
        (path, found.st_size)
        for path, found in _files(store.temporary)
        if found.st_mtime < oldest or is_gone_token(path.name.rpartition("-")[0])
    ]


def sweep(store: BlobStore) -> int:
    """Remove `leftovers`; return bytes removed."""
    found = leftovers(store)
    for path, _ in found:
        path.unlink(missing_ok=True)
    return sum(size for _, size in found)


def _forget_if_gone(store: BlobStore, path: Path) -> None:
    try:
        layers = record_head(path.read_bytes())["layers"]
        kept = all(store.has(layer_from_json(layer).descriptor.digest) for layer in layers)
    except (OSError, ValueError, KeyError, TypeError, InvalidInput):
        kept = False
    if not kept:
        path.unlink(missing_ok=True)


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield the files below a folder that may not exist, while others may remove some."""
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            with suppress(FileNotFoundError):
                yield path, path.stat()
