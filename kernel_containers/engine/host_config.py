"""What a container may use of its machine, in the words of docker-py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docker.types import DeviceRequest, LogConfig
from docker.types import Mount as BindMount

if TYPE_CHECKING:
    from kernel_containers.core.containers import ContainerSpec, Resources

LOG_SIZE = "16m"  # what the engine keeps of a container's output


def host_config(spec: ContainerSpec) -> dict[str, Any]:
    """Return the arguments of docker-py's `create_host_config`."""
    config: dict[str, Any] = {
        # Not `binds`: they create missing folders as root, and volumes for relative paths.
        "mounts": [
            BindMount(mount.target, mount.source, type="bind", read_only=mount.read_only)
            for mount in spec.mounts
        ],
        "tmpfs": dict(spec.tmpfs),
        "group_add": list(spec.groups) or None,
        "network_mode": spec.network,
        "port_bindings": {port: ("127.0.0.1", port) for port in spec.ports},
        "read_only": spec.read_only,
        "auto_remove": spec.auto_remove,
        "security_opt": ["no-new-privileges"] if spec.drop_capabilities else None,
        "cap_drop": ["ALL"] if spec.drop_capabilities else None,
        "init": spec.init,
        "log_config": LogConfig(type="json-file", config={"max-size": LOG_SIZE})
        if spec.keep_logs
        else LogConfig(type="none"),
    }
    return config | _limits(spec.resources)


def _limits(resources: Resources) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    if resources.memory is not None:
        # Equal limits mean no swap: a container that swaps is slow instead of out of memory.
        limits |= {"mem_limit": resources.memory, "memswap_limit": resources.memory}
    if resources.cpus is not None:
        limits["nano_cpus"] = int(resources.cpus * 1e9)
    if resources.pids is not None:
        limits["pids_limit"] = resources.pids
    if resources.shm_size is not None:
        limits["shm_size"] = resources.shm_size
    if resources.gpus is not None:
        limits["device_requests"] = [_gpus(resources.gpus)]
    return limits


def _gpus(text: str) -> DeviceRequest:
    if text == "all" or text.isdigit():
        count = -1 if text == "all" else int(text)
        return DeviceRequest(count=count, capabilities=[["gpu"]])
    return DeviceRequest(device_ids=text.split(","), capabilities=[["gpu"]])
