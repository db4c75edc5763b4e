"""Which function does which operation of the contract."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, get_args

from kernel_containers.server.operations import (
    gallery,
    images,
    jobs,
    kernels,
    notebooks,
    registries,
    results,
    system,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.server.services import Operation

API = "/kernel-containers/api"
STREAM = "/jobs/{id}/stream"  # a WebSocket, with a handler of its own

OPERATIONS: Mapping[str, Mapping[str, Operation]] = {
    "/health": {"GET": system.health},
    "/doctor": {"GET": system.doctor},
    "/space": {"GET": system.get_space, "DELETE": system.free_space},
    "/inspect": {"POST": notebooks.inspect_notebook},
    "/plan": {"POST": notebooks.plan},
    "/destination": {"GET": notebooks.destination},
    "/kernels": {"GET": kernels.list_kernels},
    "/kernels/{name}": {"DELETE": kernels.remove_kernel},
    "/environments": {"GET": kernels.list_environments},
    "/registries": {"GET": registries.list_registries},
    "/registries/{host}": {"GET": registries.registry_state},
    "/registries/{host}/sign-in": {"POST": registries.sign_in},
    "/registries/{host}/repositories": {
        "GET": registries.list_repositories,
        "POST": registries.create_repository,
    },
    "/images": {"GET": images.list_own},
    "/images/{id}": {"DELETE": images.remove},
    "/image": {"GET": images.describe_image},
    "/jobs": {"GET": jobs.list_jobs, "POST": jobs.create},
    "/jobs/{id}": {"GET": jobs.get, "DELETE": jobs.forget},
    "/jobs/{id}/cancel": {"POST": jobs.cancel},
    "/jobs/{id}/events": {"GET": jobs.list_events},
    "/results": {"GET": results.list_results},
    "/results/{notebook}/{run}": {"GET": results.get_result},
    "/results/{notebook}/{run}/html": {"GET": results.get_page},
    "/results/{notebook}/{run}/thumbnail": {"GET": results.get_thumbnail},
    "/results/{notebook}/{run}/files/{name}": {"GET": results.get_file},
    "/gallery": {"GET": gallery.list_cards, "POST": gallery.publish},
    "/gallery/{id}/html": {"GET": gallery.get_page},
    "/gallery/{id}/thumbnail": {"GET": gallery.get_thumbnail},
    "/gallery/{id}/clone": {"POST": gallery.clone},
}

UNLIMITED = frozenset({"/plan"})  # which may pull a base image, and ends with its client
# Whom a request may have to wait for; requests only queue behind others that wait for the same.
Peer = Literal["nobody", "engine", "registry", "store"]
PEERS: tuple[Peer, ...] = get_args(Peer)
_NOBODY = frozenset(
    {
        ("/health", "GET"),
        ("/jobs", "GET"),
        ("/jobs/{id}", "GET"),
        ("/jobs/{id}", "DELETE"),
        ("/jobs/{id}/cancel", "POST"),
        ("/jobs/{id}/events", "GET"),
    }
)
_BY_FOLDER: Mapping[str, Peer] = {
    "destination": "registry",
    "registries": "registry",
    "results": "store",
    "gallery": "store",
}


def peer(path: str, verb: str) -> Peer:
    """Return whom an operation may have to wait for."""
    if (path, verb) in _NOBODY:
        return "nobody"
    return _BY_FOLDER.get(path.split("/")[1], "engine")


def pattern(path: str) -> str:
    """Return tornado's pattern of a path of the contract."""
    return API + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
