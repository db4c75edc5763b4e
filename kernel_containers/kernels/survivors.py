"""What is written down of kernels that may outlive their server, for the next one to find.

A note lies beside a kernel's socket folder, which the container may see and the note not.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from kernel_containers.core import labels
from kernel_containers.engine import containers
from kernel_containers.kernels.connection import Address, notes, owner_has_gone, socket_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kernel_containers.engine import Engine
    from kernel_containers.kernels.launch import Launch


@dataclass(frozen=True, slots=True, kw_only=True)
class Survivor:
    """A kernel; `connection` is what its connection file has besides the address."""

    kernel_id: str
    name: str  # the kernelspec's
    container: str
    root: str  # of its server
    directory: str
    notebook: str | None
    connection: Mapping[str, Any]
    transport: Literal["ipc", "stdio", "publish"]
    ports: tuple[int, ...]


def note_down(launch: Launch, container: str, address: Address) -> None:
    """Write down a kernel that has just started."""
    place = launch.place
    survivor = Survivor(
        kernel_id=launch.kernel_id,
        name=launch.name,
        container=container,
        root=place.root or "",
        directory=place.directory,
        notebook=place.notebook,
        connection=launch.connection,
        transport=address.transport,
        ports=address.ports,
    )
    with contextlib.suppress(OSError):  # it then ends with its server
        address.note.touch(0o600)
        address.note.write_text(json.dumps(asdict(survivor)), "utf-8")


def running(engine: Engine) -> set[str]:
    """Return the ids of the running containers that may outlive their server.

    Raises:
        Unavailable: the engine does not answer.
    """
    found = containers.find(engine, {labels.OUTLIVE: None})
    return {one.id for one in found if one.state == "running"}


def container_of(note: Path) -> str | None:
    """Return the container that a note is about; None where that can't be read."""
    found = _read(note)
    return found.container if found else None


def waiting(engine: Engine, root: str) -> list[Survivor]:
    """Return the running kernels of servers of this root folder that have ended.

    Raises:
        Unavailable: the engine does not answer.
    """
    alive = running(engine)
    read = (_read(note) for note in notes() if owner_has_gone(note))
    return [one for one in read if one and one.container in alive and one.root == root]


def take(kernel_id: str) -> tuple[Survivor, Address] | None:
    """Make a kernel that has outlived its server this process's; None where there is none."""
    for note in notes():
        if not owner_has_gone(note):
            continue
        found = _read(note)
        if found is None or found.kernel_id != kernel_id:
            continue
        address = Address(
            transport=found.transport,
            folder=socket_folder(note.parent),
            ports=found.ports,
        )
        try:
            note.rename(address.note)  # of several processes one succeeds
        except OSError:
            return None
        with contextlib.suppress(OSError):
            note.with_suffix("").rename(address.folder)
        address.restore()
        return found, address
    return None


def _read(note: Path) -> Survivor | None:
    try:
        value = json.loads(note.read_text("utf-8"))
        return Survivor(**{**value, "ports": tuple(value["ports"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
