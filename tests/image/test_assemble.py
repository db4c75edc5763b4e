"""Images: the same arguments give the same digests, and registries and engines can read them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.core.digest import Digest
from kernel_containers.core.oci import CONFIG, LAYER_GZIP, MANIFEST, ImageConfig, Platform
from kernel_containers.core.progress import silent
from kernel_containers.errors import InvalidInput
from kernel_containers.image.layout import write_layout
from tests.image.trees import bare_base, build_layer, file_set, image_of, text

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.core.oci import BuiltImage, Layer
    from kernel_containers.image.store import BlobStore

RICH_BASE = replace(
    bare_base(),
    config=ImageConfig(
        platform=Platform("linux", "arm64", "v8"),
        environment=("PATH=/usr/bin", "LANG=C.UTF-8"),
        command=("bash",),
        entrypoint=("/tini",),
        labels={"base": "yes", "both": "base"},
        history=({"created_by": "base"},),
        raw={"config": {"StopSignal": "SIGINT", "Cmd": ["bash"]}, "author": "somebody"},
    ),
)


@pytest.fixture
def layer(store: BlobStore) -> Layer:
    return build_layer(file_set(text("/opt/a", "a")), bare_base(), store, silent)


def build(layer: Layer, store: BlobStore) -> BuiltImage:
    return image_of(
        RICH_BASE,
        [layer],
        store,
        user="1000:0",
        environment=(("LANG", "de_DE.UTF-8"), ("SEED", "a=b")),
        working_directory="/opt",
        labels={"own": "1", "both": "own"},
        annotations={"title": "ü"},
    )


def test_the_config_is_the_base_s_with_ours_over_it(layer: Layer, store: BlobStore) -> None:
    image = build(layer, store)

    assert json.loads(image.config_bytes) == {
        "architecture": "arm64",
        "author": "somebody",
        "config": {
            "Entrypoint": ["python3", "-B"],
            "Env": ["PATH=/usr/bin", "LANG=de_DE.UTF-8", "SEED=a=b"],
            "Labels": {"base": "yes", "both": "own", "own": "1"},
            "StopSignal": "SIGINT",
            "User": "1000:0",
            "WorkingDir": "/opt",
        },
        "created": "2025-01-01T00:00:00Z",
        "history": [
            {"created_by": "base"},
            {
                "comment": "test",
                "created": "2025-01-01T00:00:00Z",
                "created_by": "kernel-containers",
            },
        ],
        "os": "linux",
        "rootfs": {"diff_ids": [str(layer.diff_id)], "type": "layers"},
        "variant": "v8",
    }


def test_the_manifest_names_config_and_layers(layer: Layer, store: BlobStore) -> None:
    image = build(layer, store)

    assert json.loads(image.manifest_bytes) == {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": CONFIG,
            "digest": str(Digest.of(image.config_bytes)),
            "size": len(image.config_bytes),
        },
        "layers": [
            {
                "mediaType": LAYER_GZIP,
                "digest": str(layer.descriptor.digest),
                "size": layer.descriptor.size,
                "annotations": {"io.kernel-containers.layer": "test"},
            }
        ],
        "annotations": {"title": "ü"},
    }


def test_all_blobs_are_in_the_store(layer: Layer, store: BlobStore) -> None:
    image = build(layer, store)

    assert image.blob(image.digest).read_bytes() == image.manifest_bytes
    assert image.blob(image.manifest.config.digest).read_bytes() == image.config_bytes
    assert image.blob(layer.descriptor.digest).exists()


def test_the_same_arguments_give_the_same_digests(layer: Layer, store: BlobStore) -> None:
    assert build(layer, store).digest == build(layer, store).digest


def test_a_126th_layer_is_refused(layer: Layer, store: BlobStore) -> None:
    assert len(image_of(bare_base(), [layer] * 125, store).layers) == 125

    with pytest.raises(InvalidInput, match="126 layers"):
        image_of(bare_base(), [layer] * 126, store)


def test_labels_that_no_registry_takes_are_refused(layer: Layer, store: BlobStore) -> None:
    with pytest.raises(InvalidInput, match="too large"):
        image_of(bare_base(), [layer], store, labels={"x": "y" * 4_000_000})


def check_layout(folder: Path, tag: str) -> Any:
    """Follow the index to every blob and return the manifest."""
    assert json.loads((folder / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((folder / "index.json").read_text())
    (found,) = [
        item
        for item in index["manifests"]
        if item["annotations"]["org.opencontainers.image.ref.name"] == tag
    ]
    manifest = json.loads(checked_blob(folder, found))
    for item in [manifest["config"], *manifest["layers"]]:
        checked_blob(folder, item)
    return manifest


def checked_blob(folder: Path, descriptor: dict[str, object]) -> bytes:
    data = (folder / "blobs" / str(descriptor["digest"]).replace(":", "/")).read_bytes()
    assert str(Digest.of(data)) == descriptor["digest"]
    assert len(data) == descriptor["size"]
    return data


def test_a_layout_is_complete(layer: Layer, store: BlobStore, tmp_path: Path) -> None:
    image = build(layer, store)

    write_layout(image, tmp_path / "new" / "layout", "1.0")

    assert check_layout(tmp_path / "new" / "layout", "1.0") == json.loads(image.manifest_bytes)
    assert (tmp_path / "new/layout/blobs/sha256" / layer.descriptor.digest.hex).stat().st_nlink == 1


def test_a_layout_keeps_other_tags_and_replaces_its_own(
    layer: Layer, store: BlobStore, tmp_path: Path
) -> None:
    first, second = build(layer, store), image_of(bare_base(), [layer], store)

    write_layout(first, tmp_path / "layout", "one")
    write_layout(first, tmp_path / "layout", "two")
    write_layout(second, tmp_path / "layout", "one")

    assert check_layout(tmp_path / "layout", "one") == json.loads(second.manifest_bytes)
    assert check_layout(tmp_path / "layout", "two") == json.loads(first.manifest_bytes)


def test_a_folder_with_something_else_is_refused(
    layer: Layer, store: BlobStore, tmp_path: Path
) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("years of work")
    (tmp_path / "file").touch()

    for name in ("thesis", "file"):
        with pytest.raises(InvalidInput):
            write_layout(build(layer, store), tmp_path / name, "1")

    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.tex"]


def test_a_layout_that_can_not_be_finished_leaves_no_folder(
    layer: Layer, store: BlobStore, tmp_path: Path
) -> None:
    image = build(layer, store)
    image.blob(layer.descriptor.digest).unlink()
    (tmp_path / "empty").mkdir()

    for name in ("new", "empty"):
        with pytest.raises(Exception, match="No such file"):
            write_layout(image, tmp_path / name, "1")

    assert not (tmp_path / "new").exists()
