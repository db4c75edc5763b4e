"""Images as other programs take them: every file arrives with its content, mode and time."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import uuid
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import docker
import pytest

from kernel_containers.core.containers import ContainerSpec
from kernel_containers.core.digest import Digest
from kernel_containers.core.labels import KIND
from kernel_containers.core.oci import LAYER_ZSTD
from kernel_containers.core.progress import silent
from kernel_containers.core.reference import ImageReference, Repository
from kernel_containers.core.snapshot import FileSet
from kernel_containers.engine import containers, images
from kernel_containers.image.base import import_base
from kernel_containers.image.compress import decompressed, fastest, zstd
from kernel_containers.image.layer import build_layers
from kernel_containers.image.layout import write_layout
from kernel_containers.image.load import archive
from kernel_containers.image.store import BlobStore
from kernel_containers.registry.connect import open_registry
from kernel_containers.registry.pull import pull
from kernel_containers.registry.push import push
from kernel_containers.registry.settings import RegistrySettings
from kernel_containers.snapshot.container_changes import capture
from kernel_containers.snapshot.fingerprint import fingerprint
from tests.image.trees import bare_base, entries_of, expected, image_of, members_of, odd_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from kernel_containers.core.oci import BuiltImage, Layer
    from kernel_containers.core.snapshot import FileEntry
    from kernel_containers.engine import Engine
    from kernel_containers.image.compress import Compressor
    from tests.image.trees import Member
    from tests.support.registry import RegistryServer

LABELS = {"made-by": "us"}
ROOT = "work/odd tree"
DOCKER = "/usr/bin/docker"  # Debian's belongs to the engine; a newer one may come first on PATH
CAPTURED = r"""
set -e
mkdir -p "/work/odd tree/deep/er" "/work/odd tree/empty"; cd "/work/odd tree"
echo new > new; chmod 640 new; echo a > deep/er/a; ln -s new link; echo h > hard-1; ln hard-1 hard-2
touch -d 2001-02-03 old; chmod 711 empty; chmod 700 /srv; echo changed >> /etc/profile
rm /etc/debian_version; rm -r /usr/share/doc; mkdir /usr/share/doc; echo only > /usr/share/doc/only
rm -r /usr/share/misc; echo file > /usr/share/misc; rm -r /etc/apt; ln -s profile /etc/apt
"""
OF_THE_ENGINE = ("etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab")
CHANGED = ("work/odd tree", "srv", "etc", "usr/share/doc", "usr/share/misc")


class Case(NamedTuple):
    """An image, and what containers of it have to see below some folders."""

    image: BuiltImage
    wanted: dict[str, Member]
    folders: tuple[str, ...] = (ROOT,)


def make_whole(folder: Path, compressor: Compressor | None = None) -> Case:
    """An image of a folder with everything that is hard to archive."""
    entries = entries_of(odd_tree(folder / "odd"), f"/{ROOT}")
    store, base = BlobStore(folder / "store"), bare_base()
    image = image_of(base, layers_of(entries, store, compressor), store, labels=LABELS)
    return Case(image, expected(entries))


def make_delta(folder: Path, compressor: Compressor | None = None) -> Case:
    """The same, with a layer of changes on one that is large enough to be kept."""
    root, store = odd_tree(folder / "odd"), BlobStore(folder / "store")
    (root / "gone" / "sub").mkdir(parents=True)
    (root / "gone" / "sub" / "x").write_text("x")
    (root / "ballast.bin").write_bytes(os.urandom(1024) * 34 * 1024)
    layers_of(entries_of(root, f"/{ROOT}"), store, compressor)
    shutil.rmtree(root / "gone")
    for name in ("new\nline", os.fsdecode(b"latin-\xe9\xff"), "n" * 120, "hard-1", "dangling"):
        (root / name).unlink()
    (root / "plain.txt").write_text("changed")
    (root / "script").unlink()
    (root / "script").mkdir(mode=0o711)
    (root / "script" / ("s" * 150)).write_text("in a folder now")
    shutil.rmtree(root / "prefix")
    (root / "prefix").symlink_to("script")
    entries = entries_of(root, f"/{ROOT}")
    layers = layers_of(entries, store, compressor)
    assert len(layers) == 2
    return Case(image_of(bare_base(), layers, store, labels=LABELS), expected(entries))


def layers_of(
    entries: tuple[FileEntry, ...], store: BlobStore, compressor: Compressor | None
) -> tuple[Layer, ...]:
    files = FileSet(name="odd", entries=entries, fingerprint=fingerprint(entries))
    return tuple(
        build_layers([files], bare_base(), store, silent, compressor=compressor or fastest())
    )


def make_captured(folder: Path, engine: Engine, base_image: str) -> Case:
    """An image of a base, and what a container has changed, removed and replaced in it."""
    spec = ContainerSpec(
        image=base_image,
        entrypoint=("/bin/sh", "-c"),
        command=(CAPTURED,),
        user="0:0",
        network="none",
        labels={KIND: "build"},
    )
    container = containers.create(engine, spec)
    try:
        containers.start(engine, container)
        assert containers.wait(engine, container).code == 0
        changes = capture(engine, container, folder / "spool", (), silent)
        wanted = exported(container)
    finally:
        containers.remove(engine, container)
    assert changes.files
    store = BlobStore(folder / "store")
    base = import_base(engine, base_image, store, silent)
    layers = build_layers([changes.files], base, store, silent)
    image = image_of(base, layers, store, labels=LABELS)
    return Case(image, wanted, CHANGED)


@pytest.fixture(
    scope="module",
    params=["whole", *(pytest.param(n, marks=pytest.mark.full) for n in ("delta", "captured"))],
)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """One image of each way in which layers come about."""
    folder = tmp_path_factory.mktemp("source")
    if request.param == "captured":
        engine, base = (request.getfixturevalue(name) for name in ("engine", "base_image"))
        return make_captured(folder, engine, base)
    return make_whole(folder) if request.param == "whole" else make_delta(folder)


@pytest.fixture(scope="module")
def pushed(case: Case, registry: RegistryServer) -> ImageReference:
    """The image in the registry."""
    return push_to(registry, case.image)


def push_to(registry: RegistryServer, image: BuiltImage) -> ImageReference:
    to = ImageReference(Repository(registry.host, f"round-trip/{uuid.uuid4().hex[:8]}"), "v1")
    with open_registry(registry.host, RegistrySettings()) as opened:
        push(image, to, opened)
    return to


def run(*words: object) -> str:
    return subprocess.run(
        [str(word) for word in words], check=True, capture_output=True, text=True
    ).stdout


def check(found: dict[str, Member], case: Case) -> None:
    """See that a tree has all that is wanted and nothing else, by mode, time and content."""
    assert below(found, case.folders) == below(case.wanted, case.folders)


def below(tree: dict[str, Member], folders: Sequence[str]) -> dict[str, Member]:
    return {
        name: told(member)
        for name, member in tree.items()
        if any(name == folder or name.startswith(f"{folder}/") for folder in folders)
        if name not in OF_THE_ENGINE
    }


def told(member: Member) -> Member:
    """Return what says something: a link's mode and time do not, nor does a folder's time."""
    if member.kind == "link":
        return member._replace(mode=0o777, mtime=0)
    return member._replace(mtime=0) if member.kind == "folder" else member


def in_engine(name: str) -> dict[str, Member]:
    """Return what a container of an image sees, without starting it."""
    with closing(docker.from_env()) as client:
        container = client.containers.create(name, ["/none"], network_mode="none")
        try:
            return exported(str(container.id))
        finally:
            container.remove(force=True)


def exported(container: str) -> dict[str, Member]:
    with closing(docker.from_env()) as client:
        chunks: Iterable[bytes] = client.api.export(container)
        found = members_of(io.BytesIO(b"".join(chunks)))
    # `docker export` writes the bits of the file's type, too.
    return {name: m._replace(mode=m.mode & 0o7777) for name, m in found.items()}


def on_disk(root: Path, folders: Sequence[str]) -> dict[str, Member]:
    """Return what lies in folders of an unpacked image."""
    found: dict[str, Member] = {}
    for folder in folders:
        if (root / folder).is_dir():
            found |= expected(entries_of(root / folder, f"/{folder}"))
        else:
            found[folder] = next(iter(expected(entries_of(root / folder, f"/{folder}")).values()))
    return found


def unpacked(layout: str, to: Path, case: Case) -> dict[str, Member]:
    """Return what umoci makes of an image in a folder."""
    run("umoci", "unpack", *_as_plain_user(), "--image", layout, to)
    return on_disk(to / "rootfs", case.folders)


def test_an_image_that_docker_pulls(pushed: ImageReference, case: Case, engine: Engine) -> None:
    run(DOCKER, "pull", "--quiet", pushed)
    try:
        found = images.inspect(engine, str(pushed))
        assert found
        assert found.id == case.image.manifest.config.digest
        assert [digest.rpartition("@")[2] for digest in found.repository_digests] == [
            str(case.image.digest)
        ]
        check(in_engine(str(pushed)), case)
    finally:
        run(DOCKER, "rmi", pushed)


def test_an_image_that_docker_loads(case: Case, tmp_path: Path) -> None:
    name = f"kernel-containers/round-trip:{uuid.uuid4().hex[:8]}"
    file = tmp_path / "image.tar"
    file.write_bytes(b"".join(archive(case.image, name, silent)))
    run(DOCKER, "load", "--quiet", "--input", file)
    try:
        check(in_engine(name), case)
    finally:
        run(DOCKER, "rmi", name)


def test_an_image_that_skopeo_copies_and_umoci_unpacks(
    pushed: ImageReference, case: Case, tmp_path: Path
) -> None:
    source, copy = f"docker://{pushed}", f"oci:{tmp_path}/copy:v1"

    told = json.loads(run("skopeo", "inspect", "--tls-verify=false", source))
    run("skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", source, copy)

    assert told["Digest"] == str(case.image.digest)
    assert told["Labels"] == case.image.config.labels
    assert told["Labels"].items() >= LABELS.items()
    check(unpacked(f"{tmp_path}/copy:v1", tmp_path / "bundle", case), case)


@pytest.mark.parametrize(
    "make", [make_whole, pytest.param(make_delta, marks=pytest.mark.full)], ids=["whole", "delta"]
)
def test_layers_of_zstd_that_others_unpack_and_that_are_pulled(
    make: Callable[[Path, Compressor], Case], registry: RegistryServer, tmp_path: Path
) -> None:
    case = make(tmp_path, zstd())
    to = push_to(registry, case.image)

    with open_registry(registry.host, RegistrySettings()) as opened:
        pulled = pull(to, opened, tmp_path / "blobs")
    copy = ["skopeo", "--insecure-policy", "copy"]
    plain = f"dir:{tmp_path}/plain"  # umoci 0.4 can't read zstd itself
    run(*copy, "--src-tls-verify=false", "--dest-decompress", f"docker://{to}", plain)
    run(*copy, plain, f"oci:{tmp_path}/copy:v1")

    assert {layer.descriptor.media_type for layer in pulled.layers} == {LAYER_ZSTD}
    for layer in pulled.layers:
        with decompressed(pulled.blob(layer.descriptor.digest)) as file:
            assert Digest.of(file.read()) == layer.diff_id
    check(unpacked(f"{tmp_path}/copy:v1", tmp_path / "bundle", case), case)


def test_a_layout_that_skopeo_and_umoci_read(case: Case, tmp_path: Path) -> None:
    write_layout(case.image, tmp_path / "layout", "latest")

    told = json.loads(run("skopeo", "inspect", f"oci:{tmp_path}/layout:latest"))

    assert told["Digest"] == str(case.image.digest)
    check(unpacked(f"{tmp_path}/layout:latest", tmp_path / "bundle", case), case)


def _as_plain_user() -> list[str]:
    return [] if os.geteuid() == 0 else ["--rootless"]
