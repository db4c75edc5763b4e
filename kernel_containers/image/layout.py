"""An image as a folder: the OCI image layout, which skopeo, podman, crane and others read."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kernel_containers.core.labels import LAYER, OCI_REF_NAME
from kernel_containers.core.oci import INDEX
from kernel_containers.core.oci_json import (
    canonical,
    config_from_json,
    descriptor_from_json,
    descriptor_to_json,
    manifest_from_json,
    read_object,
)
from kernel_containers.errors import InvalidInput, NotFound
from kernel_containers.image.disk import check_space, writing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel_containers.core.digest import Digest
    from kernel_containers.core.oci import BuiltImage, ImageConfig, Manifest

LAYOUT = canonical({"imageLayoutVersion": "1.0.0"})


def write_layout(image: BuiltImage, folder: Path, tag: str) -> None:
    """Write a whole image to `folder`, which is missing, empty or already an image layout.

    Other images in the layout stay; an image that had `tag` loses it, but not its blobs. A
    reader sees the layout as before or as after. Two writers take turns.

    Raises:
        InvalidInput: the folder holds something else.
        CannotWrite: the disk is full or the folder is not writable.
    """
    _refuse_others(folder)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with writing(folder), _turn(folder), _nothing_half_done(folder):
        missing = [item for item in _blobs(image) if not _is_there(folder, *item)]
        check_space(folder, sum(size for _, size in missing))
        for digest, _ in missing:
            _copy(image.blob(digest), _blob(folder, digest))
        _replace(folder / "oci-layout", LAYOUT)
        _replace(folder / "index.json", canonical(_index(image, folder, tag)))


def layout_layer(folder: Path, name: str) -> Path | None:
    """Return the blob of the layer that carries `name` as our label, in a layout's last image.

    Raises:
        NotFound: the folder is no image layout, or has no image.
        InvalidInput: it is damaged.
    """
    with _whole(folder):
        for layer in _last_manifest(folder).layers:
            if layer.annotations.get(LAYER) == name:
                return _blob(folder, layer.digest)
    return None


def layout_config(folder: Path) -> ImageConfig:
    """Return the config of a layout's last image.

    Raises:
        NotFound: the folder is no image layout, or has no image.
        InvalidInput: it is damaged.
    """
    with _whole(folder):
        path = _blob(folder, _last_manifest(folder).config.digest)
        return config_from_json(read_object(path.read_bytes(), str(folder)))


def _last_manifest(folder: Path) -> Manifest:
    index = read_object((folder / "index.json").read_bytes(), str(folder))
    found = descriptor_from_json(index["manifests"][-1])
    document = read_object(_blob(folder, found.digest).read_bytes(), str(folder))
    return manifest_from_json(document, found.media_type)


@contextmanager
def _whole(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, KeyError, IndexError) as error:
        raise NotFound(
            f"{folder} has no image in the OCI layout.",
            why=repr(error),
            todo="name a folder that `containerize --to oci:FOLDER` wrote",
        ) from error


def _refuse_others(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"{folder} is not a folder.")
    if not folder.exists() or (folder / "oci-layout").exists():
        return
    # A writer that was stopped leaves blobs only.
    if any(item.name != "blobs" for item in folder.iterdir()):
        raise InvalidInput(
            f"{folder} is neither empty nor an OCI image layout.",
            todo="give a folder that does not exist yet",
        )


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


@contextmanager
def _nothing_half_done(folder: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        if not (folder / "index.json").exists():
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _blobs(image: BuiltImage) -> list[tuple[Digest, int]]:
    descriptors = (*image.manifest.layers, image.manifest.config, image.descriptor)
    return list({item.digest: item.size for item in descriptors}.items())


def _blob(folder: Path, digest: Digest) -> Path:
    return folder / "blobs" / digest.algorithm / digest.hex


def _is_there(folder: Path, digest: Digest, size: int) -> bool:
    path = _blob(folder, digest)
    return path.is_file() and path.stat().st_size == size


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f".{secrets.token_hex(8)}"
    try:
        # Not a hard link: who changes the layout must not change the store.
        shutil.copyfile(source, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{secrets.token_hex(8)}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _index(image: BuiltImage, folder: Path, tag: str) -> dict[str, Any]:
    path = folder / "index.json"
    found = read_object(path.read_bytes(), str(path)) if path.exists() else {}
    others = [item for item in found.get("manifests", ()) if _tag_of(item) != tag]
    own = replace(image.descriptor, annotations={OCI_REF_NAME: tag})
    manifests = [*others, descriptor_to_json(own)]
    return {**found, "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}


def _tag_of(item: dict[str, Any]) -> str | None:
    annotations: dict[str, str] = item.get("annotations") or {}
    return annotations.get(OCI_REF_NAME)
