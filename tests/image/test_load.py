"""Images in the engine: byte for byte, with only the layers it lacks, and nothing left over."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.containers import ContainerSpec
from kernel_containers.core.progress import Progress, silent
from kernel_containers.core.reference import ImageReference
from kernel_containers.core.snapshot import FileSet
from kernel_containers.engine import images
from kernel_containers.engine.containers import create, remove, run_once
from kernel_containers.errors import TryAgain, Unavailable
from kernel_containers.image.layer import build_layers
from kernel_containers.image.load import archive, load
from tests.image.trees import (
    bare_base,
    build_layer,
    entries_of,
    expected,
    file_set,
    folder,
    image_of,
    odd_tree,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel_containers.engine import Engine
    from kernel_containers.image.base import BaseImage
    from kernel_containers.image.store import BlobStore

LIST = """
import hashlib, json, os, stat, sys
found = {}
for parent, folders, files in os.walk(sys.argv[1].encode()):
    for name in [b"", *folders, *files]:
        path = os.path.join(parent, name) if name else parent
        info = os.lstat(path)
        mode = info.st_mode
        kind = "link" if stat.S_ISLNK(mode) else "folder" if stat.S_ISDIR(mode) else "file"
        content = os.readlink(path) if kind == "link" else b""
        if kind == "file":
            content = hashlib.sha256(open(path, "rb").read()).hexdigest().encode()
        seen = [kind, stat.S_IMODE(mode), int(info.st_mtime), content.hex()]
        found[path.hex()] = [*seen, info.st_uid, info.st_gid]
print(json.dumps(found))
"""


@pytest.fixture
def reference(engine: Engine) -> Iterator[ImageReference]:
    """A name that nobody else uses."""
    name = ImageReference.parse(f"kernel-containers/test-load:{uuid.uuid4().hex[:12]}")
    yield name
    images.remove(engine, str(name))


def test_a_container_sees_the_tree_byte_for_byte(
    engine: Engine,
    base: BaseImage,
    filled_store: BlobStore,
    tmp_path: Path,
    reference: ImageReference,
) -> None:
    entries = entries_of(odd_tree(tmp_path / "odd"), "/workspace/odd tree")
    layer = build_layer(FileSet(name="odd", entries=entries), base, filled_store, silent)
    image = image_of(base, [layer], filled_store)

    image_id = load(engine, image, reference, silent)

    spec = ContainerSpec(image=str(image_id), command=("-c", LIST, "/workspace"), network="none")
    done = run_once(engine, spec)
    assert done.code == 0, done.stderr.decode()
    seen = json.loads(done.stdout)
    assert seen.pop(b"/workspace".hex()) == ["folder", 0o755, 0, "", 0, 0]
    for name, member in expected(entries).items():
        kind, mode, mtime, content, uid, gid = seen.pop(b"/".join([b"", os.fsencode(name)]).hex())
        assert (kind, mode, uid, gid) == (member.kind, member.mode, 0, 0), name
        if kind == "file":
            assert (mtime, bytes.fromhex(content).decode()) == (
                member.mtime,
                hashlib.sha256(member.content).hexdigest(),
            ), name
        elif kind == "link":
            assert bytes.fromhex(content) == member.content
    assert seen == {}


def test_a_layer_on_a_usr_merged_base_leaves_it_working(
    engine: Engine, base: BaseImage, filled_store: BlobStore, reference: ImageReference
) -> None:
    assert base.links["/lib"] == "usr/lib"
    files = file_set(folder("/lib"), text("/lib/kc/note", "in lib"), text("/bin/kc-note", "in bin"))
    layer = build_layer(files, base, filled_store, silent)

    load(engine, image_of(base, [layer], filled_store), reference, silent)

    spec = ContainerSpec(
        image=str(reference),
        entrypoint=("sh", "-c"),
        command=("cat /usr/lib/kc/note /usr/bin/kc-note; readlink /lib /bin",),
        network="none",
    )
    assert run_once(engine, spec).stdout == b"in libin binusr/lib\nusr/bin\n"


PLACES = ("/usr", "/usr/bin", "/var/tmp", "/home", "/home/me", "/home/me/new")


def test_folders_above_files_stay_as_they_are(
    engine: Engine, base: BaseImage, filled_store: BlobStore, reference: ImageReference
) -> None:
    home = folder("/home/me", 0o2770)._replace(owner=(1000, 100))
    upper = (text("/home/me/new/x"), text("/var/tmp/x"), text("/usr/bin/kc-x"))
    layers = build_layers([file_set(home), file_set(*upper)], base, filled_store, silent)

    load(engine, image_of(base, layers, filled_store), reference, silent)

    spec = ContainerSpec(
        image=str(reference),
        entrypoint=("stat", "--format", "%a %u:%g %n"),
        command=PLACES,
        network="none",
    )
    assert run_once(engine, spec).stdout.decode().splitlines() == [
        "755 0:0 /usr",
        "755 0:0 /usr/bin",
        "1777 0:0 /var/tmp",
        "755 0:0 /home",
        "2770 1000:100 /home/me",
        "755 0:0 /home/me/new",
    ]


def test_a_parent_that_nobody_has_can_be_entered_by_everybody(
    engine: Engine, base: BaseImage, filled_store: BlobStore, reference: ImageReference
) -> None:
    layer = build_layer(file_set(text("/new/deep/file", "read me")), base, filled_store, silent)

    load(engine, image_of(base, [layer], filled_store, user="4711:0"), reference, silent)

    spec = ContainerSpec(image=str(reference), entrypoint=("cat", "/new/deep/file"), network="none")
    assert run_once(engine, spec).stdout == b"read me"


def test_only_missing_layers_are_sent(
    engine: Engine, base: BaseImage, filled_store: BlobStore, reference: ImageReference
) -> None:
    environment = file_set(text("/env/big", os.urandom(3_000_000).hex()))
    notebook = file_set(text("/workspace/nb.ipynb", uuid.uuid4().hex))
    sent: list[int] = []

    def load_with(*sets: FileSet) -> None:
        seen: list[Progress] = []
        layers = build_layers(sets, base, filled_store, silent)
        load(engine, image_of(base, layers, filled_store), reference, seen.append)
        assert {(p.stage, p.unit) for p in seen} <= {("load", "bytes")}
        sent.append(seen[-1].done if seen else 0)

    load_with(environment)
    load_with(environment, notebook)
    load_with(environment, notebook)

    assert 3_000_000 < sent[0] < 3_500_000  # the engine has the base, whose blob has 60 MB
    assert 0 < sent[1] < 500
    assert sent[2] == 0


def test_the_name_moves_and_the_replaced_image_goes(
    engine: Engine, base: BaseImage, filled_store: BlobStore, reference: ImageReference
) -> None:
    ids = []

    for number in range(3):
        layer = build_layer(
            file_set(text("/n", f"{number} {reference}")), base, filled_store, silent
        )
        image = image_of(base, [layer], filled_store)
        ids.append(load(engine, image, reference, silent))

    found = images.inspect(engine, str(reference))
    assert found
    assert found.id == ids[-1]
    assert found.names == (str(reference),)
    assert [images.inspect(engine, str(old)) for old in ids[:-1]] == [None, None]


def test_a_replaced_image_stays_while_something_names_or_uses_it(
    engine: Engine, base: BaseImage, filled_store: BlobStore, reference: ImageReference
) -> None:
    def load_note(note: str) -> str:
        layer = build_layer(file_set(text("/n", f"{note} {reference}")), base, filled_store, silent)
        return str(load(engine, image_of(base, [layer], filled_store), reference, silent))

    other = ImageReference.parse(f"{reference}-other")
    named = load_note("named")
    images.tag(engine, named, other)
    used = load_note("used")
    container = create(engine, ContainerSpec(image=used, network="none"))
    try:
        load_note("newest")

        assert images.inspect(engine, named)
        assert images.inspect(engine, used)
    finally:
        remove(engine, container)
        images.remove(engine, str(other))
        images.remove(engine, used)


def test_an_image_removed_while_it_is_counted_on_is_sent_whole(
    engine: Engine, filled_store: BlobStore, reference: ImageReference
) -> None:
    bottom = file_set(text("/bottom", uuid.uuid4().hex))
    top = file_set(text("/top", uuid.uuid4().hex))
    layers = build_layers([bottom, top], bare_base(), filled_store, silent)
    lower = ImageReference.parse(f"{reference}-lower")
    load(engine, image_of(bare_base(), layers[:1], filled_store), lower, silent)
    totals: list[int | None] = []

    def remove_lower(progress: Progress) -> None:
        if not totals:
            images.remove(engine, str(lower))
        totals.append(progress.total)

    image = image_of(bare_base(), layers, filled_store)
    load(engine, image, reference, remove_lower)

    sizes = [layer.descriptor.size for layer in layers]
    assert totals == [sizes[1], sum(sizes), sum(sizes)]
    found = images.inspect(engine, str(reference))
    assert found
    assert found.config.diff_ids == image.config.diff_ids


def test_a_refused_archive_raises_what_the_engine_said_and_leaves_nothing(
    engine: Engine, filled_store: BlobStore, reference: ImageReference
) -> None:
    layer = build_layer(file_set(text("/a", uuid.uuid4().hex)), bare_base(), filled_store, silent)
    image = image_of(bare_base(), [layer], filled_store)

    with pytest.raises(Unavailable, match="no such file"):
        images.load(engine, archive(image, str(reference), silent, known=1))

    assert images.inspect(engine, str(reference)) is None


class Cancelled(Exception):
    pass


def test_a_cancelled_load_leaves_nothing(
    engine: Engine, filled_store: BlobStore, reference: ImageReference
) -> None:
    files = file_set(text("/a", os.urandom(2_000_000).hex()))
    layer = build_layer(files, bare_base(), filled_store, silent)
    image = image_of(bare_base(), [layer], filled_store)

    def cancel(progress: Progress) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        load(engine, image, reference, cancel)

    assert images.inspect(engine, str(image.manifest.config.digest)) is None


def test_a_layer_lost_from_the_store_is_said_so(
    engine: Engine, store: BlobStore, reference: ImageReference
) -> None:
    layer = build_layer(file_set(text("/a", uuid.uuid4().hex)), bare_base(), store, silent)
    image = image_of(bare_base(), [layer], store)
    store.path(layer.descriptor.digest).unlink()

    with pytest.raises(TryAgain, match="no longer in the store"):
        load(engine, image, reference, silent)
