"""Files whose change a fingerprint can't see are found by their bytes, and built anew."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.progress import silent
from kernel_containers.core.snapshot import FileSet
from kernel_containers.image.compress import decompressed, fastest
from kernel_containers.image.contents import forget_changed
from kernel_containers.image.layer import SMALLEST_WITH_DELTAS, build_layers
from tests.image.trees import bare_base, entries_of, members_of

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.image.store import BlobStore

BASE = bare_base({"/lib": "usr/lib"}, ["/usr", "/usr/lib", "/work"])
WHERE = {"in place": "/srv/env", "moved by a link": "/lib/env"}


def environment(root: Path, target: str, fingerprint: str = "one") -> FileSet:
    return FileSet(name="env", entries=entries_of(root, target), fingerprint=fingerprint)


def change_unseen(path: Path) -> None:
    """Change a file's last byte, and put its time back."""
    before = path.stat()
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture(params=[0, SMALLEST_WITH_DELTAS], ids=["small", "large"])
def root(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """An environment, below and above the size of those that get deltas."""
    root = tmp_path / "env"
    (root / "pkg/__pycache__").mkdir(parents=True)
    (root / "pkg/a.py").write_text("a = 1")
    (root / "pkg/b.py").write_text("b = 1")
    (root / "pkg/c.py").hardlink_to(root / "pkg/b.py")
    (root / "pkg/__pycache__/a.pyc").write_text("compiled")
    (root / "data").write_bytes(bytes(request.param))
    return root


@pytest.mark.parametrize("target", WHERE.values(), ids=WHERE)
def test_a_change_that_leaves_no_trace_is_named_and_built(
    root: Path, target: str, store: BlobStore
) -> None:
    files = environment(root, target)
    before = build_layers([files], BASE, store, silent)
    change_unseen(root / "pkg/a.py")
    change_unseen(root / "pkg/__pycache__/a.pyc")
    assert build_layers([files], BASE, store, silent) == before

    changed = forget_changed([files], BASE, store, silent, fastest())

    (layer,) = build_layers([files], BASE, store, silent)
    with decompressed(store.path(layer.descriptor.digest)) as file:
        contents = [m.content for name, m in members_of(file).items() if name.endswith("/a.py")]
    assert changed == (str(root / "pkg/a.py"),)
    assert contents == [b"a = !"]
    assert forget_changed([files], BASE, store, silent, fastest()) == ()


def test_what_did_not_change_is_not_built_again(root: Path, store: BlobStore) -> None:
    files = environment(root, "/srv/env")
    layers = build_layers([files], BASE, store, silent)

    assert forget_changed([files], BASE, store, silent, fastest()) == ()

    for path in root.rglob("*"):
        if path.is_file():
            path.unlink()
    assert build_layers([files], BASE, store, silent) == layers


def test_nothing_is_known_of_a_new_environment(root: Path, store: BlobStore) -> None:
    assert forget_changed([environment(root, "/srv/env")], BASE, store, silent, fastest()) == ()


def test_what_a_delta_would_stand_on_is_compared_too(root: Path, store: BlobStore) -> None:
    build_layers([environment(root, "/srv/env")], BASE, store, silent)
    (root / "pkg/new.py").write_text("new")
    change_unseen(root / "pkg/b.py")
    files = environment(root, "/srv/env", "two")

    changed = forget_changed([files], BASE, store, silent, fastest())

    is_large = (root / "data").stat().st_size > 0  # a small set has no deltas: it is built whole
    assert changed == ((str(root / "pkg/b.py"),) if is_large else ())
    assert len(build_layers([files], BASE, store, silent)) == 1
