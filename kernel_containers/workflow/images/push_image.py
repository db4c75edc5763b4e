"""From an image that the engine has to a registry."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_containers.core.reference import ToRegistry
from kernel_containers.engine import images
from kernel_containers.errors import InvalidInput
from kernel_containers.image.assemble import reassemble
from kernel_containers.image.base import import_base
from kernel_containers.image.store import BlobStore
from kernel_containers.image.upkeep import in_use, keep_within
from kernel_containers.workflow.runs.submit import no_image, schema_of

if TYPE_CHECKING:
    from kernel_containers.core.digest import Digest
    from kernel_containers.core.progress import Report
    from kernel_containers.core.reference import Destination, ImageReference
    from kernel_containers.engine import Engine
    from kernel_containers.workflow.registries import Registries
    from kernel_containers.workflow.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedImage:
    """An image that arrived. `reference` is how to run it; sizes are bytes, times seconds."""

    reference: str
    digest: Digest
    size: int
    sent: int
    seconds: float


def registry_destination(to: Destination) -> ImageReference:
    """Return the reference in a registry that a destination is.

    Raises:
        InvalidInput: it is the engine or a folder.
    """
    if not isinstance(to, ToRegistry):
        raise InvalidInput(f"{to} is in no registry.", todo="name HOST/REPOSITORY:TAG")
    return to.reference


def push_image(
    image: str,
    to: ImageReference,
    engine: Engine,
    registries: Registries,
    *,
    settings: Settings,
    report: Report,
) -> PushedImage:
    """Read an image of ours from the engine and push it; layers the registry has stay there.

    Raises:
        NotFound: the engine does not have it.
        InvalidInput: it was not made by this program.
        KernelContainersError: as from `import_base` and `registry.push.push`.
    """
    started = time.monotonic()
    name = image.removeprefix("docker:")
    found = images.inspect(engine, name)
    if found is None:
        raise no_image(name)
    schema_of(found.config, image)
    store = BlobStore(settings.store)
    with in_use(store):
        whole = reassemble(import_base(engine, str(found.id), store, report), store)
        pushed = registries.push(whole, to, report)
    keep_within(store, settings.cache_limit)
    return PushedImage(
        reference=f"{to.repository}@{whole.digest}",
        digest=whole.digest,
        size=sum(layer.descriptor.size for layer in whole.layers),
        sent=pushed.sent,
        seconds=time.monotonic() - started,
    )
