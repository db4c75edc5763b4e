"""Deltas: only what changed is built, and a container sees the same as after building anew."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_containers.core.containers import ContainerSpec
from kernel_containers.core.progress import silent
from kernel_containers.core.reference import ImageReference
from kernel_containers.core.snapshot import FileEntry, FileKind, FileSet
from kernel_containers.engine import images
from kernel_containers.engine.containers import run_once
from kernel_containers.image.compress import decompressed
from kernel_containers.image.delta import MOST_DELTAS, Beneath, describe, difference
from kernel_containers.image.layer import build_layers
from kernel_containers.image.load import load
from kernel_containers.image.placement import Ground, place
from kernel_containers.image.upkeep import usage
from tests.image.test_load import LIST
from tests.image.trees import (
    Member,
    bare_base,
    entries_of,
    expected,
    file_set,
    folder,
    image_of,
    link,
    members_of,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from kernel_containers.core.oci import Layer
    from kernel_containers.engine import Engine
    from kernel_containers.image.base import BaseImage
    from kernel_containers.image.store import BlobStore

BASE = bare_base({}, ["/opt"])
NOTHING = Beneath(set(), set())


def laid_over(lower: dict[str, Member], upper: dict[str, Member]) -> dict[str, Member]:
    """Return what a container sees of two layers."""
    hidden = [name.replace(".wh.", "") for name in upper if "/.wh." in f"/{name}"]
    hidden += [name for name, member in upper.items() if member.kind != "folder"]
    kept = {
        name: member
        for name, member in lower.items()
        if not any(name == gone or name.startswith(f"{gone}/") for gone in hidden)
    }
    own = {name: member for name, member in upper.items() if "/.wh." not in f"/{name}"}
    return {**kept, **own}


def seen(layers: Iterable[Layer], store: BlobStore) -> dict[str, Member]:
    found: dict[str, Member] = {}
    for layer in layers:
        with decompressed(store.path(layer.descriptor.digest)) as file:
            found = laid_over(found, members_of(file))
    return found


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A folder large enough for deltas."""
    root = tmp_path / "venv"
    (root / "lib/pkg/__pycache__").mkdir(parents=True)
    (root / "lib/pkg/__init__.py").write_text("one")
    (root / "lib/pkg/other.py").write_text("other")
    (root / "lib/pkg/__pycache__/__init__.cpython-311.pyc").write_text("compiled")
    (root / "lib/gone/sub").mkdir(parents=True)
    (root / "lib/gone/sub/x").write_text("x")
    (root / "lib/file-to-folder").write_text("file")
    (root / "lib/folder-to-link").mkdir()
    (root / "lib/folder-to-link/x").write_text("x")
    (root / "lib/link-to-file").symlink_to("pkg")
    (root / "lib/retargeted").symlink_to("pkg")
    (root / "hard-1").write_text("hard")
    (root / "hard-2").hardlink_to(root / "hard-1")
    (root / "large").write_bytes(os.urandom(1024) * 34 * 1024)
    return root


def change(root: Path) -> None:
    (root / "lib/pkg/__init__.py").write_text("two")
    (root / "lib/pkg/__pycache__/__init__.cpython-311.pyc").write_text("compiled again")
    (root / "lib/new/deep").mkdir(parents=True)
    (root / "lib/new/deep/y").write_text("y")
    shutil.rmtree(root / "lib/gone")
    (root / "lib/file-to-folder").unlink()
    (root / "lib/file-to-folder").mkdir(mode=0o711)
    (root / "lib/file-to-folder/z").write_text("z")
    shutil.rmtree(root / "lib/folder-to-link")
    (root / "lib/folder-to-link").symlink_to("new")
    (root / "lib/link-to-file").unlink()
    (root / "lib/link-to-file").write_text("file")
    (root / "lib/retargeted").unlink()
    (root / "lib/retargeted").symlink_to("new")
    (root / "lib/pkg/other.py").chmod(0o600)
    with (root / "hard-1").open("a") as file:
        file.write(" and more")


def build(
    root: Path,
    fingerprint: str,
    store: BlobStore,
    base: BaseImage = BASE,
    *,
    compiled: bool = True,
) -> tuple[Layer, ...]:
    entries = entries_of(root, "/opt/venv")
    environment = FileSet(
        name="environment", entries=entries, fingerprint=fingerprint, compiled=compiled
    )
    return build_layers([environment], base, store, silent)


def test_only_changes_are_built_and_the_result_is_the_same(
    environment: Path, store: BlobStore
) -> None:
    first = build(environment, "one", store)
    change(environment)

    second = build(environment, "two", store)

    assert second[:1] == first
    assert len(second) == 2
    assert second[1].descriptor.size < 5000
    assert seen(second, store) == expected([folder("/opt"), *entries_of(environment, "/opt/venv")])


def test_a_container_sees_the_changed_tree(
    engine: Engine, base: BaseImage, filled_store: BlobStore, environment: Path
) -> None:
    build(environment, f"one {environment}", filled_store, base)
    change(environment)
    layers = build(environment, f"two {environment}", filled_store, base)
    assert len(layers) == 2
    name = ImageReference.parse(f"kernel-containers/test-delta:{uuid.uuid4().hex[:12]}")

    load(engine, image_of(base, layers, filled_store), name, silent)

    try:
        spec = ContainerSpec(image=str(name), command=("-c", LIST, "/opt/venv"), network="none")
        done = run_once(engine, spec)
    finally:
        images.remove(engine, str(name))
    found = {
        bytes.fromhex(path).decode(): member for path, member in json.loads(done.stdout).items()
    }
    wanted = expected(entries_of(environment, "/opt/venv"))
    assert {path: member[:2] for path, member in found.items()} == {
        f"/{path}": [member.kind, member.mode] for path, member in wanted.items()
    }
    assert {path: member[2] for path, member in found.items() if member[0] == "file"} == {
        f"/{path}": member.mtime for path, member in wanted.items() if member.kind == "file"
    }


def test_an_earlier_state_comes_back_without_building(environment: Path, store: BlobStore) -> None:
    first = build(environment, "one", store)
    (environment / "lib/new").write_text("new")
    second = build(environment, "two", store)
    blobs = usage(store).blobs
    (environment / "lib/new").unlink()

    assert build(environment, "one", store) == first
    assert build(environment, "two", store) == second
    assert usage(store).blobs == blobs == 2


def test_a_change_that_is_none_adds_no_layer(environment: Path, store: BlobStore) -> None:
    first = build(environment, "one", store)
    (environment / "lib/pkg/__pycache__/other.cpython-311.pyc").write_text("compiled")

    assert build(environment, "the same with byte code", store) == first


def test_an_environment_that_was_compiled_since_is_built_with_its_byte_code(
    environment: Path, store: BlobStore
) -> None:
    build(environment, "one", store, compiled=False)
    (environment / "lib/pkg/__pycache__/other.cpython-311.pyc").write_text("compiled")

    [layer] = build(environment, "one", store)

    with decompressed(store.path(layer.descriptor.digest)) as file:
        assert "opt/venv/lib/pkg/__pycache__/other.cpython-311.pyc" in members_of(file)


def touch(*paths: Path) -> None:
    for path in paths:
        found = path.stat()
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 5 * 10**9))


def test_files_that_were_only_touched_add_no_layer(environment: Path, store: BlobStore) -> None:
    first = build(environment, "one", store)
    touch(environment / "lib/pkg/__init__.py", environment / "large")
    # Compiled for the new time, as an import does it; the layer's fits the old one.
    (environment / "lib/pkg/__pycache__/__init__.cpython-311.pyc").write_text("COMPILED")

    assert build(environment, "touched", store) == first
    touch(environment / "large")
    assert build(environment, "touched again", store) == first
    assert usage(store).blobs == 1


def test_of_touched_files_only_changed_ones_are_built(environment: Path, store: BlobStore) -> None:
    long = environment / ("n" * 120)  # its name needs a header of more blocks
    long.write_text("long")
    first = build(environment, "one", store)
    touch(environment / "large", environment / "lib/pkg/__init__.py", long)
    (environment / "lib/pkg/other.py").write_text("OTHER")  # of the same size

    second = build(environment, "two", store)

    assert second[:1] == first
    with decompressed(store.path(second[1].descriptor.digest)) as file:
        added = {name for name, member in members_of(file).items() if member.kind == "file"}
    assert added == {"opt/venv/lib/pkg/other.py"}


def test_touched_files_are_compared_once(environment: Path, store: BlobStore) -> None:
    (first,) = build(environment, "one", store)
    touch(environment / "large")
    assert build(environment, "touched", store) == (first,)
    # Now it could not be unpacked, and `large` would count as changed.
    blob = store.path(first.descriptor.digest)
    blob.write_bytes(bytes(blob.stat().st_size))
    (environment / "lib/pkg/new.py").write_text("new")

    _, second = build(environment, "a file more", store)

    with decompressed(store.path(second.descriptor.digest)) as file:
        added = {name for name, member in members_of(file).items() if member.kind == "file"}
    assert added == {"opt/venv/lib/pkg/new.py"}


def test_a_few_touched_files_are_sent_and_no_layer_is_unpacked(
    environment: Path, store: BlobStore
) -> None:
    build(environment, "one", store)
    touch(environment / "lib/pkg/other.py")

    _, second = build(environment, "two", store)

    with decompressed(store.path(second.descriptor.digest)) as file:
        added = {name for name, member in members_of(file).items() if member.kind == "file"}
    assert added == {"opt/venv/lib/pkg/other.py"}


def test_a_layer_that_is_damaged_holds_nothing(environment: Path, store: BlobStore) -> None:
    (first,) = build(environment, "one", store)
    blob = store.path(first.descriptor.digest)
    blob.write_bytes(blob.read_bytes()[: blob.stat().st_size // 2].ljust(blob.stat().st_size))
    touch(environment / "large")

    (second,) = build(environment, "two", store)

    assert second.descriptor.digest != first.descriptor.digest


def test_byte_code_follows_its_module(environment: Path, store: BlobStore) -> None:
    build(environment, "one", store)
    (environment / "lib/pkg/other.py").write_text("changed")
    for name in ("other", "__init__", "third"):
        path = environment / f"lib/pkg/__pycache__/{name}.cpython-311.opt-1.pyc"
        path.write_text("compiled")

    layers = build(environment, "two", store)

    with decompressed(store.path(layers[1].descriptor.digest)) as file:
        added = {name for name, member in members_of(file).items() if member.kind == "file"}
    assert added == {
        "opt/venv/lib/pkg/other.py",
        "opt/venv/lib/pkg/__pycache__/other.cpython-311.opt-1.pyc",
    }


def test_large_changes_and_many_deltas_are_built_anew(environment: Path, store: BlobStore) -> None:
    counts = []
    for number in range(MOST_DELTAS + 2):
        (environment / "counter").write_text(str(number))
        counts.append(len(build(environment, f"state {number}", store)))
    assert counts == [*range(1, MOST_DELTAS + 2), 1]

    (environment / "large-2").write_bytes(bytes(12 * 1024**2))
    assert len(build(environment, "large", store)) == 1


def test_small_sets_and_sets_without_a_fingerprint_are_always_whole(
    environment: Path, store: BlobStore
) -> None:
    for fingerprint in ("a", "b"):
        files = file_set(text("/opt/a", fingerprint), fingerprint=fingerprint)
        assert len(build_layers([files], BASE, store, silent)) == 1
    for content in ("one", "two"):
        (environment / "note").write_text(content)
        entries = entries_of(environment, "/opt/venv")
        unknown = FileSet(name="environment", entries=entries)
        assert len(build_layers([unknown], BASE, store, silent)) == 1


def test_nothing_of_the_base_or_of_lower_sets_is_hidden() -> None:
    before = describe([folder("/opt"), folder("/opt/a"), text("/opt/a/x"), text("/opt/y")])
    after = [folder("/opt"), folder("/opt/a")]

    assert difference(before, after, Beneath({"/opt"}, set())) is None
    assert difference(before, after, Beneath(set(), {"/opt/a/x"})) is None
    assert difference(before, after, Beneath({"/opt/a"}, set())) is None
    delta = difference(before, after, NOTHING)
    assert delta
    assert {e.target for e in delta.entries if e.kind is FileKind.FILE} == {
        "/opt/.wh.y",
        "/opt/a/.wh.x",
    }


LEAVES = st.one_of(
    st.builds(lambda content: text("/", content), st.sampled_from(["", "a", "b"])),
    st.builds(lambda mode: folder("/", mode), st.sampled_from([0o755, 0o700])),
    st.builds(lambda to: link("/", to), st.sampled_from(["a", "b"])),
)
PATHS = st.lists(st.sampled_from(["a", "b", "c.py"]), min_size=1, max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)


def tree_of(leaves: dict[str, FileEntry]) -> Sequence[FileEntry]:
    """Return a valid tree: what would lie below a file is left out."""
    found: dict[str, FileEntry] = {}
    for target in sorted(leaves):
        parents = [target[:i] for i, c in enumerate(target) if c == "/" and i]
        if all(found[p].kind is FileKind.FOLDER for p in parents if p in found):
            found[target] = leaves[target]._replace(target=target)
    return place(list(found.values()), Ground()).entries


@given(st.dictionaries(PATHS, LEAVES, max_size=12), st.dictionaries(PATHS, LEAVES, max_size=12))
def test_any_tree_becomes_any_other(one: dict[str, FileEntry], other: dict[str, FileEntry]) -> None:
    before, after = tree_of(one), tree_of(other)

    delta = difference(describe(before), after, NOTHING)

    assert delta
    assert laid_over(expected(before), expected(delta.entries)) == expected(after)
    assert delta.content == describe(after)
