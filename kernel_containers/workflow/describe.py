"""An image's parameters, from the engine or from its registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kernel_containers.core import labels
from kernel_containers.core.oci_json import read_object
from kernel_containers.core.reference import ImageReference
from kernel_containers.engine import connect, images
from kernel_containers.errors import InvalidInput, KernelContainersError, NotFound
from kernel_containers.workflow.registries import Registries
from kernel_containers.workflow.submit import schema_of

if TYPE_CHECKING:
    from kernel_containers.workflow.settings import Settings


def describe(text: str, settings: Settings) -> dict[str, Any]:
    """Return the JSON Schema of an image's parameters without pulling its layers.

    Raises:
        NotFound: neither the engine nor the registry has the image.
        InvalidInput: the image was not made by this program.
    """
    try:
        engine = connect()
        found = images.inspect(engine, text)
    except KernelContainersError:
        # A registry can answer without an engine; without a registry the engine's error counts.
        if not ImageReference.parse(text).repository.host:
            raise
        found = None
    if found:
        return schema_of(found, text)
    reference = ImageReference.parse(text)
    if not reference.repository.host:
        raise NotFound(f"The engine has no image {text!r}.")
    config = Registries(settings).config(reference)
    schema = config.labels.get(labels.PARAMETERS)
    if labels.CONTRACT not in config.labels or schema is None:
        raise InvalidInput(f"{text} was not made by kernel-containers.")
    return read_object(schema, f"the label {labels.PARAMETERS} of {text}")
