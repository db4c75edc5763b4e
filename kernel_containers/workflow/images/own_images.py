"""Images of ours that the engine has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kernel_containers.core import labels
from kernel_containers.engine import images
from kernel_containers.errors import InvalidInput, NotFound, Refused
from kernel_containers.workflow.runs.submit import schema_of

if TYPE_CHECKING:
    from kernel_containers.engine import Engine
    from kernel_containers.engine.images import EngineImage


def list_images(engine: Engine) -> list[EngineImage]:
    """Return our images, newest first.

    Raises:
        Unavailable: the engine does not answer.
    """
    found = images.find(engine, labels.CONTRACT)
    return sorted(found, key=lambda image: (image.config.created or "", image.id.hex), reverse=True)


def image_as_json(image: EngineImage) -> dict[str, Any]:
    """Return the image as the API has it."""
    described = image.config.labels
    try:
        parameters = schema_of(image.config, str(image.id))
    except InvalidInput:  # of a later release, or made by hand
        parameters = {}
    return {
        "id": str(image.id),
        "names": list(image.names),
        "digests": list(image.repository_digests),
        "title": described.get(labels.OCI_TITLE, ""),
        "description": described.get(labels.OCI_DESCRIPTION, ""),
        "notebook": described.get(labels.NOTEBOOK, ""),
        "kernel": described.get(labels.KERNEL, ""),
        "created": image.config.created,
        "size": image.size,
        "base": described.get(labels.OCI_BASE_NAME, ""),
        "parameters": parameters,
    }


def remove_image(engine: Engine, image_id: str) -> None:
    """Remove an image of ours with all its names.

    Raises:
        NotFound: the engine does not have it.
        Refused: it is not ours.
        TryAgain: a container uses it.
    """
    found = images.inspect(engine, image_id)
    if found is None:
        raise NotFound(f"The engine has no image {image_id}.")
    if labels.CONTRACT not in found.config.labels:
        raise Refused(
            f"{image_id} was not made by kernel-containers.",
            todo="remove it with `docker image rm`",
        )
    images.remove_whole(engine, found)
