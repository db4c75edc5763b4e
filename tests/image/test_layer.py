"""Layers: deterministic, reused by fingerprint, and never half in the store."""

from __future__ import annotations

import ctypes
import mmap
import multiprocessing
import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.core.digest import Digest
from kernel_containers.core.oci import LAYER_ZSTD
from kernel_containers.core.progress import Progress, silent
from kernel_containers.core.snapshot import FileEntry, FileSet
from kernel_containers.errors import CannotWrite, TryAgain
from kernel_containers.image.compress import decompressed, zstd
from kernel_containers.image.layer import build_layers
from kernel_containers.image.read_ahead import read_ahead
from kernel_containers.image.split import split_file_set
from kernel_containers.image.store import BlobStore
from kernel_containers.image.upkeep import usage
from tests.image.trees import (
    bare_base,
    build_layer,
    entries_of,
    expected,
    file_set,
    folder,
    link,
    members_of,
    odd_tree,
    small_disk,
    text,
)

if TYPE_CHECKING:
    from kernel_containers.core.oci import Layer
    from tests.image.trees import Member

BASE = bare_base({"/lib": "usr/lib"}, ["/usr", "/usr/lib", "/workspace"])
WORK = folder("/workspace")  # what a layer repeats of the base


def content(layer: Layer, store: BlobStore) -> dict[str, Member]:
    with decompressed(store.path(layer.descriptor.digest)) as file:
        return members_of(file)


def test_a_layer_has_the_tree_and_its_digests_are_true(tmp_path: Path, store: BlobStore) -> None:
    entries = entries_of(odd_tree(tmp_path / "odd"), "/workspace/odd")

    layer = build_layer(FileSet(name="odd", entries=entries), BASE, store, silent)

    blob = store.path(layer.descriptor.digest)
    assert content(layer, store) == expected((WORK, *entries))
    assert Digest.of(blob.read_bytes()) == layer.descriptor.digest
    assert blob.stat().st_size == layer.descriptor.size
    with decompressed(blob) as file:
        assert Digest.of(file.read()) == layer.diff_id


def test_byte_code_enters_a_new_layer_and_is_not_looked_for_in_a_known_one(
    store: BlobStore,
) -> None:
    looked: list[FileEntry] = []

    def byte_code() -> list[FileEntry]:
        looked.append(text("/workspace/__pycache__/m.pyc"))
        return looked

    files = file_set(WORK, text("/workspace/m.py"), text("/workspace/z.py"))
    files = replace(files, fingerprint="known", byte_code=byte_code)

    [first] = build_layers([files], BASE, store, silent)
    [second] = build_layers([files], BASE, store, silent)

    assert "workspace/__pycache__/m.pyc" in content(first, store)
    assert second == first
    assert len(looked) == 1


def test_links_of_the_base_are_never_written_through(store: BlobStore) -> None:
    files = file_set(folder("/lib"), text("/lib/libx.so"), text("/new/place/file"))

    layer = build_layer(files, BASE, store, silent)

    found = content(layer, store)
    assert sorted(found) == [
        "new",
        "new/place",
        "new/place/file",
        "usr",
        "usr/lib",
        "usr/lib/libx.so",
    ]
    assert (found["new"].kind, found["new"].mode) == ("folder", 0o755)


def test_a_higher_layer_repeats_folders_as_lower_ones_have_them(store: BlobStore) -> None:
    lower = file_set(folder("/home", 0o775), folder("/home/me", 0o770), link("/data", "/home/me"))
    upper = file_set(text("/home/me/nb.ipynb"), text("/data/more"))

    _, layer = build_layers([lower, upper], BASE, store, silent)

    found = content(layer, store)
    assert sorted(found) == ["home", "home/me", "home/me/more", "home/me/nb.ipynb"]
    assert (found["home"].mode, found["home/me"].mode) == (0o775, 0o770)


def test_the_same_tree_gives_the_same_digests_in_any_store(tmp_path: Path) -> None:
    entries = entries_of(odd_tree(tmp_path / "odd"), "/workspace/odd")
    stores = [BlobStore(tmp_path / name) for name in ("one", "two")]

    layers = {
        build_layer(FileSet(name="odd", entries=entries), BASE, store, silent).diff_id
        for store in stores
    }

    assert len(layers) == 1


def test_a_known_fingerprint_is_not_read_again(tmp_path: Path, store: BlobStore) -> None:
    (tmp_path / "file").write_text("content")
    files = FileSet(name="set", entries=entries_of(tmp_path, "/workspace")[:2], fingerprint="one")
    first = build_layer(files, BASE, store, silent)
    (tmp_path / "file").unlink()

    again = build_layer(files, BASE, store, silent)

    assert again == first
    with pytest.raises(TryAgain, match="file"):
        build_layer(FileSet(name="set", entries=files.entries), BASE, store, silent)


def test_another_compression_is_another_layer_of_the_same_content(
    store: BlobStore, tmp_path: Path
) -> None:
    entries = entries_of(odd_tree(tmp_path / "odd"), "/workspace/odd")
    files = FileSet(name="odd", entries=entries, fingerprint="odd")
    (gzip,) = build_layers([files], BASE, store, silent)

    (found,) = build_layers([files], BASE, store, silent, compressor=zstd())

    assert found.descriptor.media_type == LAYER_ZSTD
    assert found.descriptor.digest != gzip.descriptor.digest
    assert found.diff_id == gzip.diff_id
    assert content(found, store) == expected((WORK, *entries))


def test_another_base_uses_the_same_layer_where_it_lands_alike(
    tmp_path: Path, store: BlobStore
) -> None:
    (tmp_path / "file").write_text("content")
    entries = tuple(e for e in entries_of(tmp_path, "/lib") if e.source and "file" in e.target)
    files = FileSet(name="set", entries=entries, fingerprint="one")
    first = build_layer(files, BASE, store, silent)

    alike = bare_base({"/lib": "usr/lib", "/sbin": "usr/sbin"}, ["/usr", "/usr/lib"])
    assert build_layer(files, alike, store, silent) == first

    plain = build_layer(files, bare_base({}, ["/lib"]), store, silent)
    assert sorted(content(plain, store)) == ["lib", "lib/file"]


def test_a_lost_blob_is_built_anew(store: BlobStore) -> None:
    files = file_set(text("/workspace/a", "content"), fingerprint="one")
    first = build_layer(files, BASE, store, silent)
    store.path(first.descriptor.digest).unlink()

    assert build_layer(files, BASE, store, silent) == first
    assert store.has(first.descriptor.digest)


def test_a_changed_file_keeps_its_layer_out_of_the_store(tmp_path: Path, store: BlobStore) -> None:
    (tmp_path / "log").write_text("one line")
    entries = entries_of(tmp_path, "/workspace")
    files = file_set(*(e for e in entries if "log" in e.target), fingerprint="x")
    (tmp_path / "log").write_text("another line")

    with pytest.raises(TryAgain, match="log"):
        build_layer(files, BASE, store, silent)

    assert (usage(store).blobs, usage(store).records, usage(store).size) == (0, 0, 0)


class _Cancelled(BaseException):
    pass


def test_a_cancelled_layer_leaves_nothing(tmp_path: Path, store: BlobStore) -> None:
    entries = entries_of(odd_tree(tmp_path / "odd"), "/workspace/odd")
    before = threading.active_count()

    def cancel(progress: Progress) -> None:
        raise _Cancelled

    with pytest.raises(_Cancelled):
        build_layer(FileSet(name="odd", entries=entries, fingerprint="x"), BASE, store, cancel)

    assert (usage(store).blobs, usage(store).records, usage(store).size) == (0, 0, 0)
    assert threading.active_count() == before


def test_progress_counts_bytes_to_the_end(tmp_path: Path, store: BlobStore) -> None:
    entries = entries_of(odd_tree(tmp_path / "odd"), "/workspace/odd")
    files = FileSet(name="odd", entries=entries, fingerprint="x")
    seen: list[Progress] = []

    build_layer(files, BASE, store, seen.append)

    done = [progress.done for progress in seen]
    once = files.size - 2 * len("one inode")
    assert {(p.stage, p.message, p.unit, p.total) for p in seen} == {
        ("layer", "odd", "bytes", once)
    }
    assert done == sorted(done)
    assert done[-1] == once


def test_a_full_disk_is_reported_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(os.urandom(24 * 1024**2))
    entries = [e for e in entries_of(tmp_path, "/workspace") if e.target.endswith("noise")]
    files = FileSet(name="set", entries=tuple(entries), fingerprint="x")

    with small_disk(tmp_path / "early", 20 * 1024**2) as disk:
        early = BlobStore(disk / "store")
        with pytest.raises(CannotWrite, match="no room"):
            build_layer(files, BASE, early, silent)
        assert (usage(early).blobs, usage(early).size) == (0, 0)
    # Noise does not shrink by half: the disk looks large enough and is not.
    with small_disk(tmp_path / "late", 29 * 1024**2) as disk:
        late = BlobStore(disk / "store")
        with (disk / "other").open("wb") as other:
            others = iter([bytes(8 * 1024**2)])

            def write_meanwhile(progress: Progress) -> None:
                other.write(next(others, b""))
                other.flush()

            with pytest.raises(CannotWrite, match="no room"):
                build_layer(files, BASE, late, write_meanwhile)
        assert (usage(late).blobs, usage(late).size) == (0, 0)


def _build_here(arguments: tuple[str, tuple[Any, ...]]) -> str:
    root, entries = arguments
    files = FileSet(name="odd", entries=entries, fingerprint="shared")
    return str(build_layer(files, BASE, BlobStore(Path(root)), silent).descriptor.digest)


def test_two_processes_may_build_the_same_layer(tmp_path: Path, store: BlobStore) -> None:
    entries = entries_of(odd_tree(tmp_path / "odd"), "/workspace/odd")

    with multiprocessing.get_context("spawn").Pool(2) as pool:
        digests = set(pool.map(_build_here, [(str(store.root), entries)] * 2, chunksize=1))

    (digest,) = digests
    assert Digest.of(store.path(Digest.parse(digest)).read_bytes()) == Digest.parse(digest)
    assert usage(store).blobs == 1


def test_parts_make_up_the_set_and_byte_code_does_not_move_the_cuts(tmp_path: Path) -> None:
    sources = [text(f"/e/m{number:02}.py", "x" * 1000) for number in range(10)]
    compiled = [text(f"/e/m{number:02}.pyc", "y" * 5000) for number in range(10)]
    plain = file_set(folder("/e"), *sources, fingerprint="f")
    full = file_set(folder("/e"), *sources, *compiled, fingerprint="f")

    plain_parts, full_parts = split_file_set(plain, 3000), split_file_set(full, 3000)

    assert [entry for part in full_parts for entry in part.entries] == list(full.entries)
    assert [part.fingerprint for part in plain_parts] == [part.fingerprint for part in full_parts]
    assert len({part.fingerprint for part in full_parts}) == len(full_parts) == 4
    for one, other in zip(plain_parts, full_parts, strict=True):
        assert set(one.entries) == {e for e in other.entries if not e.target.endswith(".pyc")}
    assert split_file_set(plain, 10**6) == (plain,)


def test_hard_links_over_parts_become_copies(tmp_path: Path, store: BlobStore) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t/a").write_bytes(b"a" * 1000)
    (tmp_path / "t/b").hardlink_to(tmp_path / "t/a")
    whole = FileSet(name="set", entries=entries_of(tmp_path / "t", "/workspace/t"))

    layers = build_layers(split_file_set(whole, 1000), BASE, store, silent)

    assert len(layers) == 2
    assert content(layers[1], store)["workspace/t/b"].content == b"a" * 1000


def test_files_that_are_not_in_memory_are_asked_for_ahead(tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for number in range(200):
        (tmp_path / "many" / str(number)).write_bytes(os.urandom(5000))
    entries = entries_of(tmp_path / "many", "/many")
    sources = [entry.source for entry in entries if entry.source]
    os.sync()
    for source in sources:
        file = os.open(source, os.O_RDONLY)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)
    before = threading.active_count()
    assert not all(_is_in_memory(source) for source in sources)

    deadline = time.monotonic() + 20
    with read_ahead(entries):
        while not all(_is_in_memory(source) for source in sources[100:]):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    assert threading.active_count() == before


def _is_in_memory(path: str) -> bool:
    """Ask the system without making it read, which every kind of reading would."""
    with (
        Path(path).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as map_,
    ):
        first = ctypes.c_char.from_buffer(map_)
        pages = ctypes.create_string_buffer(2)
        libc = ctypes.CDLL(None, use_errno=True)
        failed = libc.mincore(ctypes.c_void_p(ctypes.addressof(first)), len(map_), pages)
        del first
    assert not failed
    return bool(pages.raw[0] & 1)
