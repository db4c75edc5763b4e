"""What one start of a kernel needs, and the container for it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel_containers.engine import connect, images
from kernel_containers.errors import InvalidInput
from kernel_containers.kernels.boot import supervisor_boot
from kernel_containers.kernels.container import KernelContainer
from kernel_containers.kernels.container_spec import (
    HOME,
    PACKAGES,
    RUN,
    Place,
    container_spec,
    host_user,
    placed_folders,
    working_directory,
)
from kernel_containers.kernels.failures import no_image

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kernel_containers.engine import Engine
    from kernel_containers.kernels.config import KernelConfig
    from kernel_containers.kernels.container import Death


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One start of a kernel. `connection` is the connection file's part besides addresses."""

    kernel_id: str
    config: KernelConfig
    argv: Sequence[str]
    language: str
    environment: Mapping[str, str]
    place: Place
    connection: Mapping[str, Any]

    @property
    def directory(self) -> str | None:
        """Where the kernel starts; None for the image's own working directory."""
        return working_directory(self.config, self.place)

    def message(self) -> dict[str, Any]:
        """Return what the supervisor is told."""
        python = self.language.lower().startswith("python")
        return {
            "argv": list(self.argv),
            "environment": dict(self.environment),
            "directory": self.directory,
            "folder": f"{RUN}/kernel",
            # ipykernel listens on Unix sockets; other kernels may know only TCP.
            "transport": "ipc" if python else "tcp",
            "connection": dict(self.connection),
            "umask": host_user().umask if self.config.user == "host" else None,
            "home": HOME,
            "packages": PACKAGES if python else None,
        }


def create_container(
    launch: Launch, folder: Path, died: Callable[[Death], None]
) -> KernelContainer:
    """Return a new container for a kernel, on a connection to the engine of its own.

    Nothing is left behind when it fails.

    Raises:
        NotFound: the image, or a folder to mount.
        InvalidInput, Refused, Unavailable: the engine does not take it, or does not answer.
    """
    host = launch.config.docker_host
    engine = connect({**os.environ, "DOCKER_HOST": host} if host else None)
    try:
        return _create(engine, launch, folder, died)
    except BaseException:
        engine.close()
        raise


def _create(
    engine: Engine, launch: Launch, folder: Path, died: Callable[[Death], None]
) -> KernelContainer:
    config, program = launch.config, launch.argv[0]
    image = images.inspect(engine, config.image)
    if image is None:
        raise no_image(config)
    own = Path(program).name.startswith("python")
    boot = supervisor_boot(program if own else "python3")
    spec = container_spec(
        config,
        kernel_id=launch.kernel_id,
        command=boot.command,
        place=launch.place,
        user=host_user(),
        image_user=image.config.user,
        environment=launch.environment,
        rootless=any("rootless" in text for text in engine.info().get("SecurityOptions") or ()),
    )
    if spec.mounts and not engine.is_local:
        raise InvalidInput(
            "The Docker Engine is on another machine, where this one's folders are not.",
            todo='set "workspace": "none" in the kernel\'s kernel.json, and use no mounts',
        )
    return KernelContainer.create(
        engine,
        spec,
        files=placed_folders(config, spec.user),
        stdin=boot.payload,
        folder=folder,
        died=died,
    )
