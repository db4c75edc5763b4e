"""How a kernel's messages leave its container."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from kernel_containers.errors import InvalidInput
from kernel_containers.kernels.engines import sees_our_folders

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from kernel_containers.engine import Engine
    from kernel_containers.kernels.config import KernelConfig


def choose_transport(
    config: KernelConfig,
    engine: Engine,
    info: Mapping[str, Any],
    numeric_user: str,
    *,
    is_ipykernel: bool,
) -> Literal["ipc", "stdio", "publish"]:
    """Return the configured transport, or for `auto` the fastest that works for sure.

    `info` is the engine's description of itself, `numeric_user` the container's `uid:gid`.

    Raises:
        InvalidInput: the configured one can't work here.
    """
    if config.transport == "publish":
        if config.network == "none" or not engine.is_local:
            raise InvalidInput(
                'The transport "publish" does not work for this kernel.',
                why="its container has no network"
                if config.network == "none"
                else "the Docker Engine is on another machine",
                todo='set "transport": "auto" in the kernel\'s kernel.json',
            )
        return "publish"
    if config.transport == "stdio":
        return "stdio"
    problem = _no_shared_sockets(engine, info, numeric_user)
    if problem and config.transport == "ipc":
        raise InvalidInput(
            'The transport "ipc" does not work for this kernel.',
            why=problem,
            todo='set "transport": "auto" in the kernel\'s kernel.json',
        )
    if config.transport == "auto" and not is_ipykernel:
        return "stdio"  # other kernels may know TCP only
    return "stdio" if problem else "ipc"


def _no_shared_sockets(engine: Engine, info: Mapping[str, Any], numeric_user: str) -> str | None:
    """Why this process can't connect to sockets that a container makes in a folder of ours."""
    if not engine.is_local:
        return "the Docker Engine is on another machine"
    if not sees_our_folders(engine):
        return "the Docker Engine does not see this machine's folders"
    if info.get("OperatingSystem") == "Docker Desktop":
        return "the Docker Engine is in a virtual machine"
    security = " ".join(info.get("SecurityOptions") or ())
    if "userns" in security or "selinux" in security:
        return "the Docker Engine keeps containers from this machine's sockets"
    # A rootless engine's root is the user who runs it.
    own = "0" if "rootless" in security else str(os.getuid())
    if numeric_user.partition(":")[0] != own:
        return "the kernel runs as another user than Jupyter"
    return None
