"""A base image's layers into the store: from its registry, where they can be had there.

They are the bytes that other images share: where both are on one host, they are mounted and not
sent. What `docker save` hands out is compressed anew, under digests that nobody has.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from kernel_containers.core.oci import Platform
from kernel_containers.core.reference import Destination, ImageReference, Repository, ToRegistry
from kernel_containers.engine import images
from kernel_containers.engine.client import engine_errors
from kernel_containers.errors import InvalidInput, NotFound, Refused, TryAgain, Unavailable
from kernel_containers.image.base import import_base, keep_pulled, recall_pulled
from kernel_containers.image.load import load
from kernel_containers.image.store import BlobStore
from kernel_containers.image.upkeep import in_use
from kernel_containers.registry.docker_config import HUB
from kernel_containers.workflow.registries import Registries

if TYPE_CHECKING:
    from kernel_containers.core.progress import Report
    from kernel_containers.engine import Engine
    from kernel_containers.engine.images import EngineImage
    from kernel_containers.image.base import BaseImage
    from kernel_containers.workflow.settings import Settings

logger = logging.getLogger(__name__)
_NOT_TO_BE_HAD = (NotFound, InvalidInput, Refused, TryAgain, Unavailable)


def bring_base(
    engine: Engine, reference: ImageReference, settings: Settings, report: Report
) -> None:
    """Give the engine an image that it lacks, by way of the store, which keeps the layers.

    Where that does not work, the engine pulls it; so it does what is named by a digest, which
    only its own pulls make known to it.

    Raises:
        NotFound, Unauthorized, Unavailable: as from `engine.images.pull`.
        CannotWrite: the store's disk is full.
    """
    try:
        if reference.digest is None:
            _pull_and_load(engine, reference, settings, report)
            return
    except _NOT_TO_BE_HAD as error:
        logger.info("the engine pulls %s itself: %s", reference, error)
    images.pull(engine, reference, report)


def _pull_and_load(
    engine: Engine, reference: ImageReference, settings: Settings, report: Report
) -> None:
    store = BlobStore(settings.store)
    with engine_errors("The engine did not say what it runs on."):
        told = engine.api.version()
    platform = Platform(told.get("Os") or "linux", told.get("Arch") or "amd64")
    with in_use(store):
        with Registries(settings) as registries:
            pulled = registries.pull(_with_host(reference), store, report, platform)
        keep_pulled(str(reference), pulled.digest, pulled, store)
        load(engine, pulled, reference, report)


def _with_host(reference: ImageReference) -> ImageReference:
    """Return a name as registries have it; without a host Docker Hub is meant."""
    if reference.repository.host:
        return reference
    path = reference.repository.path
    path = path if "/" in path else f"library/{path}"
    return replace(reference, repository=Repository(HUB, path))


def fetch_base(
    engine: Engine, image: str, to: Destination, settings: Settings, report: Report
) -> BaseImage:
    """Return an image of the engine with all its layers in the store.

    Where the result goes to a registry and the engine has the image from one, they come from
    there, by the digest that the engine has it under; from the engine where they can't be had.

    Raises:
        NotFound, Unavailable, CannotWrite: as from `image.base.import_base`.
    """
    found = images.inspect(engine, image) if isinstance(to, ToRegistry) else None
    pinned = _pinned(found, image) if found else None
    if found and pinned:
        try:
            return _from_registry(pinned, image, found.config.platform, settings, report)
        except _NOT_TO_BE_HAD as error:
            logger.info("the engine's copy is taken, as %s can't be had: %s", pinned, error)
    return import_base(engine, image, BlobStore(settings.store), report)


def _pinned(found: EngineImage, image: str) -> ImageReference | None:
    """Return the digest under which the engine has an image from the registry in its name."""
    named = ImageReference.parse(image).repository
    for text in found.repository_digests if named.host else ():
        reference = ImageReference.parse(text)
        if reference.repository == named:
            return reference
    return None


def _from_registry(
    pinned: ImageReference, image: str, platform: Platform, settings: Settings, report: Report
) -> BaseImage:
    store = BlobStore(settings.store)
    assert pinned.digest is not None  # noqa: S101 - `_pinned` took it from one
    with in_use(store):
        known = recall_pulled(image, pinned.digest, store)
        if known:
            return known
        with Registries(settings) as registries:
            pulled = registries.pull(pinned, store, report, platform)
        return keep_pulled(image, pinned.digest, pulled, store)
