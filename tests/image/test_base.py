"""Bases: imported once, checked against their own digests, known down to links and folders."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import uuid
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.containers import ContainerSpec
from kernel_containers.core.oci_json import canonical
from kernel_containers.core.progress import Progress, silent
from kernel_containers.core.reference import ImageReference
from kernel_containers.engine import images
from kernel_containers.engine.containers import run_once
from kernel_containers.errors import InvalidInput, NotFound, Unavailable
from kernel_containers.image import tar
from kernel_containers.image.archive import read_archive
from kernel_containers.image.base import import_base
from kernel_containers.image.load import archive, load
from kernel_containers.image.store import BlobStore
from kernel_containers.image.upkeep import usage
from tests.image.trees import build_layer, file_set, folder, image_of, link, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_containers.core.snapshot import FileEntry
    from kernel_containers.engine import Engine
    from kernel_containers.image.base import BaseImage


def test_the_layers_of_a_base_are_those_of_the_engine(
    engine: Engine, base_image: str, base: BaseImage, filled_store: BlobStore
) -> None:
    found = images.inspect(engine, base_image)

    assert found
    assert base.id == found.id
    assert tuple(layer.diff_id for layer in base.layers) == found.config.diff_ids
    for layer in base.layers:
        blob = filled_store.path(layer.descriptor.digest)
        assert blob.stat().st_size == layer.descriptor.size
        with gzip.open(blob) as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == layer.diff_id.hex


LIST = """
import json, os, stat
links, folders = {}, {}
for parent, names, files in os.walk("/", followlinks=False):
    if parent.startswith(("/proc", "/sys", "/dev")):
        names.clear()
        continue
    for name in names + files:
        path = os.path.join(parent, name)
        info = os.lstat(path)
        if stat.S_ISLNK(info.st_mode):
            links[path] = os.readlink(path)
        elif stat.S_ISDIR(info.st_mode):
            folders[path] = [stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid]
print(json.dumps([links, folders]))
"""


def test_links_and_folders_are_those_that_a_container_sees(
    engine: Engine, base_image: str, base: BaseImage
) -> None:
    done = run_once(
        engine,
        ContainerSpec(
            image=base_image, entrypoint=("python3",), command=("-B", "-c", LIST), network="none"
        ),
    )

    links, folders = json.loads(done.stdout)
    # The engine itself puts /etc/mtab and all below these into containers.
    own = ("/dev", "/proc", "/sys", "/etc/mtab")
    assert {path: to for path, to in base.links.items() if not path.startswith(own)} == {
        path: to for path, to in links.items() if not path.startswith(own)
    }
    found = base.ground.folders.items()
    assert {path: list(is_) for path, is_ in found if not path.startswith(own)} == {
        path: is_ for path, is_ in folders.items() if not path.startswith(own)
    }
    assert base.folders["/var/tmp"] == 0o1777
    assert base.owners
    assert base.links["/lib"] == "usr/lib"


def test_a_second_import_reads_nothing_from_the_engine(
    engine: Engine, base_image: str, base: BaseImage, filled_store: BlobStore
) -> None:
    reported: list[Progress] = []

    again = import_base(engine, base_image, BlobStore(filled_store.root), reported.append)

    assert (again, reported) == (base, [])


def test_progress_is_reported_while_a_base_is_read(
    engine: Engine, base_image: str, store: BlobStore
) -> None:
    class Enough(Exception):
        pass

    def cancel(progress: Progress) -> None:
        assert (progress.stage, progress.message, progress.unit) == ("base", base_image, "bytes")
        if progress.total and progress.done > progress.total // 4:
            raise Enough

    with pytest.raises(Enough):
        import_base(engine, base_image, store, cancel)

    assert usage(store).size == 0


def test_an_unknown_image_is_not_found(engine: Engine, store: BlobStore) -> None:
    with pytest.raises(NotFound, match="docker pull no-such-image:1"):
        import_base(engine, "no-such-image:1", store, silent)


@pytest.fixture
def whited_out(engine: Engine, base: BaseImage, filled_store: BlobStore) -> Iterator[str]:
    """An image whose upper layers remove, replace and hide what lower ones have."""
    lower = file_set(
        folder("/a"),
        folder("/a/gone", 0o700),
        folder("/a/gone/below"),
        link("/a/link-gone", "gone"),
        folder("/a/opaque", 0o711),
        folder("/a/opaque/hidden"),
        folder("/a/becomes-link"),
        folder("/a/becomes-link/below"),
        link("/a/becomes-folder", "gone"),
        link("/a/becomes-file", "gone"),
        folder("/a/changes", 0o700),
        folder("/a/changes/stays"),
    )
    upper = file_set(
        text("/a/.wh.gone"),
        text("/a/.wh.link-gone"),
        folder("/a/opaque", 0o750),
        text("/a/opaque/.wh..wh..opq"),
        folder("/a/opaque/new"),
        link("/a/becomes-link", "/a/opaque"),
        text("/a/becomes-file", "file"),
        folder("/a/changes", 0o755),
    )
    third = file_set(text("/a/.wh.becomes-folder"))
    fourth = file_set(folder("/a/becomes-folder", 0o701))
    name = f"kernel-containers/test-whiteouts:{uuid.uuid4().hex[:8]}"
    sets = (lower, upper, third, fourth)
    layers = [build_layer(one, base, filled_store, silent) for one in sets]
    image = image_of(base, layers, filled_store)
    load(engine, image, ImageReference.parse(name), silent)
    yield name
    images.remove(engine, name)


def test_whiteouts_are_respected(engine: Engine, whited_out: str, filled_store: BlobStore) -> None:
    found = import_base(engine, whited_out, filled_store, silent)

    assert {path: mode for path, mode in found.folders.items() if path.startswith("/a")} == {
        "/a": 0o755,
        "/a/opaque": 0o750,
        "/a/opaque/new": 0o755,
        "/a/changes": 0o755,
        "/a/changes/stays": 0o755,
        "/a/becomes-folder": 0o701,
    }
    assert {path: to for path, to in found.links.items() if path.startswith("/a/")} == {
        "/a/becomes-link": "/a/opaque"
    }


def test_a_saved_image_of_newer_engines_is_read_too(
    base: BaseImage, filled_store: BlobStore, store: BlobStore
) -> None:
    layer = build_layer(file_set(text("/note", "x")), base, filled_store, silent)
    image = image_of(base, [layer], filled_store)

    saved = read_archive(archive(image, "some:name", silent), store)

    assert canonical(saved.config) == image.config_bytes
    assert saved.layers[0].diff_id == base.layers[0].diff_id
    assert [layer.diff_id for layer in saved.layers] == list(image.config.diff_ids)
    assert all(store.has(layer.descriptor.digest, layer.descriptor.size) for layer in saved.layers)


def tar_of(**members: bytes | str) -> bytes:
    """Return an archive; a text instead of bytes makes a symbolic link."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive_:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            if isinstance(data, str):
                member.type, member.linkname = tarfile.SYMTYPE, data
                archive_.addfile(member)
            else:
                member.size = len(data)
                archive_.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def layer_tar(*entries: FileEntry) -> bytes:
    return b"".join(tar.blocks(entries))


def config_of(*layers: bytes) -> bytes:
    diff_ids = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    return canonical({"rootfs": {"type": "layers", "diff_ids": diff_ids}})


def test_a_layer_that_occurs_twice_is_a_link_in_old_archives(store: BlobStore) -> None:
    layer = layer_tar(text("/a", "a"))
    empty = layer_tar()
    data = tar_of(
        **{
            "one/layer.tar": layer,
            "two/layer.tar": "../one/layer.tar",
            "three/layer.tar": empty,
            "c.json": config_of(layer, layer, empty),
            "manifest.json": canonical(
                [
                    {
                        "Config": "c.json",
                        "Layers": ["one/layer.tar", "two/layer.tar", "three/layer.tar"],
                    }
                ]
            ),
        }
    )

    saved = read_archive([data], store)

    assert saved.layers[0] == saved.layers[1] != saved.layers[2]
    assert usage(store).blobs == 2


def test_an_oci_archive_without_manifest_json_is_read_by_its_index(store: BlobStore) -> None:
    layer = layer_tar(text("/a", "a"))
    blob = gzip.compress(layer)
    config = config_of(layer)

    def descriptor(data: bytes) -> dict[str, object]:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        return {"mediaType": "any", "digest": digest, "size": len(data)}

    def name(data: bytes) -> str:
        return f"blobs/sha256/{hashlib.sha256(data).hexdigest()}"

    manifest = canonical({"config": descriptor(config), "layers": [descriptor(blob)]})
    absent = {"mediaType": "any", "digest": "sha256:" + "0" * 64, "size": 1}
    nested = canonical({"manifests": [absent, descriptor(manifest)]})
    index = canonical({"manifests": [descriptor(nested)]})
    data = tar_of(
        **{
            name(blob): blob,
            name(config): config,
            name(manifest): manifest,
            name(nested): nested,
            "index.json": index,
        }
    )

    saved = read_archive([data[:100], data[100:5000], data[5000:]], store)

    assert [layer.descriptor.digest.hex for layer in saved.layers] == [
        hashlib.sha256(blob).hexdigest()
    ]


def small_archive(*, layer: bytes, config: bytes) -> bytes:
    manifest = canonical([{"Config": "c.json", "Layers": ["layer.tar"]}])
    return tar_of(**{"layer.tar": layer, "c.json": config, "manifest.json": manifest})


def test_a_cut_archive_is_unavailable(store: BlobStore) -> None:
    layer = layer_tar(text("/a", "a" * 5000))
    data = small_archive(layer=layer, config=config_of(layer))

    for length in (0, 300, 4000, len(layer) + 600, data.index(b'[{"Config"')):
        with pytest.raises(Unavailable, match="can't be read"):
            read_archive([data[:length]], store)

    assert read_archive([data], store).layers


def test_layers_that_are_not_those_of_the_config_are_refused(store: BlobStore) -> None:
    layer, other = layer_tar(text("/a", "a")), layer_tar(text("/b", "b"))

    with pytest.raises(Unavailable, match="other layers"):
        read_archive([small_archive(layer=layer, config=config_of(other))], store)


def test_a_zstd_layer_is_refused_with_the_reason(store: BlobStore) -> None:
    with pytest.raises(InvalidInput, match="zstd"):
        read_archive([small_archive(layer=b"\x28\xb5\x2f\xfd...", config=b"{}")], store)
