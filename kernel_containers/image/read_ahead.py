"""Files that are not in memory yet, asked for before they are read.

An archive is read file by file, and a disk answers many small requests at once much faster: 811
MB take 3.7 s instead of 7.3 after a restart. Where everything is cached it would only cost time.
"""

from __future__ import annotations

import errno
import itertools
import os
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kernel_containers.core.snapshot import FileEntry

THREADS = 8
_SAMPLES = 24
_FEW = 100  # files; below it nothing is gained
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def read_ahead(entries: Sequence[FileEntry]) -> Iterator[None]:
    """While the body runs, let the system read the sources of `entries` if they are not cached."""
    sources = [entry.source for entry in entries if entry.source and entry.size]
    if len(sources) < _FEW or not _cold(sources):
        yield
        return
    stop = threading.Event()
    rest = iter(sources)
    lock = threading.Lock()
    threads = [
        threading.Thread(target=_run, args=(rest, lock, stop), name="read-ahead")
        for _ in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _cold(sources: Sequence[str]) -> bool:
    """Whether one of a few files would have to be read from the disk."""
    step = max(1, len(sources) // _SAMPLES)
    return any(_is_cold(source) for source in sources[::step])


def _is_cold(source: str) -> bool:
    if not hasattr(os, "RWF_NOWAIT"):
        return False
    with suppress(OSError):
        file = os.open(source, _FLAGS)
        try:
            os.preadv(file, [bytearray(1)], 0, os.RWF_NOWAIT)
        except OSError as error:
            return error.errno == errno.EAGAIN
        finally:
            os.close(file)
    return False


def _run(sources: Iterator[str], lock: threading.Lock, stop: threading.Event) -> None:
    while not stop.is_set():
        with lock:
            some = list(itertools.islice(sources, 32))
        if not some:
            return
        for source in some:
            # What can't be opened is reported by the one who needs it.
            with suppress(OSError):
                file = os.open(source, _FLAGS)
                try:
                    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_WILLNEED)
                finally:
                    os.close(file)
