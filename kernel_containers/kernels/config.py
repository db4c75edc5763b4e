"""What kernel.json says about a kernel's container: `metadata.kernel_provisioner.config`."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from kernel_containers.core import labels
from kernel_containers.core.containers import SMALLEST_MEMORY, Mount, Resources, parse_size
from kernel_containers.core.reference import ImageReference
from kernel_containers.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROVISIONER = "kernel-containers"
Workspace = Literal["root-dir", "notebook-dir", "none"]
Restart = Literal["keep", "fresh"]
Transport = Literal["auto", "ipc", "stdio", "publish"]
Pool = Literal["off", "warm", "hot"]
START_TIMEOUT = 60.0  # seconds; a cold start takes 0.5, on a busy machine with a cold disk 15
# They describe this machine's processes or folders, or would end the kernel: ipykernel stops
# when the process in JPY_PARENT_PID is not its parent.
NEVER_PASSED = frozenset({"PATH", "HOME", "JPY_PARENT_PID", "PYTHONHOME", "PYTHONPATH"})
_USER = re.compile(r"host|image|\d+(:\d+)?")
_GPUS = re.compile(r"all|[1-9]\d*|(?!\d+$)[A-Za-z0-9-]+(,[A-Za-z0-9-]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelConfig:
    """The container of a kernel.

    With `prefix`, a venv or conda environment of this machine is mounted read-only over `image`
    at its own path, and with it the `prefix_mounts`: folders of the interpreter it builds on.
    """

    image: str
    prefix: str | None = None
    prefix_mounts: tuple[str, ...] = ()
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
        values: dict[str, Any] = {"image": self.image}
        for name in _READERS:
            owner, standard = (
                (self.resources, default.resources) if name in _LIMITS else (self, default)
            )
            value = getattr(owner, name)
            if value != getattr(standard, name):
                values[name] = _WRITERS.get(name, _plain)(value)
        return values


def size_text(size: int) -> str:
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


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"{value!r} is not a text.")
    return value


def _image(value: Any) -> str:
    text = _text(value)
    if not text.startswith("sha256:"):
        ImageReference.parse(text)
    return text


def _folder(value: Any) -> str:
    path = os.path.expanduser(_text(value))  # noqa: PTH111 - a text with the same meaning
    if not path.startswith("/"):
        raise InvalidInput(f"{value!r} is not an absolute path.")
    return os.path.normpath(path)


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(f"{value!r} is not true or false.")
    return value


def _positive(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        raise InvalidInput(f"{value!r} is not a number above 0.")
    return float(value)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidInput(f"{value!r} is not a whole number above 0.")
    return value


def _size(value: Any) -> int:
    return _count(value) if isinstance(value, int) else parse_size(_text(value))


def _memory(value: Any) -> int:
    size = _size(value)
    if size < SMALLEST_MEMORY:
        raise InvalidInput(f"{value!r} is less than 6m, the engine's minimum.")
    return size


def _choice(*known: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in known:
            raise InvalidInput(f"{value!r} is not one of {', '.join(known)}.")
        return str(value)

    return read


def _user(value: Any) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value)
    if not _USER.fullmatch(text):
        raise InvalidInput(
            f"{value!r} is not a user.", todo='give "host", "image" or numbers as in "1000:100"'
        )
    # The engine would put a uid without a gid into the group of root.
    return f"{text}:{text}" if text.isdigit() else text


def _gpus(value: Any) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value)
    if not _GPUS.fullmatch(text):
        raise InvalidInput(
            f"{value!r} names no GPUs.", todo='give "all", a count, or device ids with commas'
        )
    return text


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidInput(f"{value!r} is not a list.")
    return value


def _passed(value: Any) -> tuple[str, ...]:
    names = tuple(_text(item) for item in _list(value))
    for name in names:
        if name in NEVER_PASSED or name.startswith("LD_"):
            raise InvalidInput(
                f"{name} belongs to this machine and is never passed.",
                todo='give the container\'s own value as "env" at the top of kernel.json',
            )
    return names


def _mount(value: Any) -> Mount:
    if not isinstance(value, dict) or not {"source"} <= value.keys() <= _MOUNT_KEYS:
        raise InvalidInput(
            f"{value!r} is not a mount.",
            todo='give {"source": "/here", "target": "/there", "read_only": true}',
        )
    source = _folder(value["source"])
    return Mount(
        source=source,
        target=_folder(value.get("target", source)),
        read_only=_bool(value.get("read_only", False)),
    )


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise InvalidInput(f"{value!r} is not an object with texts.")
    return dict(value)


def _labels(value: Any) -> dict[str, str]:
    found = _texts(value)
    own = [name for name in found if name.startswith(labels.PREFIX)]
    if own:
        raise InvalidInput(f"the label {own[0]} is set by this program.")
    return found


_MOUNT_KEYS = {"source", "target", "read_only"}
_LIMITS = ("memory", "cpus", "pids", "shm_size", "gpus")
_READERS: dict[str, Callable[[Any], Any]] = {
    "image": _image,
    "prefix": _folder,
    "prefix_mounts": lambda value: tuple(_folder(item) for item in _list(value)),
    "workspace": _choice(*get_args(Workspace)),
    "workdir": _folder,
    "mounts": lambda value: tuple(_mount(item) for item in _list(value)),
    "tmpfs": lambda value: {_folder(target): text for target, text in _texts(value).items()},
    "env_passthrough": _passed,
    "user": _user,
    "groups": lambda value: tuple(str(_count(item)) for item in _list(value)),
    "network": _text,
    "transport": _choice(*get_args(Transport)),
    "pool": _choice(*get_args(Pool)),
    "memory": _memory,
    "cpus": _positive,
    "pids": _count,
    "shm_size": _size,
    "gpus": _gpus,
    "read_only": _bool,
    "drop_capabilities": _bool,
    "restart": _choice(*get_args(Restart)),
    "outlive": _positive,
    "start_timeout": _positive,
    "labels": _labels,
    "docker_host": _text,
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
    "memory": size_text,
    "shm_size": size_text,
    "groups": lambda value: [int(item) for item in value],
    "tmpfs": dict,
    "labels": dict,
}
