"""Registries and their repositories. No credential is in any answer."""

from __future__ import annotations

from typing import Any

from kernel_containers.core.reference import ImageReference
from kernel_containers.errors import (
    InvalidInput,
    KernelContainersError,
    TryAgain,
    Unauthorized,
    Unavailable,
)
from kernel_containers.server.services import Answer, Call, page
from kernel_containers.workflow.registries import Registries


def list_registries(call: Call) -> Answer:
    """List what is known, asking nobody."""
    hosts = Registries(call.services.settings).hosts()
    found = [{"host": host, "credentials": known} for host, known in hosts.items()]
    return Answer(200, {"registries": found})


def registry_state(call: Call) -> Answer:
    """Ask a registry whether it knows this user."""
    return Answer(200, _state(call))


def sign_in(call: Call) -> Answer:
    """Check credentials, and keep them."""
    registries = Registries(call.services.settings)
    registries.sign_in(call.path["host"], call.body["username"], call.body["password"])
    return Answer(200, _state(call))


def list_repositories(call: Call) -> Answer:
    """List one page."""
    wanted = call.query["contains"] or ""
    found = Registries(call.services.settings).list(call.path["host"])
    names = [name for name in found if wanted in name]
    return Answer(200, page(names, "repositories", call, str))


def create_repository(call: Call) -> Answer:
    """Create one."""
    text = f"{call.path['host']}/{call.body['name']}"
    reference = ImageReference.parse(text)
    if not reference.repository.host or reference.tag or reference.digest:
        raise InvalidInput(f"{text!r} is not HOST/PATH.")
    Registries(call.services.settings).create(reference.repository)
    return Answer(201, {"repository": str(reference.repository)})


def _state(call: Call) -> dict[str, Any]:
    host = call.path["host"]
    try:
        detail = Registries(call.services.settings).check(host)
    except Unauthorized as error:
        return _described(host, "sign-in", error)
    except (TryAgain, Unavailable) as error:
        return _described(host, "unreachable", error)
    return {"host": host, "state": "ready", "detail": detail, "todo": ""}


def _described(host: str, state: str, error: KernelContainersError) -> dict[str, Any]:
    detail = f"{error.what} {error.why or ''}".strip()
    return {"host": host, "state": state, "detail": detail, "todo": error.todo or ""}
