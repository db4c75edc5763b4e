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

from kernel_containers.image.compress import ZLIB, Compressor, compress, decompressed, fastest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RANDOM = random.Random(0)  # noqa: S311  # the same bytes in each run
BLOCKS = [RANDOM.randbytes(50_000) * RANDOM.randint(1, 40) for _ in range(24)]


@pytest.mark.parametrize("compressor", [ZLIB, fastest()], ids=["zlib", "fastest"])
@pytest.mark.parametrize("count", [0, 1, 2, 24])
def test_digests_and_sizes_are_those_of_the_archive_and_of_the_blob(
    compressor: Compressor, count: int
) -> None:
    members: list[bytes] = []

    done = compress(BLOCKS[:count], members.append, compressor)

    archive, blob = b"".join(BLOCKS[:count]), b"".join(members)
    assert gzip.decompress(blob) == archive
    assert done.diff_id.hex == hashlib.sha256(archive).hexdigest()
    assert done.digest.hex == hashlib.sha256(blob).hexdigest()
    assert (done.tar_size, done.size) == (len(archive), len(blob))


def test_the_blob_does_not_depend_on_threads_or_time() -> None:
    digests = {compress(BLOCKS, lambda _: None, fastest()).digest for _ in range(3)}
    one_by_one = hashlib.sha256(b"".join(fastest().compress(block) for block in BLOCKS))

    assert {digest.hex for digest in digests} == {one_by_one.hexdigest()}


def test_a_blob_is_read_back(tmp_path: Path) -> None:
    with (tmp_path / "blob").open("wb") as file:
        compress(BLOCKS, file.write, fastest())

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


def test_without_isal_zlib_does_it_and_the_name_says_so() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_ISAL], capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith("zlib ")
    assert fastest().name.startswith("isal ")
