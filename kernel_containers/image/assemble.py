"""Base and layers to an image: its config and its manifest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kernel_containers.core.labels import LAYER
from kernel_containers.core.oci import CONFIG, BuiltImage, Descriptor, Manifest
from kernel_containers.core.oci_json import canonical, config_to_json, manifest_to_json
from kernel_containers.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kernel_containers.core.oci import ImageConfig, Layer
    from kernel_containers.image.base import BaseImage
    from kernel_containers.image.store import BlobStore

MOST_LAYERS = 125  # what Docker can stack; ECR takes 127
LARGEST_MANIFEST = 4_000_000  # bytes; ECR takes 4,194,304, docker-registry 2.8 a little less


def assemble(
    base: BaseImage,
    layers: Sequence[Layer],
    *,
    user: str,
    environment: Sequence[tuple[str, str]],
    working_directory: str,
    entrypoint: Sequence[str],
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    created: str,
    store: BlobStore,
) -> BuiltImage:
    """Return the image of `layers` on `base`, whose config and manifest are then in the store.

    `environment` and `labels` go over those of the base. The base's command is dropped: it
    would become arguments of the entrypoint. The same arguments give the same digests.

    Raises:
        InvalidInput: more than 125 layers, or labels and annotations that no registry takes.
        CannotWrite: the store's disk is full.
    """
    stack = (*base.layers, *layers)
    if len(stack) > MOST_LAYERS:
        raise InvalidInput(
            f"The image would have {len(stack)} layers.",
            why=f"Docker can stack {MOST_LAYERS}",
            todo="choose a base image with fewer layers",
        )
    config = replace(
        base.config,
        diff_ids=tuple(layer.diff_id for layer in stack),
        history=(*base.config.history, *(_history(layer, created) for layer in layers)),
        created=created or None,
        user=user,
        environment=_merged(base.config.environment, environment),
        entrypoint=tuple(entrypoint),
        command=(),
        working_directory=working_directory,
        labels={**base.config.labels, **labels},
    )
    return _described(config, stack, annotations, store)


def reassemble(image: BaseImage, store: BlobStore) -> BuiltImage:
    """Return an imported image itself, with its labels as the manifest's annotations."""
    return _described(image.config, image.layers, image.config.labels, store)


def _described(
    config: ImageConfig,
    layers: Sequence[Layer],
    annotations: Mapping[str, str],
    store: BlobStore,
) -> BuiltImage:
    config_bytes = canonical(config_to_json(config))
    manifest = Manifest(
        config=Descriptor(
            media_type=CONFIG, digest=store.put(config_bytes), size=len(config_bytes)
        ),
        layers=tuple(layer.descriptor for layer in layers),
        annotations=dict(annotations),
    )
    manifest_bytes = canonical(manifest_to_json(manifest))
    if max(len(config_bytes), len(manifest_bytes)) > LARGEST_MANIFEST:
        raise InvalidInput(
            "The image's description is too large for registries.",
            why=f"labels and annotations have more than {LARGEST_MANIFEST / 1e6:.0f} MB",
            todo="shorten the parameters' descriptions and defaults",
        )
    store.put(manifest_bytes)
    return BuiltImage(
        manifest=manifest,
        manifest_bytes=manifest_bytes,
        config=config,
        config_bytes=config_bytes,
        layers=tuple(layers),
        blobs=store.blobs,
    )


def _history(layer: Layer, created: str) -> dict[str, str]:
    entry = {"created_by": "kernel-containers"}
    if created:
        entry["created"] = created
    if name := layer.descriptor.annotations.get(LAYER):
        entry["comment"] = name
    return entry


def _merged(base: Sequence[str], own: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    variables = dict(item.partition("=")[::2] for item in base)
    variables.update(own)
    return tuple(f"{name}={value}" for name, value in variables.items())
