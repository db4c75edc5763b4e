"""An image out of a registry, every byte checked against its digest."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any

from kernel_containers.core import oci
from kernel_containers.core.digest import Digest
from kernel_containers.core.labels import LAYER
from kernel_containers.core.oci import BuiltImage, Descriptor, Layer, Platform
from kernel_containers.core.oci_json import (
    config_from_json,
    descriptor_from_json,
    manifest_from_json,
    read_object,
)
from kernel_containers.core.progress import silent
from kernel_containers.core.scratch import scratch
from kernel_containers.errors import InvalidInput, NotFound, Unavailable
from kernel_containers.registry.download import blob_path, fetch_blob
from kernel_containers.registry.meter import Meter
from kernel_containers.registry.repository import RepositoryClient
from kernel_containers.registry.stop import Stop
from kernel_containers.registry.threads import in_threads

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.core.oci import ImageConfig, Manifest
    from kernel_containers.core.progress import Report
    from kernel_containers.core.reference import ImageReference
    from kernel_containers.registry.client import Registry

STAGE = "pull"
INDEXES = frozenset({oci.INDEX, oci.DOCKER_INDEX})
IMAGES = frozenset({oci.MANIFEST, oci.DOCKER_MANIFEST})


def pull(
    reference: ImageReference,
    registry: Registry,
    blobs: Path,
    report: Report = silent,
    *,
    platform: Platform | None = None,
) -> BuiltImage:
    """Return the image that `reference` names, with its config and layers below `blobs`.

    They lie there as `sha256/<hex>`; those that do already are not fetched. Of an index the image
    for `platform` (this program's default: linux/amd64) is taken.

    Raises:
        NotFound: no such image, or none for the platform.
        InvalidInput: it is not an image, or not in a format that is younger than 2016.
        CannotWrite: the disk is full or read-only.
        Unauthorized, TryAgain, Unavailable: the registry does not give it.
    """
    stop = Stop()
    client = RepositoryClient(registry, reference.repository.path, stop=stop)
    manifest, manifest_bytes = _image(client, reference, platform or Platform())
    wanted = {each.digest: each for each in (manifest.config, *manifest.layers)}
    meter = Meter(STAGE, report, wanted.values(), registry.settings.report_interval)
    in_threads(
        [partial(fetch_blob, client, meter, blobs, blob) for blob in wanted.values()],
        threads=registry.settings.concurrency,
        stop=stop,
        shut=registry.transport.shut,
    )
    config_bytes = blob_path(blobs, manifest.config.digest).read_bytes()
    config = config_from_json(_object(config_bytes, reference))
    if len(config.diff_ids) != len(manifest.layers):
        raise InvalidInput(f"The config of {reference} does not belong to its layers.")
    return BuiltImage(
        manifest=manifest,
        manifest_bytes=manifest_bytes,
        config=config,
        config_bytes=config_bytes,
        layers=tuple(map(Layer, manifest.layers, config.diff_ids)),
        blobs=blobs,
    )


def pull_config(reference: ImageReference, registry: Registry) -> ImageConfig:
    """Return the config of the image that `reference` names, without its layers.

    Raises:
        NotFound, InvalidInput, CannotWrite, Unauthorized, TryAgain, Unavailable: as from `pull`.
    """
    client = RepositoryClient(registry, reference.repository.path, stop=Stop())
    manifest, _ = _image(client, reference, Platform())
    config = manifest.config
    with scratch() as folder:
        fetch_blob(client, Meter(STAGE, silent, [config], 0.0), folder, config)
        return config_from_json(_object(blob_path(folder, config.digest).read_bytes(), reference))


def pull_layer(
    reference: ImageReference, registry: Registry, name: str, blobs: Path
) -> Path | None:
    """Return the blob of the layer that carries `name` as our label, None where there is none.

    Raises:
        NotFound, InvalidInput, CannotWrite, Unauthorized, TryAgain, Unavailable: as from `pull`.
    """
    client = RepositoryClient(registry, reference.repository.path, stop=Stop())
    manifest, _ = _image(client, reference, Platform())
    for layer in manifest.layers:
        if layer.annotations.get(LAYER) == name:
            fetch_blob(client, Meter(STAGE, silent, [layer], 0.0), blobs, layer)
            return blob_path(blobs, layer.digest)
    return None


def _image(
    client: RepositoryClient, reference: ImageReference, platform: Platform
) -> tuple[Manifest, bytes]:
    manifest_bytes, media_type = _manifest(client, reference.target, reference.digest)
    if media_type in INDEXES:
        chosen = _choose(reference, manifest_bytes, platform)
        manifest_bytes, media_type = _manifest(client, str(chosen.digest), chosen.digest)
    if media_type not in IMAGES:
        raise InvalidInput(
            f"{reference} is not a container image.", why=f"its type is {media_type or 'unknown'}"
        )
    return manifest_from_json(_object(manifest_bytes, reference), media_type), manifest_bytes


def _manifest(client: RepositoryClient, target: str, digest: Digest | None) -> tuple[bytes, str]:
    answer = client.manifest(target)
    expected = digest or answer.digest
    if expected and _digest(expected.algorithm, answer.body) != expected:
        raise Unavailable(
            f"{client.registry.host} sent another manifest of {client.path} than {expected}.",
            todo="pull again; a proxy may have changed or cut it",
        )
    header = answer.headers.get("Content-Type", "").partition(";")[0].strip()
    named = _object(answer.body, target).get("mediaType")
    return answer.body, str(named or header)


def _choose(reference: ImageReference, index: bytes, platform: Platform) -> Descriptor:
    listed = _object(index, reference).get("manifests")
    found = [descriptor_from_json(each) for each in listed or []]
    for each in found:
        # Attestations stand beside images as platform unknown/unknown.
        if each.platform and _suits(each.platform, platform):
            return each
    offered = ", ".join(sorted({str(each.platform) for each in found if each.platform}))
    raise NotFound(f"{reference} has no image for {platform}.", why=f"it has {offered or 'none'}")


def _suits(offered: Platform, wanted: Platform) -> bool:
    same = (offered.os, offered.architecture) == (wanted.os, wanted.architecture)
    return same and (wanted.variant is None or offered.variant == wanted.variant)


def _digest(algorithm: str, data: bytes) -> Digest:
    return Digest(algorithm, hashlib.new(algorithm, data).hexdigest())


def _object(data: bytes, of: object) -> dict[str, Any]:
    return read_object(data, f"What the registry sent for {of}")
