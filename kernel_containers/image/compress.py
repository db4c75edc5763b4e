"""Tar blocks to a compressed blob: on several threads, hashed twice in the same pass.

Each block becomes one gzip member or zstd frame, so the number of threads does not matter.
Compressing and hashing release the interpreter's lock: 811 MB take 1.4 s on two cores.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, cast

from kernel_containers.core.digest import Digest
from kernel_containers.core.oci import LAYER_GZIP, LAYER_ZSTD
from kernel_containers.errors import InvalidInput

try:
    import isal
    from isal import igzip
except ImportError:  # no wheel for this platform: five times slower, but it works
    _HAS_ISAL = False
else:
    _HAS_ISAL = True

try:
    import zstandard
except ImportError:  # an extra: hardly anybody asks for it
    _HAS_ZSTD = False
else:
    _HAS_ZSTD = True

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

MOST_THREADS = 4  # more only wait for the one that reads
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_READ_AT_ONCE = 1024**2  # bytes


@dataclass(frozen=True, slots=True)
class Compressor:
    """A way to make a gzip member or zstd frame. `name` says all that its output depends on."""

    name: str
    compress: Callable[[bytes], bytes]
    media_type: str = LAYER_GZIP


@dataclass(frozen=True, slots=True, kw_only=True)
class Compressed:
    """The digests and sizes of an archive (`diff_id`, `tar_size`) and of its blob."""

    diff_id: Digest
    digest: Digest
    tar_size: int
    size: int


def _zlib_member(data: bytes) -> bytes:
    return zlib.compress(data, 1, wbits=31)  # 31 asks for a gzip header, whose time is 0


def _zstd_frame(data: bytes) -> bytes:
    # Threads can't share a compressor, and making one takes 3 µs.
    return zstandard.ZstdCompressor(level=1).compress(data)


def _isal_member(data: bytes) -> bytes:
    return bytes(igzip.compress(data, 1, mtime=0))


ZLIB = Compressor(f"zlib {zlib.ZLIB_RUNTIME_VERSION} level 1", _zlib_member)


def fastest() -> Compressor:
    """Return ISA-L's gzip where it is installed (500 MB/s per core), else zlib's (94 MB/s)."""
    if _HAS_ISAL:
        return Compressor(f"isal {isal.ISAL_VERSION} level 1", _isal_member)
    return ZLIB


def zstd() -> Compressor:
    """Return zstd at its first level: a tenth smaller than `fastest`, in the same time.

    Raises:
        InvalidInput: the package for it is not installed.
    """
    _need_zstd()
    name = f"zstd {'.'.join(map(str, zstandard.ZSTD_VERSION))} level 1"
    return Compressor(name, _zstd_frame, LAYER_ZSTD)


def _need_zstd() -> None:
    if not _HAS_ZSTD:
        raise InvalidInput(
            "This program can't read or write zstd.",
            why="the package zstandard is not installed",
            todo="pip install 'kernel_containers[zstd]'",
        )


def compress(
    blocks: Iterable[bytes], write: Callable[[bytes], object], compressor: Compressor
) -> Compressed:
    """Give `write` the members of `blocks`, in order, and return what went through.

    `write` is called from this thread. A few blocks are in memory at any time. What `blocks`
    or `write` raise ends the threads and comes through.
    """
    work = _Work(write)
    iterator = iter(blocks)
    first, second = next(iterator, None), next(iterator, None)
    if first is None:
        return work.result()
    if second is None:
        # A notebook's layer: starting threads would take longer than the work.
        work.hash_tar(first)
        work.finish(compressor.compress(first))
        return work.result()
    with ThreadPoolExecutor(_threads()) as pool, ThreadPoolExecutor(1) as hasher:
        pending: deque[tuple[Future[None], Future[bytes]]] = deque()
        try:
            for block in _chain(first, second, iterator):
                pending.append(
                    (hasher.submit(work.hash_tar, block), pool.submit(compressor.compress, block))
                )
                if len(pending) > _threads() + 1:
                    _finish(pending, work)
            while pending:
                _finish(pending, work)
        finally:
            pool.shutdown(cancel_futures=True)
            hasher.shutdown(cancel_futures=True)
    return work.result()


def decompressed(blob: Path) -> IO[bytes]:
    """Open a blob of gzip or zstd for reading what is in it.

    Raises:
        InvalidInput: it is zstd, whose package is not installed.
    """
    with blob.open("rb") as file:
        is_zstd = file.read(len(ZSTD_MAGIC)) == ZSTD_MAGIC
    if not is_zstd:
        return cast("IO[bytes]", (igzip if _HAS_ISAL else gzip).open(blob, "rb"))
    _need_zstd()
    frames = zstandard.ZstdDecompressor().stream_reader(
        blob.open("rb"), read_across_frames=True, closefd=True
    )
    return cast("IO[bytes]", io.BufferedReader(frames, _READ_AT_ONCE))


def _threads() -> int:
    return min(MOST_THREADS, os.cpu_count() or 1)


def _chain(first: bytes, second: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield second
    yield from rest


def _finish(pending: deque[tuple[Future[None], Future[bytes]]], work: _Work) -> None:
    hashed, compressed = pending.popleft()
    hashed.result()
    work.finish(compressed.result())


@dataclass(slots=True)
class _Work:
    write: Callable[[bytes], object]
    tar_hash: hashlib._Hash = field(default_factory=hashlib.sha256)
    blob_hash: hashlib._Hash = field(default_factory=hashlib.sha256)
    tar_size: int = 0
    size: int = 0

    def hash_tar(self, block: bytes) -> None:
        self.tar_hash.update(block)
        self.tar_size += len(block)

    def finish(self, member: bytes) -> None:
        self.write(member)
        self.blob_hash.update(member)
        self.size += len(member)

    def result(self) -> Compressed:
        return Compressed(
            diff_id=Digest("sha256", self.tar_hash.hexdigest()),
            digest=Digest("sha256", self.blob_hash.hexdigest()),
            tar_size=self.tar_size,
            size=self.size,
        )
