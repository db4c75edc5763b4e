"""Where Jupyter's clients reach a kernel: Unix sockets in a private folder, or ports."""

from __future__ import annotations

import secrets
import shutil
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import zmq
from jupyter_core.paths import jupyter_runtime_dir

from kernel_containers.core.owner import current_owner, is_gone
from kernel_containers.errors import CannotWrite
from kernel_containers.kernels.process import PORTS, free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PREFIX = "kernel-"
_SOCKET = "s"
_NOTE = ".outlives"
LONGEST_PATH = 107  # bytes; the system's limit for a socket's path is 108 with its end


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where clients reach a kernel, for as long as Jupyter knows it.

    `ipc`: the kernel itself listens in `folder`. `stdio`: the relay does. `publish`: the engine
    does, on `ports` of 127.0.0.1; the folder is then for the connection alone.
    """

    transport: Literal["ipc", "stdio", "publish"]
    folder: Path
    ports: tuple[int, ...] = ()

    @classmethod
    def make(cls, transport: Literal["ipc", "stdio", "publish"]) -> Address:
        """Return a new address, with a folder of its own; `remove` it.

        Raises:
            CannotWrite: there is no place for the folder.
        """
        ports = tuple(free_ports(len(PORTS))) if transport == "publish" else ()
        return cls(transport=transport, folder=make_socket_folder(), ports=ports)

    @property
    def note(self) -> Path:
        """Where a kernel that may outlive its process is written down (see survivors.py)."""
        return self.folder.with_suffix(_NOTE)

    def info(self) -> dict[str, Any]:
        """Return the address as Jupyter writes it."""
        ports = dict(zip(PORTS, self.ports or range(1, len(PORTS) + 1), strict=True))
        if self.ports:
            return {"transport": "tcp", "ip": "127.0.0.1", **ports}
        return {"transport": "ipc", "ip": str(self.folder / _SOCKET), **ports}

    def restore(self) -> None:
        """Make the folder anew where somebody has removed it."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def remove(self) -> None:
        """Remove the folder, and what is written down beside it."""
        self.note.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def make_socket_folder() -> Path:
    """Create and return a folder that only this user may enter, with a short enough path.

    Its name tells this process, so that `remove_stale_folders` finds it later.

    Raises:
        CannotWrite: neither Jupyter's runtime folder nor the temporary one will do.
    """
    problem = "their paths are too long for sockets"
    for base in _bases():
        folder = socket_folder(base)
        if len(str(socket_path(folder, len(PORTS))).encode()) > LONGEST_PATH:
            continue
        try:
            base.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700)
        except OSError as error:
            problem = str(error)
            continue
        return folder
    raise CannotWrite(
        f"No folder for a kernel's sockets in {' or '.join(map(str, _bases()))}.",
        why=problem,
        todo="set JUPYTER_RUNTIME_DIR to a folder with a short path that you may write to",
    )


def socket_folder(base: Path) -> Path:
    """Return the path of a new folder; its name tells this process."""
    _, pid, start = current_owner().split(":")
    return base / f"{_PREFIX}{pid}-{start}-{secrets.token_hex(4)}"


def owner_has_gone(path: Path) -> bool:
    """Whether the process that a folder, or its note, belongs to has ended."""
    pid, _, start = path.name.removeprefix(_PREFIX).rpartition("-")[0].partition("-")
    return is_gone(f"{socket.gethostname()}:{pid}:{start}")


def notes() -> list[Path]:
    """Return where kernels are written down that may outlive their process, whoever's they are."""
    return [note for base in dict.fromkeys(_bases()) for note in base.glob(f"{_PREFIX}*{_NOTE}")]


def remove_stale_folders(spare: Callable[[Path], bool] = Path.exists) -> list[Path]:
    """Remove the socket folders of processes that have ended, and return them.

    `spare` is asked about the note of a kernel that may have outlived its process.
    """
    removed = []
    for base in dict.fromkeys(_bases()):
        for folder in base.glob(f"{_PREFIX}*-*-*/"):
            note = folder.with_suffix(_NOTE)
            if owner_has_gone(folder) and not (note.exists() and spare(note)):
                shutil.rmtree(folder, ignore_errors=True)
                note.unlink(missing_ok=True)
                removed.append(folder)
    return removed


def _bases() -> tuple[Path, Path]:
    return Path(jupyter_runtime_dir()), Path(tempfile.gettempdir())


def socket_path(folder: Path, port: int) -> Path:
    """Return the socket of a port; ports count from 1, in the order of PORTS."""
    return folder / f"{_SOCKET}-{port}"


class Heartbeat:
    """A question to a kernel's heartbeat port; `answered` once it is up. Close it."""

    def __init__(self, info: dict[str, Any]) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.REQ)
        self._socket.linger = 0
        self._socket.setsockopt(zmq.RECONNECT_IVL, 3)  # milliseconds; ZeroMQ takes up to twice that
        if "curve_publickey" in info:
            public, private = zmq.curve_keypair()
            self._socket.curve_publickey = public
            self._socket.curve_secretkey = private
            self._socket.curve_serverkey = info["curve_publickey"].encode()
        mark = "-" if info["transport"] == "ipc" else ":"
        self._socket.connect(f"{info['transport']}://{info['ip']}{mark}{info['hb_port']}")
        self._socket.send(b"ping")

    def answered(self) -> bool:
        """Whether the answer has come."""
        return bool(self._socket.poll(0))

    def close(self) -> None:
        """Let go of the connection."""
        self._socket.close()
        self._context.term()


def listeners(folder: Path) -> Iterator[tuple[int, socket.socket]]:
    """Yield a new listening socket for each port, in place of an old one.

    Jupyter removes the files of the sockets before each restart.
    """
    for port in range(1, len(PORTS) + 1):
        path = socket_path(folder, port)
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen(64)
        listener.settimeout(0)
        yield port, listener
