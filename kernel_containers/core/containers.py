"""What a container of ours is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kernel_containers.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNITS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
SMALLEST_MEMORY = 6 * 1024**2  # bytes; the engine refuses less


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Limits; None means the engine's default, which is mostly no limit."""

    memory: int | None = None  # bytes, swap included
    cpus: float | None = None
    pids: int | None = None
    shm_size: int | None = None  # bytes of /dev/shm
    gpus: str | None = None  # "all", a count, or device ids with commas


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A folder or file of the engine's host. Both paths are absolute."""

    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """A container to create. `user` is `uid:gid`, or empty for the image's own.

    Nothing of this process's environment passes: `environment` is all there is besides the
    image's own.
    """

    image: str
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None  # None: the image's own; () clears it
    name: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    # Target → options, as `mount -o` takes them.
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    groups: tuple[str, ...] = ()
    working_directory: str | None = None
    network: str = "bridge"
    ports: tuple[int, ...] = ()  # TCP ports that 127.0.0.1 of this machine has, too
    resources: Resources = field(default_factory=Resources)
    read_only: bool = False
    drop_capabilities: bool = False
    auto_remove: bool = False
    stdin: bool = False
    init: bool = False  # the engine's own process 1 before the command
    keep_logs: bool = True  # False: the engine stores nothing of the output


LARGEST_SIZE = 2**63 - 1  # bytes; engines count with 64 bits


def parse_size(text: str) -> int:
    """Return the bytes of `512m`, `4g` or `1073741824`.

    Raises:
        InvalidInput: not a number with one of b, k, m, g, t, or more than any system counts.
    """
    number = text.strip().lower().removesuffix("b").rstrip()
    unit = number[-1:] if number[-1:] in _UNITS else ""
    digits = number.removesuffix(unit)
    try:
        value = float(digits)
    except ValueError:
        value = -1.0
    size = value * _UNITS[unit]
    if not 1 <= size <= LARGEST_SIZE:
        raise InvalidInput(
            f"{text!r} is not a size.", todo="give a number with k, m or g, such as 512m or 4g"
        )
    return int(size)
