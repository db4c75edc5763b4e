"""Images of ours in the engine, and anybody's parameters."""

from __future__ import annotations

from contextlib import closing

from kernel_containers.engine import connect
from kernel_containers.server.services import Answer, Call, page
from kernel_containers.workflow.images.describe import describe
from kernel_containers.workflow.images.own_images import image_as_json, list_images, remove_image


def list_own(call: Call) -> Answer:
    """List one page."""
    with closing(connect(call.services.settings.environ)) as engine:
        found = [image_as_json(image) for image in list_images(engine)]
    return Answer(200, page(found, "images", call, lambda image: str(image["id"])))


def remove(call: Call) -> Answer:
    """Remove one with its names."""
    with closing(connect(call.services.settings.environ)) as engine:
        remove_image(engine, call.path["id"])
    return Answer(204)


def describe_image(call: Call) -> Answer:
    """Show an image's parameters."""
    reference = call.query["reference"]
    schema = describe(reference, call.services.settings)
    return Answer(200, {"reference": reference, "parameters": schema})
