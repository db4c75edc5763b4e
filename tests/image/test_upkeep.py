"""What a store gives back, and to whom it does not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.digest import Digest
from kernel_containers.core.oci import LAYER_GZIP, Descriptor, Layer
from kernel_containers.errors import TryAgain
from kernel_containers.image import once
from kernel_containers.image.store import BlobStore
from kernel_containers.image.upkeep import alone, in_use, keep_within, leftovers, sweep, trim, usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def layer(store: BlobStore, data: bytes) -> Layer:
    """Store a blob and return a layer that is made of it."""
    digest = store.put(data)
    descriptor = Descriptor(media_type=LAYER_GZIP, digest=digest, size=len(data))
    return Layer(descriptor, Digest.of(b"tar of " + data))


def four_layers(store: BlobStore) -> None:
    """Store four layers of 1000 bytes, the first one made longest ago and used last."""
    for age in range(4):
        item = layer(store, bytes([age]) * 1000)
        store.remember(f"layer {age}", item, {})
        long_ago = time.time() - 1000 + age
        os.utime(store.path(item.descriptor.digest), (long_ago, long_ago))
    store.recall("layer 0")


def test_the_least_recently_used_go_first_and_their_records_with_them(store: BlobStore) -> None:
    four_layers(store)

    removed = trim(store, 2500)

    assert removed == 2000
    kept = [store.recall(f"layer {age}") is not None for age in range(4)]
    assert kept == [True, False, False, True]
    found = usage(store)
    assert (found.blobs, found.records, found.size) == (2, 2, 2000)


def test_a_store_within_its_limit_keeps_all(store: BlobStore) -> None:
    four_layers(store)

    assert keep_within(store, 4000) == 0
    assert usage(store).blobs == 4


def test_a_missing_store_has_nothing_to_give(store: BlobStore) -> None:
    with alone(store):
        assert trim(store, 0) == 0
    assert keep_within(store, 0) == 0
    assert sweep(store) == 0
    assert not store.root.exists()


def test_nothing_is_removed_while_somebody_builds(store: BlobStore) -> None:
    four_layers(store)

    with in_use(store), in_use(BlobStore(store.root)):
        assert keep_within(store, 0) == 0
        with pytest.raises(TryAgain, match="in use"), alone(store):
            pytest.fail("somebody builds")

    assert keep_within(store, 0) == 4000


HOLDER = """
import sys, time
from pathlib import Path
from kernel_containers.image.store import BlobStore
from kernel_containers.image.upkeep import in_use
store = BlobStore(Path(sys.argv[1]))
with in_use(store), store.write() as blob:
    blob.write(b"x" * 100_000)
    print("writing", flush=True)
    time.sleep(60)
"""


@contextmanager
def builder(store: BlobStore) -> Iterator[subprocess.Popen[str]]:
    """Another process that is in the middle of writing a blob."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(store.root)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "writing\n"
            yield process
        finally:
            process.kill()


def test_a_killed_builder_holds_nothing_and_its_file_is_told_from_that_of_a_living_one(
    store: BlobStore,
) -> None:
    with builder(store):
        assert leftovers(store) == []
        with pytest.raises(TryAgain), alone(store):
            pytest.fail("the other process builds")
        with builder(store) as killed:
            killed.send_signal(signal.SIGKILL)
            killed.wait()
            ((left, size),) = leftovers(store)
            assert size == 100_000

            assert sweep(store) == 100_000

        assert not left.exists()
        assert len(list(store.temporary.iterdir())) == 1
    with alone(store):
        assert sweep(store) == 100_000


def test_a_file_of_another_machine_is_left_alone_for_a_day(store: BlobStore) -> None:
    store.put(b"anything")
    other = store.temporary / "00000000-1-1-abcdef"
    other.touch()

    assert sweep(store) == 0
    assert other.exists()
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(other, (two_days_ago, two_days_ago))
    sweep(store)
    assert not other.exists()


def test_folders_that_nobody_asked_for_lately_are_unused(tmp_path: Path) -> None:
    for name in ("packages-old", "packages-new"):
        once.build_once(tmp_path / name, lambda folder: (folder / "x").touch(), lambda: None)
        os.utime(tmp_path / name, (1, 1))
    (tmp_path / "own-1.new-abc").mkdir()

    once.build_once(tmp_path / "packages-new", lambda _: pytest.fail("it is there"), lambda: None)

    unused = {path.name for path in once.unused(tmp_path, 3600)}
    assert unused == {"packages-old", "packages-old.lock", "packages-new.lock", "own-1.new-abc"}
    assert once.unused(tmp_path / "nowhere", 0) == []
