"""An image into the engine, sending only the layers that the engine lacks.

One archive serves both kinds of engines: `manifest.json` is what the classic store reads,
`oci-layout` and `index.json` what the containerd store prefers. The classic store accepts that
layers are missing as long as it has all layers below them as well, in the same order: measured
0.08 s instead of 7 to 30 s for 811 MB. The containerd store would keep a broken image where
unpacking fails, so it gets everything; what it has, it skips by digest.
"""

from __future__ import annotations

import itertools
import logging
import os
import secrets
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from kernel_containers.core.labels import CONTRACT, OCI_REF_NAME
from kernel_containers.core.oci import INDEX
from kernel_containers.core.oci_json import canonical, descriptor_to_json
from kernel_containers.core.owner import is_gone_token, owner_token
from kernel_containers.core.progress import Progress, Report
from kernel_containers.engine import images
from kernel_containers.errors import TryAgain, Unavailable
from kernel_containers.image import tar
from kernel_containers.image.layout import LAYOUT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kernel_containers.core.digest import Digest
    from kernel_containers.core.oci import BuiltImage
    from kernel_containers.core.reference import ImageReference
    from kernel_containers.engine import Engine

logger = logging.getLogger(__name__)
_READ_AT_ONCE = 1024**2  # bytes
LOADING = "kernel-containers/loading"  # the names of images on their way
_CONTAINERD = "io.containerd.snapshotter.v1"


def load(engine: Engine, image: BuiltImage, reference: ImageReference, report: Report) -> Digest:
    """Make `image` known to the engine as `reference`, and return its id there.

    An image that had the name is removed if nothing else names or uses it.

    Raises:
        Unavailable: the engine refused the image or broke off.
        TryAgain: a layer is no longer in the store.
    """
    remove_abandoned(engine)
    before = images.inspect(engine, str(reference))
    with _present(engine, image, report) as image_id:
        images.tag(engine, str(image_id), reference)
    if before and before.id != image_id:
        _remove_unnamed(engine, before.id)
    return image_id


def abandoned(engine: Engine) -> list[str]:
    """Return the names that processes of this machine gave to images, and ended meanwhile.

    Raises:
        Unavailable: the engine does not answer.
    """
    found = images.names(engine, LOADING)
    return [name for name in found if is_gone_token(name.partition(":")[2].rpartition("-")[0])]


def replaced(engine: Engine) -> list[str]:
    """Return the ids of our images that others have replaced while containers used them.

    Raises:
        Unavailable: the engine does not answer.
    """
    return images.unused(engine, CONTRACT)


def remove_abandoned(engine: Engine) -> list[str]:
    """Remove what `abandoned` returns; images that have another name or are used stay.

    Raises:
        Unavailable: the engine does not answer.
    """
    return [name for name in abandoned(engine) if images.remove(engine, name)]


def _remove_unnamed(engine: Engine, image_id: Digest) -> None:
    found = images.inspect(engine, str(image_id))
    if found and not found.names and not found.repository_digests:
        images.remove(engine, str(image_id))


@contextmanager
def _present(engine: Engine, image: BuiltImage, report: Report) -> Iterator[Digest]:
    """Bring the image into the engine; without another name it is gone afterwards."""
    for digest in (image.manifest.config.digest, image.digest):
        if found := images.inspect(engine, str(digest)):
            yield found.id
            return
    # A name of its own, so that a refused or broken image never gets the real one.
    name = f"{LOADING}:{owner_token()}-{secrets.token_hex(8)}"
    try:
        yield _bring(engine, image, name, report)
    finally:
        images.remove(engine, name)


def _bring(engine: Engine, image: BuiltImage, name: str, report: Report) -> Digest:
    known = 0 if _has_containerd_store(engine) else _known_layers(engine, image)
    if known:
        try:
            return _send(engine, image, known, name, report)
        except Unavailable as error:
            # Somebody removed an image meanwhile, or this engine wants whole archives.
            logger.info("the engine refused an archive without the layers it has: %s", error)
    return _send(engine, image, 0, name, report)


def _has_containerd_store(engine: Engine) -> bool:
    status = engine.info().get("DriverStatus") or []
    return any(_CONTAINERD in str(pair) for pair in status)


def _known_layers(engine: Engine, image: BuiltImage) -> int:
    """Return how many layers, from the lowest, one of the engine's images begins with."""
    own = image.config.diff_ids
    return max((_common(own, other) for other in images.diff_id_chains(engine)), default=0)


def _common(one: Sequence[Digest], other: Sequence[Digest]) -> int:
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _send(engine: Engine, image: BuiltImage, known: int, name: str, report: Report) -> Digest:
    images.load(engine, archive(image, name, report, known=known))
    found = images.inspect(engine, name)
    if found is None:
        raise Unavailable(
            "The engine took the image and does not have it.", todo="look at the engine's log"
        )
    return found.id


def archive(image: BuiltImage, name: str, report: Report, *, known: int = 0) -> Iterator[bytes]:
    """Yield what `docker load` reads, without the `known` lowest layers.

    Raises:
        TryAgain: a layer is no longer in the store.
    """
    layers = {layer.descriptor.digest: layer.descriptor.size for layer in image.layers[known:]}
    total, done = sum(layers.values()), 0
    for path, data in _documents(image, name).items():
        yield _member(path, len(data)) + data + tar.padding(len(data))
    for digest, size in layers.items():
        yield _member(_path(digest), size)
        for chunk in _blob(image, digest, size):
            yield chunk
            done += len(chunk)
            report(Progress(stage="load", done=done, total=total, unit="bytes"))
        yield tar.padding(size)
    yield tar.END


def _documents(image: BuiltImage, name: str) -> dict[str, bytes]:
    config = image.manifest.config.digest
    annotations = {
        "io.containerd.image.name": f"docker.io/{name}",
        OCI_REF_NAME: name.rpartition(":")[2],
    }
    manifest = descriptor_to_json(replace(image.descriptor, annotations=annotations))
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest]}
    classic = {
        "Config": _path(config),
        "RepoTags": [name],
        "Layers": [_path(layer.descriptor.digest) for layer in image.layers],
    }
    return {
        "oci-layout": LAYOUT,
        "index.json": canonical(index),
        "manifest.json": canonical([classic]),
        _path(config): image.config_bytes,
        _path(image.digest): image.manifest_bytes,
    }


def _path(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.hex}"


def _member(path: str, size: int) -> bytes:
    return tar.header(path.encode(), kind=b"0", mode=0o644, size=size)


def _blob(image: BuiltImage, digest: Digest, size: int) -> Iterator[bytes]:
    try:
        with image.blob(digest).open("rb") as file:
            found = os.fstat(file.fileno()).st_size
            while found == size and (chunk := file.read(_READ_AT_ONCE)):
                yield chunk
    except FileNotFoundError:
        found = -1
    if found != size:
        raise TryAgain(
            f"The layer {digest.short} is no longer in the store.",
            why="it was removed to save space, or damaged",
            todo="containerize again: it is built anew",
        )
