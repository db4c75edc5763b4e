"""A base image's layers into the store: from its registry where they are to end in one.

There they are the bytes that other images share: where both are on one host, they are mounted
and not sent. What `docker save` hands out is compressed anew, under digests that nobody has.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from kernel_containers.core.reference import Destination, ImageReference, ToRegistry
from kernel_containers.engine import images
from kernel_containers.errors import InvalidInput, NotFound, Refused, TryAgain, Unavailable
from kernel_containers.image.base import import_base, keep_pulled, recall_pulled
from kernel_containers.image.store import BlobStore
from kernel_containers.image.upkeep import in_use
from kernel_containers.workflow.registries import Registries

if TYPE_CHECKING:
    from kernel_containers.core.progress import Report
    from kernel_containers.engine import Engine
    from kernel_containers.image.base import BaseImage
    from kernel_containers.workflow.settings import Settings

logger = logging.getLogger(__name__)


def fetch_base(
    engine: Engine, image: str, to: Destination, settings: Settings, report: Report
) -> BaseImage:
    """Return an image of the engine with all its layers in the store.

    Where the result goes to a registry and the engine has the image from one, they come from
    there, by the digest that the engine has it under; from the engine where they can't be had.

    Raises:
        NotFound, Unavailable, CannotWrite: as from `image.base.import_base`.
    """
    pinned = _pinned(engine, image) if isinstance(to, ToRegistry) else None
    if pinned:
        try:
            return _from_registry(pinned, image, settings, report)
        except (NotFound, InvalidInput, Refused, TryAgain, Unavailable) as error:
            logger.info("the engine's copy is taken, as %s can't be had: %s", pinned, error)
    return import_base(engine, image, BlobStore(settings.store), report)


def _pinned(engine: Engine, image: str) -> ImageReference | None:
    """Return the digest under which the engine has an image from the registry in its name."""
    named = ImageReference.parse(image).repository
    found = images.inspect(engine, image) if named.host else None
    for text in found.repository_digests if found else ():
        reference = ImageReference.parse(text)
        if reference.repository == named:
            return reference
    return None


def _from_registry(
    pinned: ImageReference, image: str, settings: Settings, report: Report
) -> BaseImage:
    store = BlobStore(settings.store)
    assert pinned.digest is not None  # noqa: S101 - `_pinned` took it from one
    with in_use(store):
        known = recall_pulled(image, pinned.digest, store)
        if known:
            return known
        with Registries(settings) as registries:
            pulled = registries.pull(pinned, store, report)
        return keep_pulled(image, pinned.digest, pulled, store)
