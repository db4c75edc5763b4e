"""Kernelspecs of ours, and environments that more could be made from."""

from __future__ import annotations

from typing import Any

from kernel_containers.kernels import kernelspecs
from kernel_containers.server.services import Answer, Call
from kernel_containers.workflow.kernels.environments import find_environments


def list_kernels(call: Call) -> Answer:
    """List them."""
    del call
    return Answer(200, {"kernels": [_as_json(spec) for spec in kernelspecs.list_kernels()]})


def remove_kernel(call: Call) -> Answer:
    """Remove one."""
    kernelspecs.remove(call.path["name"])
    return Answer(204)


def list_environments(call: Call) -> Answer:
    """List environments of this machine."""
    services = call.services
    found = find_environments(services.settings.environ, services.places.root)
    return Answer(200, {"environments": found})


def _as_json(spec: kernelspecs.KernelSpec) -> dict[str, Any]:
    config = spec.config
    return {
        "name": spec.name,
        "display_name": spec.display_name,
        "language": spec.language,
        "image": config.image if config else None,
        "prefix": config.prefix if config else None,
        "config": config.to_json() if config else {},
        "problem": spec.problem,
    }
