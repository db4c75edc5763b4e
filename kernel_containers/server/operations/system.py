"""The server itself: health, doctor, space."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from kernel_containers._version import __version__
from kernel_containers.engine import connect
from kernel_containers.errors import (
    KernelContainersError,
    Refused,
    Unavailable,
    error_as_json,
)
from kernel_containers.server.services import Answer, Call
from kernel_containers.workflow.clean import clean
from kernel_containers.workflow.doctor import diagnose
from kernel_containers.workflow.images.own_images import list_images

if TYPE_CHECKING:
    from kernel_containers.workflow.settings import Settings


ENGINE_WAIT = 3.0  # seconds for the engine to show that it is there


def health(call: Call) -> Answer:
    """What is there, and whether the engine is."""
    services = call.services
    return Answer(
        200,
        {
            "version": __version__,
            "root_dir": str(services.places.root),
            "user": call.user,
            "results": services.results,
            "gallery": services.gallery,
            "at_once": services.jobs.at_once,
            "engine": _engine_problem(services.settings),
        },
    )


def _engine_problem(settings: Settings) -> dict[str, Any] | None:
    try:
        connect(settings.environ, timeout=ENGINE_WAIT).close()
    except KernelContainersError as error:
        return error_as_json(error)
    return None


def doctor(call: Call) -> Answer:
    """All that this machine needs, each with advice."""
    host = call.query["registry"]
    checks = diagnose(call.services.settings, (host,) if host else ())
    return Answer(200, {"checks": [asdict(check) for check in checks]})


def get_space(call: Call) -> Answer:
    """What would go."""
    return Answer(200, _clean(call, cache=True, dry_run=True))


def free_space(call: Call) -> Answer:
    """Let it go."""
    return Answer(200, _clean(call, cache=call.query["cache"], dry_run=False))


def _clean(call: Call, *, cache: bool, dry_run: bool) -> dict[str, Any]:
    settings = call.services.settings
    try:
        engine = connect(settings.environ)
    except (Refused, Unavailable):
        engine = None  # a full disk may be why it does not answer
    try:
        cleaned = clean(engine, settings, cache=cache, dry_run=dry_run)
        images = sum(image.size for image in list_images(engine)) if engine else 0
    finally:
        if engine:
            engine.close()
    return {
        "containers": list(cleaned.containers),
        "cache": cleaned.cache,
        "jobs": call.services.jobs.store.size(),
        "images": images,
    }
