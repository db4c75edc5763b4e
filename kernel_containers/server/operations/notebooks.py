"""Notebooks: what their text tells, and what an image of one would hold."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from kernel_containers.core.declarations import declaration_from_json
from kernel_containers.core.reference import ToEngine, ToRegistry
from kernel_containers.engine import connect, images
from kernel_containers.server.services import Answer, Call
from kernel_containers.workflow.images.plan import ContainerizeRequest, make_plan
from kernel_containers.workflow.inspect import inspect
from kernel_containers.workflow.jobs.estimate import estimated_plan
from kernel_containers.workflow.kernels.current_values import with_current
from kernel_containers.workflow.registries import Registries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.server.places import Places


def inspect_notebook(call: Call) -> Answer:
    """Read the notebook, or take what is in the editor; a running kernel adds its values."""
    path = call.services.places.file(call.body["path"])
    found = inspect(path, call.body.get("content"))
    if "kernel_id" in call.body:
        found = with_current(found, call.services.kernels.get(call.body["kernel_id"]))
    return Answer(200, {"path": call.body["path"], **found})


def plan(call: Call) -> Answer:
    """Plan, and build nothing."""
    settings = call.services.settings
    request = image_request(call.body, call.services.places)
    with closing(connect(settings.environ)) as engine:
        made = make_plan(request, engine, settings, call.report)
    return Answer(200, estimated_plan(made, request, settings))


def destination(call: Call) -> Answer:
    """Look what stands there now."""
    to = call.services.places.destination(call.query["to"])
    answer: dict[str, Any] = {"reference": str(to), "repository_exists": None, "tag_digest": None}
    if isinstance(to, ToRegistry):
        target = Registries(call.services.settings).look(to.reference)
        digest = str(target.tag_digest) if target.tag_digest else None
        exists = target.repository_exists
        answer |= {"kind": "registry", "repository_exists": exists, "tag_digest": digest}
    elif isinstance(to, ToEngine):
        with closing(connect(call.services.settings.environ)) as engine:
            found = images.inspect(engine, str(to.reference))
        answer |= {"kind": "engine", "tag_digest": str(found.id) if found else None}
    else:
        answer["kind"] = "layout"
    return Answer(200, answer)


def image_request(body: Mapping[str, Any], places: Places) -> ContainerizeRequest:
    """Return the request in a body; its files are below the root folder.

    Raises:
        Refused, InvalidInput: a file elsewhere, or no destination.
    """
    parameters, secrets = body.get("parameters"), body.get("secrets", ())
    return ContainerizeRequest(
        notebook=places.file(body["notebook"]),
        title=body.get("title"),
        description=body.get("description"),
        kernel=body.get("kernel"),
        destination=places.destination(body["to"]) if "to" in body else None,
        parameters=None if parameters is None else tuple(parameters),
        secrets=tuple(secrets),
        declarations=tuple(
            # A secret's default is refused here, before the request is kept as a job's.
            declaration_from_json(name, {"secret": True, **item} if name in secrets else item)
            for name, item in body.get("declarations", {}).items()
        ),
        includes=tuple(places.file(name) for name in body.get("includes", ())),
        excludes=tuple(places.file(name) for name in body.get("excludes", ())),
        base=body.get("base"),
        kernel_id=body.get("kernel_id"),
        compression=body.get("compression", "gzip"),
    )
