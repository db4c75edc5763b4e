"""An image's parameters, from the engine or from its registry."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from kernel_containers.core.reference import ImageReference
from kernel_containers.engine import connect, images
from kernel_containers.errors import KernelContainersError
from kernel_containers.workflow.registries import Registries
from kernel_containers.workflow.submit import no_image, schema_of

if TYPE_CHECKING:
    from kernel_containers.workflow.settings import Settings


def describe(text: str, settings: Settings) -> dict[str, Any]:
    """Return the JSON Schema of an image's parameters without pulling its layers.

    Raises:
        NotFound: neither the engine nor the registry has the image.
        InvalidInput: the image was not made by this program.
    """
    text = text.removeprefix("docker:")  # as `containerize --to` has it
    reference = ImageReference.parse(text)
    try:
        with closing(connect()) as engine:
            found = images.inspect(engine, text)
    except KernelContainersError:
        # A registry can answer without an engine; without a registry the engine's error counts.
        if not reference.repository.host:
            raise
        found = None
    if found:
        return schema_of(found.config, text)
    if not reference.repository.host:
        raise no_image(text)
    return schema_of(Registries(settings).config(reference), text)
