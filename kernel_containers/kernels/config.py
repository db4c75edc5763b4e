"""What kernel.json says about a kernel's container: `metadata.kernel_provisioner.config`."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from kernel_containers.core.containers import Mount, Resources
from kernel_containers.errors import InvalidInput
from kernel_containers.kernels import config_values as values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROVISIONER = "kernel-containers"
Workspace = Literal["root-dir", "notebook-dir", "none"]
Restart = Literal["keep", "fresh"]
Transport = Literal["auto", "ipc", "stdio", "publish"]
Pool = Literal["off", "warm", "hot"]
START_TIMEOUT = 60.0  # seconds; a cold start takes 0.5, on a busy machine with a cold disk 15


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelConfig:
    """The container of a kernel.

    With `prefix`, a venv or conda environment of this machine is mounted read-only over `image`
    at its own path, and with it the `prefix_mounts`: folders of the interpreter it builds on, and
    those `prefix_modules` that are there and no part of the workspace.
    """

    image: str
    prefix: str | None = None
    prefix_mounts: tuple[str, ...] = ()
    prefix_modules: tuple[str, ...] = ()
    workspace: Workspace = "root-dir"
    workdir: str | None = None
    mounts: tuple[Mount, ...] = ()
    tmpfs: Mapping[str, str] = field(default_factory=dict)  # target → options
    env_passthrough: tuple[str, ...] = ()  # names
    user: str = "host"  # or "image", or "uid:gid"
    groups: tuple[str, ...] = ()
    network: str = "bridge"
    transport: Transport = "auto"
    pool: Pool = "warm"
    resources: Resources = field(default_factory=Resources)
    read_only: bool = False
    drop_capabilities: bool | None = None  # None: unless the kernel runs as root
    restart: Restart = "keep"
    outlive: float = 0.0  # seconds that a kernel goes on without its server
    start_timeout: float = START_TIMEOUT  # seconds
    labels: Mapping[str, str] = field(default_factory=dict)
    docker_host: str | None = None  # None: the engine that the docker command uses

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> KernelConfig:
        """Read the object in kernel.json. Sizes are numbers of bytes, or text such as `4g`.

        Raises:
            InvalidInput: a key is unknown or missing, or a value does not fit.
        """
        unknown = [name for name in value if name not in _READERS]
        if unknown:
            raise _unknown(unknown[0])
        read = {
            name: _checked(name, reader, value[name])
            for name, reader in _READERS.items()
            if value.get(name) is not None
        }
        if "image" not in read:
            raise InvalidInput(
                "The kernel's configuration has no image.",
                todo='add "image": "NAME:TAG" to metadata.kernel_provisioner.config of kernel.json',
            )
        limits = {name: read.pop(name) for name in _LIMITS if name in read}
        return cls(**read, resources=Resources(**limits))

    def to_json(self) -> dict[str, Any]:
        """Return the object that `parse` reads; defaults are left out."""
        default = KernelConfig(image=self.image)
        written: dict[str, Any] = {"image": self.image}
        for name in _READERS:
            owner, standard = (
                (self.resources, default.resources) if name in _LIMITS else (self, default)
            )
            value = getattr(owner, name)
            if value != getattr(standard, name):
                written[name] = _WRITERS.get(name, _plain)(value)
        return written


def written_size(size: int) -> str:
    """Return bytes as `parse_size` reads them: `4g`, `512m`, or a plain number."""
    for unit, factor in (("g", 1024**3), ("m", 1024**2), ("k", 1024)):
        if size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)


def _unknown(name: str) -> InvalidInput:
    near = difflib.get_close_matches(name, _READERS, n=1)
    todo = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(_READERS))}"
    if name == "env":
        todo = 'give variables as "env" at the top of kernel.json, beside "argv"'
    return InvalidInput(f"The kernel's configuration has the unknown key {name!r}.", todo=todo)


def _checked(name: str, reader: Callable[[Any], Any], value: Any) -> Any:
    try:
        return reader(value)
    except InvalidInput as error:
        raise InvalidInput(
            f"{name!r} in the kernel's configuration is wrong: {error.what}",
            why=error.why,
            todo=error.todo,
        ) from error


_LIMITS = ("memory", "cpus", "pids", "shm_size", "gpus")
_READERS: dict[str, Callable[[Any], Any]] = {
    "image": values.image,
    "prefix": values.folder,
    "prefix_mounts": values.folders,
    "prefix_modules": values.folders,
    "workspace": values.choice(*get_args(Workspace)),
    "workdir": values.folder,
    "mounts": values.mounts,
    "tmpfs": lambda value: {values.folder(key): text for key, text in values.texts(value).items()},
    "env_passthrough": values.passed,
    "user": values.user,
    "groups": values.groups,
    "network": values.text,
    "transport": values.choice(*get_args(Transport)),
    "pool": values.choice(*get_args(Pool)),
    "memory": values.memory,
    "cpus": values.cpus,
    "pids": values.pids,
    "shm_size": values.size,
    "gpus": values.gpus,
    "read_only": values.boolean,
    "drop_capabilities": values.boolean,
    "restart": values.choice(*get_args(Restart)),
    "outlive": values.positive,
    "start_timeout": values.positive,
    "labels": values.own_labels,
    "docker_host": values.text,
}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _mounts_to_json(mounts: tuple[Mount, ...]) -> list[dict[str, Any]]:
    return [
        {"source": mount.source, "target": mount.target, "read_only": mount.read_only}
        for mount in mounts
    ]


_WRITERS: dict[str, Callable[[Any], Any]] = {
    "mounts": _mounts_to_json,
    "memory": written_size,
    "shm_size": written_size,
    "groups": lambda value: [int(item) for item in value],
    "tmpfs": dict,
    "labels": dict,
}
