"""The store: whole blobs or none, for several processes, on disks that fill up."""

from __future__ import annotations

import json
import multiprocessing
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.digest import Digest
from kernel_containers.core.oci import LAYER_GZIP, Descriptor, Layer
from kernel_containers.errors import CannotWrite
from kernel_containers.image.store import BlobStore
from kernel_containers.image.upkeep import usage
from tests.image.trees import small_disk

if TYPE_CHECKING:
    from pathlib import Path

MB = 1024**2


def layer(store: BlobStore, data: bytes) -> Layer:
    digest = store.put(data)
    return Layer(Descriptor(media_type=LAYER_GZIP, digest=digest, size=len(data)), digest)


def files_below(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_the_root_is_a_valid_image_layout(store: BlobStore) -> None:
    digest = store.put(b"data")

    assert json.loads((store.root / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    assert json.loads((store.root / "index.json").read_text())["manifests"] == []
    assert (store.root / "blobs" / "sha256" / digest.hex).read_bytes() == b"data"
    assert store.path(digest) == store.blobs / "sha256" / digest.hex


def test_only_the_user_may_look_into_a_store(store: BlobStore) -> None:
    store.put(b"data")

    assert store.root.stat().st_mode & 0o777 == 0o700


def test_a_blob_that_is_not_kept_leaves_nothing(store: BlobStore) -> None:
    before = files_below(store.root)

    with suppress(KeyboardInterrupt), store.write() as blob:
        blob.write(b"half")
        raise KeyboardInterrupt

    assert [name for name in files_below(store.root) if name not in before] == [
        "index.json",
        "oci-layout",
    ]


def test_a_layer_is_recalled_with_what_it_was_made_from(store: BlobStore) -> None:
    made = layer(store, b"layer")

    store.remember("key", made, {"name": "environment", "files": 3})

    assert BlobStore(store.root).recall("key") == made
    assert store.recall("other key") is None
    record = json.loads(next((store.root / "records").iterdir()).read_text())
    assert record["value"]["made_from"] == {"name": "environment", "files": 3}


def test_a_layer_whose_blob_is_gone_or_cut_is_not_recalled(store: BlobStore) -> None:
    gone, cut = layer(store, b"gone"), layer(store, b"cut short")
    store.remember("gone", gone, {})
    store.remember("cut", cut, {})

    store.path(gone.descriptor.digest).unlink()
    os.truncate(store.path(cut.descriptor.digest), 3)

    assert store.recall("gone") is None
    assert store.recall("cut") is None


@pytest.mark.parametrize("damage", [b"", b'{"key": "key"', b"[]", b'{"key": "key"}', b"\xff"])
def test_a_damaged_record_counts_as_missing(store: BlobStore, damage: bytes) -> None:
    store.remember("key", layer(store, b"layer"), {})
    record = next((store.root / "records").iterdir())
    record.write_bytes(damage)

    assert store.recall("key") is None
    store.remember("key", layer(store, b"layer"), {})
    assert store.recall("key") is not None


def test_a_record_keeps_names_that_are_not_utf8(store: BlobStore) -> None:
    name = os.fsdecode(b"/latin-\xe9")

    store.remember_record("key", {"links": {name: "ü"}}, [])

    assert store.recall_record("key") == {"links": {name: "ü"}}


def test_a_large_record_comes_back_as_it_was_and_a_cut_one_does_not(store: BlobStore) -> None:
    large = {f"/file {number}": [0o644, number, ""] for number in range(10_000)}
    value = {"content": large, "sizes": [1, 2], "small": {"a": "b"}}

    store.remember_record("key", value, [])

    assert store.recall_record("key") == value
    (path,) = store.records.iterdir()
    path.write_bytes(path.read_bytes().rpartition(b"\n")[0])
    assert store.recall_record("key") is None


def test_an_empty_or_missing_store_has_nothing_to_tell(store: BlobStore) -> None:
    assert (usage(store).blobs, usage(store).size) == (0, 0)
    assert store.recall("key") is None
    assert not store.has(Digest.of(b""))
    assert not store.root.exists()


def _put_many(root: Path) -> int:
    store = BlobStore(root)
    for number in range(100):
        data = bytes([number]) * (number + 1)
        store.remember(f"key {number}", layer(store, data), {})
        if store.recall(f"key {number}") is None:
            return number
    return -1


def test_processes_share_a_store(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        failures = pool.map(_put_many, [tmp_path / "store"] * 3)

    store = BlobStore(tmp_path / "store")
    assert failures == [-1, -1, -1]
    assert usage(store).blobs == 100
    assert all(
        Digest.of(path.read_bytes()).hex == path.name for path in (store.blobs / "sha256").iterdir()
    )
    assert list((store.root / "temporary").iterdir()) == []


def test_a_blob_that_can_not_fit_is_refused_with_the_numbers(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 40 * MB) as disk:
        store = BlobStore(disk / "store")

        with pytest.raises(CannotWrite) as raised, store.write(expected=100 * MB):
            pytest.fail("nothing may be written")

    assert "41.9 MB are free, and about 104.9 MB are needed" in str(raised.value)
    assert "kernel-containers clean" in str(raised.value)


def test_a_disk_that_fills_up_leaves_no_half_blob(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4 * MB) as disk:
        store = BlobStore(disk / "store")
        kept = store.put(b"kept")

        with store.write() as blob, pytest.raises(CannotWrite, match="no room") as raised:
            blob.write(bytes(10 * MB))

        assert "0 bytes are free" in str(raised.value)
        assert list((store.root / "temporary").iterdir()) == []
        assert (usage(store).blobs, usage(store).size) == (1, len(b"kept"))
        assert store.has(store.put(b"again"))
        assert store.has(kept)


def test_a_root_that_can_not_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(CannotWrite, match="can't be used"):
        BlobStore(tmp_path / "file" / "store").put(b"data")
