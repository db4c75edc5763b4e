"""Sets whose layers are known on exactly their ground: found without deciding where they land."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.progress import silent
from kernel_containers.core.snapshot import FileEntry, FileKind
from kernel_containers.errors import TryAgain
from kernel_containers.image.compress import fastest
from kernel_containers.image.layer import SMALLEST_WITH_DELTAS, build_layers, known_sets
from kernel_containers.image.lower import Lower
from tests.image.trees import bare_base, file_set, folder, link, text

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.core.oci import Descriptor
    from kernel_containers.core.snapshot import FileSet
    from kernel_containers.image.store import BlobStore

BASE = bare_base({"/lib": "usr/lib"}, ["/usr", "/usr/lib", "/workspace"])
ENVIRONMENT = file_set(
    folder("/workspace/env"), text("/workspace/env/a"), fingerprint="environment"
)
LOWER = file_set(folder("/workspace"), fingerprint="lower")


def recalled(below: list[FileSet], file_set: FileSet, store: BlobStore) -> bool:
    lower = Lower(BASE, fastest())
    for each in below:
        lower.put(each.entries)
        lower.end(each)
    return lower.recall(file_set, store) is not None


def test_a_set_is_known_on_the_sets_that_it_was_built_on_and_no_others(store: BlobStore) -> None:
    layers = build_layers([LOWER, ENVIRONMENT], BASE, store, silent)

    assert recalled([LOWER], ENVIRONMENT, store)
    assert not recalled([], ENVIRONMENT, store)
    assert not recalled([replace(LOWER, fingerprint="another")], ENVIRONMENT, store)
    assert not recalled([replace(LOWER, fingerprint=None)], ENVIRONMENT, store)
    assert build_layers([LOWER, ENVIRONMENT], BASE, store, silent) == layers
    assert known_sets([LOWER, ENVIRONMENT], BASE, store, fastest()) == (True, True)


def test_a_set_that_a_link_moves_is_placed_each_time(store: BlobStore) -> None:
    moved = file_set(folder("/lib"), text("/lib/libx.so"), fingerprint="moved")
    above = file_set(folder("/usr/lib/more"), text("/usr/lib/more/x"), fingerprint="above")

    first = build_layers([moved, above], BASE, store, silent)

    assert not recalled([], moved, store)
    assert build_layers([moved, above], BASE, store, silent) == first
    assert known_sets([moved, above], BASE, store, fastest()) == (True, True)


def test_what_stands_on_a_known_set_follows_its_links(store: BlobStore) -> None:
    linked = file_set(
        folder("/workspace/real"), link("/workspace/to", "/workspace/real"), fingerprint="linked"
    )
    notebook = file_set(text("/workspace/to/nb.ipynb"))

    first = build_layers([linked, notebook], BASE, store, silent)
    again = build_layers([linked, notebook], BASE, store, silent)

    assert recalled([], linked, store)
    assert again == first


def test_a_set_whose_blob_is_gone_is_built_again(store: BlobStore) -> None:
    (layer,) = build_layers([ENVIRONMENT], BASE, store, silent)
    store.path(layer.descriptor.digest).unlink()

    assert known_sets([ENVIRONMENT], BASE, store, fastest()) == (False,)
    assert build_layers([ENVIRONMENT], BASE, store, silent) == (layer,)
    assert store.has(layer.descriptor.digest)


def test_a_layer_is_told_of_before_the_next_one_is_built(store: BlobStore, tmp_path: Path) -> None:
    missing = FileEntry("/workspace/x", FileKind.FILE, 0o644, 1, source=str(tmp_path / "missing"))
    told: list[Descriptor] = []

    with pytest.raises(TryAgain):
        build_layers([ENVIRONMENT, file_set(missing)], BASE, store, silent, finished=told.append)

    assert [layer.descriptor for layer in build_layers([ENVIRONMENT], BASE, store, silent)] == told


def test_a_large_layer_is_told_of_before_its_content_is_described(store: BlobStore) -> None:
    content = bytes(SMALLEST_WITH_DELTAS)
    entry = FileEntry("/workspace/x", FileKind.FILE, 0o644, len(content), content=content)
    records: list[int] = []

    def count(told: Descriptor) -> None:
        assert store.has(told.digest, told.size)
        records.append(len(list(store.records.iterdir())))

    large = file_set(entry, fingerprint="large")
    (layer,) = build_layers([large], BASE, store, silent, finished=count)

    assert records == [1]  # of the layer itself; the rest only matters to what changes later
    assert build_layers([large], BASE, store, silent) == (layer,)
    assert len(list(store.records.iterdir())) > 1
