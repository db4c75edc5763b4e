"""What a kernel's container is made of."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kernel_containers.core.containers import Mount
from kernel_containers.engine import images
from kernel_containers.errors import InvalidInput
from kernel_containers.kernels.boot import supervisor_boot
from kernel_containers.kernels.container import KernelContainer
from kernel_containers.kernels.container_spec import (
    container_spec,
    container_user,
    host_user,
    placed_folders,
)
from kernel_containers.kernels.engines import facts
from kernel_containers.kernels.failures import no_image, no_interpreter
from kernel_containers.kernels.launch import NOTEBOOK, SOCKETS
from kernel_containers.kernels.plain import PlainContainer, lacks_python
from kernel_containers.kernels.transport import choose_transport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kernel_containers.core.containers import ContainerSpec
    from kernel_containers.engine import Engine
    from kernel_containers.engine.containers import PlacedFile
    from kernel_containers.engine.endpoint import Endpoint
    from kernel_containers.errors import KernelContainersError
    from kernel_containers.kernels.connection import Address
    from kernel_containers.kernels.death import Death
    from kernel_containers.kernels.launch import Launch

_NO_FOLDER = re.compile(r"bind source path does not exist|Mounts denied")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a kernel's container is made of. Kernels of equal recipes can have each other's.

    `places` are device, inode and time of the folders that are mounted: another folder of the
    same path is another one.
    """

    endpoint: Endpoint
    kernel_name: str
    image_id: str
    spec: ContainerSpec
    transport: Literal["ipc", "stdio", "publish"]
    argv: tuple[str, ...]
    environment: Mapping[str, str]  # but for the notebook's path
    pool: str
    places: tuple[tuple[int, ...], ...]
    files: tuple[PlacedFile, ...] = field(compare=False)
    stdin: bytes = field(compare=False)
    plain: bool = False  # the image has no Python for the supervisor

    def other_way(self, launch: Launch, refused: KernelContainersError) -> Recipe | None:
        """Return how it may work where the engine has refused this; None where nothing else can.

        Raises:
            InvalidInput: without Python in the image, it has no port that could be published.
            NotFound: the environment's Python is not in the container.
        """
        prefix, program = launch.config.prefix, launch.argv[0]
        if prefix and f'exec: "{program}"' in (refused.why or ""):
            raise no_interpreter(prefix, program, launch.name) from refused
        if not launch.is_python and lacks_python(refused):
            return self._without_supervisor()
        apart = bool(_NO_FOLDER.search(refused.why or ""))
        if apart and self.transport == "ipc" and launch.config.transport == "auto":
            return replace(self, transport="stdio")
        return None

    def _without_supervisor(self) -> Recipe:
        if self.spec.network == "none":
            raise InvalidInput(
                "This kernel needs a network, or an image with Python.",
                why="without Python in the image, messages go through published ports",
                todo='remove "network": "none" from the kernel\'s kernel.json',
            )
        return replace(self, transport="publish", plain=True)


def make_recipe(engine: Engine, launch: Launch) -> Recipe:
    """Return what to create.

    Raises:
        NotFound: the image, or a folder to mount.
        InvalidInput: the kernelspec asks for what can't be had from this engine.
    """
    config, program = launch.config, launch.argv[0]
    image = images.inspect(engine, config.image)
    if image is None:
        raise no_image(config, launch.name)
    info = facts(engine)
    rootless = any("rootless" in text for text in info.get("SecurityOptions") or ())
    own = Path(program).name.startswith("python")
    boot = supervisor_boot(program if own else "python3")
    user = host_user()
    spec = container_spec(
        config,
        kernel_name=launch.name,
        command=boot.command,
        place=launch.place,
        user=user,
        image_user=image.config.user,
        rootless=rootless,
    )
    if spec.mounts and not engine.is_local:
        raise InvalidInput(
            "The Docker Engine is on another machine, where this one's folders are not.",
            todo='set "workspace": "none" in the kernel\'s kernel.json, and use no mounts',
        )
    return Recipe(
        endpoint=engine.endpoint,
        kernel_name=launch.name,
        image_id=str(image.id),
        spec=spec,
        transport=choose_transport(
            config,
            engine,
            info,
            container_user(config, user, rootless=rootless),
            is_ipykernel=launch.has_worker,
        ),
        argv=tuple(launch.argv),
        environment={k: text for k, text in launch.environment.items() if k != NOTEBOOK},
        pool=launch.pool,
        places=tuple(_place(mount) for mount in spec.mounts),
        files=placed_folders(config, spec.user),
        stdin=boot.payload,
    )


def _has_its_folders(recipe: Recipe) -> bool:
    """Whether what was mounted still is what its paths lead to."""
    kept = [
        (place, Path(mount.source))
        for place, mount in zip(recipe.places, recipe.spec.mounts, strict=True)
        if not Path(mount.source).is_file()  # an edited one is often a new one
    ]
    try:
        return all(place[:2] == _identity(source) for place, source in kept)
    except OSError:
        return False


def _identity(source: Path) -> tuple[int, int]:
    status = source.stat()
    return status.st_dev, status.st_ino


def _place(mount: Mount) -> tuple[int, ...]:
    # A folder that is written to stays the same; packages that are added to an environment
    # replace what a waiting kernel has imported.
    packages = sorted(Path(mount.source).glob("lib/python3*/site-packages")) * mount.read_only
    times = (path.stat().st_mtime_ns for path in packages)
    return (*_identity(Path(mount.source)), *times)


def create_container(
    engine: Engine,
    recipe: Recipe,
    spec: ContainerSpec,
    launch: Launch,
    *,
    address: Address,
    died: Callable[[Death], None],
) -> KernelContainer:
    """Return a new container for a kernel like `launch`; it owns `engine`.

    Nothing but the address is left if that fails.

    Raises:
        InvalidInput, Refused, Unavailable: the engine does not take it, or does not answer.
    """
    if recipe.transport == "ipc" or recipe.plain:
        own = Mount(source=str(address.folder), target=SOCKETS)
        spec = replace(spec, mounts=(*spec.mounts, own))
    spec = replace(spec, ports=address.ports if spec.network != "host" else ())
    if recipe.plain:
        return PlainContainer.create_plain(
            engine, spec, recipe.argv, files=recipe.files, address=address, died=died
        )
    made = KernelContainer.create(
        engine,
        spec,
        files=recipe.files,
        stdin=recipe.stdin,
        prepare={**launch.message(address), "directory": None} if launch.has_worker else None,
        address=address,
        died=died,
    )
    made.has_its_folders = lambda: _has_its_folders(recipe)
    return made
