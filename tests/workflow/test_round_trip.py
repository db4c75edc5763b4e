"""Images as other programs take them: every file arrives with its content, mode and time."""

from __future__ import annotations

import io
import json
import os
import subprocess
import uuid
from contextlib import closing
from typing import TYPE_CHECKING

import docker
import pytest

from kernel_containers.core.oci import LAYER_ZSTD
from kernel_containers.core.progress import silent
from kernel_containers.core.reference import ImageReference, Repository
from kernel_containers.core.snapshot import FileSet
from kernel_containers.engine import images
from kernel_containers.image.compress import decompressed, zstd
from kernel_containers.image.layer import build_layer, build_layers
from kernel_containers.image.layout import write_layout
from kernel_containers.image.load import archive
from kernel_containers.image.store import BlobStore
from kernel_containers.registry.connect import open_registry
from kernel_containers.registry.pull import pull
from kernel_containers.registry.push import push
from kernel_containers.registry.settings import RegistrySettings
from tests.image.trees import (
    bare_base,
    entries_of,
    expected,
    image_of,
    members_of,
    odd_tree,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kernel_containers.core.oci import BuiltImage
    from kernel_containers.core.snapshot import FileEntry
    from kernel_containers.engine import Engine
    from tests.image.trees import Member
    from tests.support.registry import RegistryServer

ROOT = "work/odd tree"
DOCKER = "/usr/bin/docker"  # Debian's belongs to the engine; a newer one may come first on PATH


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> tuple[FileEntry, ...]:
    """A folder with everything that is hard to archive."""
    return entries_of(odd_tree(tmp_path_factory.mktemp("source") / "odd"), f"/{ROOT}")


@pytest.fixture(scope="module")
def image(entries: tuple[FileEntry, ...], tmp_path_factory: pytest.TempPathFactory) -> BuiltImage:
    store = BlobStore(tmp_path_factory.mktemp("store"))
    base = bare_base()
    layer = build_layer(FileSet(name="odd", entries=entries), base, store, silent)
    return image_of(base, [layer], store, labels={"made-by": "us"})


@pytest.fixture(scope="module")
def pushed(image: BuiltImage, registry: RegistryServer) -> ImageReference:
    """The image in the registry."""
    to = ImageReference(Repository(registry.host, f"round-trip/{uuid.uuid4().hex[:8]}"), "v1")
    with open_registry(registry.host, RegistrySettings()) as opened:
        push(image, to, opened)
    return to


def run(*words: object) -> str:
    return subprocess.run(
        [str(word) for word in words], check=True, capture_output=True, text=True
    ).stdout


def check(found: dict[str, Member], entries: Sequence[FileEntry]) -> None:
    """See that a tree has all entries and nothing else, by mode, time and content."""
    wanted = expected(entries)
    below = {name: member for name, member in found.items() if name.startswith(ROOT)}
    for name, member in wanted.items():
        got = below.pop(name)
        if member.kind == "link":  # its mode and time say nothing
            assert (got.kind, got.content) == ("link", member.content), name
        elif member.kind == "folder":
            assert (got.kind, got.mode) == ("folder", member.mode), name
        else:
            assert got == member, name
    assert below == {}


def in_engine(name: str) -> dict[str, Member]:
    """Return what a container of an image sees, without starting it."""
    with closing(docker.from_env()) as client:
        container = client.containers.create(name, ["/none"], network_mode="none")
        try:
            found = members_of(io.BytesIO(b"".join(container.export())))
            # `docker export` writes the bits of the file's type, too.
            return {name: m._replace(mode=m.mode & 0o7777) for name, m in found.items()}
        finally:
            container.remove(force=True)


def on_disk(root: Path) -> dict[str, Member]:
    """Return what lies in a folder."""
    return expected(entries_of(root / ROOT, f"/{ROOT}"))


def test_an_image_that_docker_pulls(
    pushed: ImageReference, image: BuiltImage, entries: tuple[FileEntry, ...], engine: Engine
) -> None:
    run(DOCKER, "pull", "--quiet", pushed)
    try:
        found = images.inspect(engine, str(pushed))
        assert found
        assert found.id == image.manifest.config.digest
        assert [digest.rpartition("@")[2] for digest in found.repository_digests] == [
            str(image.digest)
        ]
        check(in_engine(str(pushed)), entries)
    finally:
        run(DOCKER, "rmi", pushed)


def test_an_image_that_docker_loads(
    image: BuiltImage, entries: tuple[FileEntry, ...], tmp_path: Path
) -> None:
    name = f"kernel-containers/round-trip:{uuid.uuid4().hex[:8]}"
    file = tmp_path / "image.tar"
    file.write_bytes(b"".join(archive(image, name, silent)))
    run(DOCKER, "load", "--quiet", "--input", file)
    try:
        check(in_engine(name), entries)
    finally:
        run(DOCKER, "rmi", name)


def test_an_image_that_skopeo_copies_and_umoci_unpacks(
    pushed: ImageReference, image: BuiltImage, entries: tuple[FileEntry, ...], tmp_path: Path
) -> None:
    source, copy = f"docker://{pushed}", f"oci:{tmp_path}/copy:v1"

    told = json.loads(run("skopeo", "inspect", "--tls-verify=false", source))
    run("skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", source, copy)
    run("umoci", "unpack", *_as_plain_user(), "--image", f"{tmp_path}/copy:v1", tmp_path / "bundle")

    assert told["Digest"] == str(image.digest)
    assert told["Labels"] == {"made-by": "us"}
    check(on_disk(tmp_path / "bundle" / "rootfs"), entries)


def test_layers_of_zstd_that_skopeo_unpacks_and_that_are_pulled(
    entries: tuple[FileEntry, ...], registry: RegistryServer, tmp_path: Path
) -> None:
    store, base = BlobStore(tmp_path / "store"), bare_base()
    files = [FileSet(name="odd", entries=entries)]
    image = image_of(base, build_layers(files, base, store, silent, compressor=zstd()), store)
    to = ImageReference(Repository(registry.host, f"round-trip/{uuid.uuid4().hex[:8]}"), "v1")

    with open_registry(registry.host, RegistrySettings()) as opened:
        push(image, to, opened)
        pulled = pull(to, opened, tmp_path / "blobs")
    flags = ["--insecure-policy", "copy", "--src-tls-verify=false", "--dest-decompress"]
    run("skopeo", *flags, f"docker://{to}", f"dir:{tmp_path}/copy")

    (layer,) = pulled.layers
    assert layer.descriptor.media_type == LAYER_ZSTD
    with decompressed(pulled.blob(layer.descriptor.digest)) as file:
        check(members_of(file), entries)
    with (tmp_path / "copy" / layer.diff_id.hex).open("rb") as file:
        check(members_of(file), entries)


def test_a_layout_that_skopeo_and_umoci_read(
    image: BuiltImage, entries: tuple[FileEntry, ...], tmp_path: Path
) -> None:
    write_layout(image, tmp_path / "layout", "latest")

    told = json.loads(run("skopeo", "inspect", f"oci:{tmp_path}/layout:latest"))
    run(
        "umoci",
        "unpack",
        *_as_plain_user(),
        "--image",
        f"{tmp_path}/layout:latest",
        tmp_path / "bundle",
    )

    assert told["Digest"] == str(image.digest)
    check(on_disk(tmp_path / "bundle" / "rootfs"), entries)


def _as_plain_user() -> list[str]:
    return [] if os.geteuid() == 0 else ["--rootless"]
