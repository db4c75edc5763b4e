"""Compression: exact, ordered, the same on any number of threads, and gone when it fails."""

from __future__ import annotations

import gzip
import hashlib
import random
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
import zstandard

from kernel_containers.image.compress import (
    ZLIB,
    Compressor,
    compress,
    decompressed,
    fastest,
    zstd,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RANDOM = random.Random(0)  # noqa: S311  # the same bytes in each run
BLOCKS = [RANDOM.randbytes(50_000) * RANDOM.randint(1, 40) for _ in range(24)]


def expand_zstd(data: bytes) -> bytes:
    """Expand all frames, as nothing of the product's own does it."""
    found = b""
    while data:
        frame = zstandard.ZstdDecompressor().decompressobj()
        found += frame.decompress(data)
        data = frame.unused_data
    return found


@pytest.mark.parametrize("count", [0, 1, 2, 24])
@pytest.mark.parametrize(
    ("compressor", "expand"),
    [(ZLIB, gzip.decompress), (fastest(), gzip.decompress), (zstd(), expand_zstd)],
    ids=["zlib", "fastest", "zstd"],
)
def test_digests_and_sizes_are_those_of_the_archive_and_of_the_blob(
    compressor: Compressor, expand: Callable[[bytes], bytes], count: int
) -> None:
    members: list[bytes] = []

    done = compress(BLOCKS[:count], members.append, compressor)

    archive, blob = b"".join(BLOCKS[:count]), b"".join(members)
    assert expand(blob) == archive
    assert done.diff_id.hex == hashlib.sha256(archive).hexdigest()
    assert done.digest.hex == hashlib.sha256(blob).hexdigest()
    assert (done.tar_size, done.size) == (len(archive), len(blob))


@pytest.mark.parametrize("compressor", [fastest(), zstd()], ids=["fastest", "zstd"])
def test_the_blob_does_not_depend_on_threads_or_time(compressor: Compressor) -> None:
    digests = {compress(BLOCKS, lambda _: None, compressor).digest for _ in range(3)}
    one_by_one = hashlib.sha256(b"".join(compressor.compress(block) for block in BLOCKS))

    assert {digest.hex for digest in digests} == {one_by_one.hexdigest()}


@pytest.mark.parametrize("compressor", [fastest(), zstd()], ids=["fastest", "zstd"])
def test_a_blob_is_read_back(compressor: Compressor, tmp_path: Path) -> None:
    with (tmp_path / "blob").open("wb") as file:
        compress(BLOCKS, file.write, compressor)

    with decompressed(tmp_path / "blob") as file:
        assert file.read() == b"".join(BLOCKS)


def test_only_a_few_blocks_wait_for_a_slow_writer() -> None:
    taken = written = most = 0

    def blocks() -> Iterator[bytes]:
        nonlocal taken
        for block in BLOCKS:
            taken += 1
            yield block

    def write(_: bytes) -> None:
        nonlocal written, most
        most = max(most, taken - written)
        written += 1

    compress(blocks(), write, ZLIB)

    assert written == len(BLOCKS)
    assert most <= 7


class _Stop(BaseException):
    """Like KeyboardInterrupt: not an Exception."""


@pytest.mark.parametrize("where", ["reading", "compressing", "writing"])
def test_a_failure_comes_through_and_no_thread_is_left(where: str) -> None:
    def blocks() -> Iterator[bytes]:
        yield from BLOCKS[:10]
        if where == "reading":
            raise _Stop
        yield from BLOCKS[10:]

    def member(data: bytes) -> bytes:
        if where == "compressing":
            raise _Stop
        return ZLIB.compress(data)

    written: list[bytes] = []

    def write(data: bytes) -> None:
        written.append(data)
        if where == "writing":
            raise _Stop

    with pytest.raises(_Stop):
        compress(blocks(), write, Compressor("failing", member))

    assert len(written) < len(BLOCKS)
    assert [t.name for t in threading.enumerate() if t.name.startswith("ThreadPool")] == []


WITHOUT_ISAL = """
import sys
sys.modules["isal"] = None  # as where no wheel is installed
import gzip
from kernel_containers.image.compress import compress, decompressed, fastest
members = []
compress([b"x" * 100_000, b"y" * 100_000], members.append, fastest())
assert gzip.decompress(b"".join(members)) == b"x" * 100_000 + b"y" * 100_000
print(fastest().name)
"""

WITHOUT_ZSTD = """
import sys
from pathlib import Path
sys.modules["zstandard"] = None
from kernel_containers.errors import InvalidInput
from kernel_containers.image.compress import decompressed, zstd
Path(sys.argv[1]).write_bytes(b"\\x28\\xb5\\x2f\\xfd...")
for action in (zstd, lambda: decompressed(Path(sys.argv[1]))):
    try:
        action()
    except InvalidInput as error:
        print(error.todo)
"""


def test_without_the_package_for_zstd_it_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_ZSTD, tmp_path / "blob"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines() == ["pip install 'kernel_containers[zstd]'"] * 2


def test_without_isal_zlib_does_it_and_the_name_says_so() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_ISAL], capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith("zlib ")
    assert fastest().name.startswith("isal ")
