"""What one start of a kernel needs, and the container for it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel_containers.engine import connect, images
from kernel_containers.errors import InvalidInput, Unavailable
from kernel_containers.kernels.boot import client_files, supervisor_boot
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

    from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase

    from kernel_containers.engine import Engine
    from kernel_containers.kernels.config import KernelConfig
    from kernel_containers.kernels.container import Death


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One start of a kernel. `connection` is the connection file's part besides addresses."""

    kernel_id: str
    name: str  # the kernelspec's
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
            "client": client_files() if python else None,
        }


def read_launch(
    provisioner: KernelProvisionerBase, config: KernelConfig, argv: Sequence[str], given: Any
) -> Launch:
    """Return what Jupyter's kernel manager and the arguments of `launch_kernel` ask for."""
    manager: Any = provisioner.parent
    spec = provisioner.kernel_spec
    variables: dict[str, str] = given.get("env") or {}
    names = {*spec.env, *config.env_passthrough, "JPY_SESSION_NAME"}
    # ipykernel ends when the process in JPY_PARENT_PID is not its parent.
    names.discard("JPY_PARENT_PID")
    root = getattr(manager.parent, "root_dir", None)
    connection = {
        "key": manager.session.key.decode(),
        "signature_scheme": manager.session.signature_scheme,
        "kernel_name": manager.kernel_name,
    }
    if getattr(manager, "curve_publickey", None) is not None:
        connection["curve_publickey"] = manager.curve_publickey.decode()
        connection["curve_secretkey"] = manager.curve_secretkey.decode()
    return Launch(
        kernel_id=str(provisioner.kernel_id),
        name=manager.kernel_name,
        config=config,
        argv=argv,
        language=str(spec.language),
        environment={name: variables[name] for name in sorted(names) if name in variables},
        place=Place(
            directory=os.path.abspath(given.get("cwd") or "."),  # noqa: PTH100 - keeps links
            root=os.path.abspath(root) if root else None,  # noqa: PTH100
            notebook=variables.get("JPY_SESSION_NAME"),
        ),
        connection=connection,
    )


def create_container(
    launch: Launch, folder: Path, died: Callable[[Death], None], *, patience: float = 0.0
) -> KernelContainer:
    """Return a new container for a kernel, on a connection to the engine of its own.

    An engine that does not answer is asked again for `patience` seconds. Nothing is left behind
    when it fails.

    Raises:
        NotFound: the image, or a folder to mount.
        InvalidInput, Refused, Unavailable: the engine does not take it, or does not answer.
    """
    engine = _connect(launch.config.docker_host, patience)
    try:
        return _create(engine, launch, folder, died)
    except BaseException:
        engine.close()
        raise


def _connect(host: str | None, patience: float) -> Engine:
    environ = {**os.environ, "DOCKER_HOST": host} if host else None
    deadline = time.monotonic() + patience
    while True:
        try:
            return connect(environ)
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


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
        kernel_name=launch.name,
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
