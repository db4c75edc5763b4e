"""A kernel's process and where it listens, as its supervisor sees them.

A process of ipykernel begins as a worker (see worker.py), which is prepared before it is known
what for. Any other kernel is started when it is claimed.

This file runs on any Python from 3.8 on, with the standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
from pathlib import Path

from kernel_containers.kernels.surroundings import kernel_environment

TYPE_CHECKING = False  # importing `typing` would take 3 ms of each start
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
_LAUNCHER = "ipykernel_launcher"
# The length is an argument: claims follow through the same socket.
_BOOT = (
    "import os,sys;n=int(sys.argv.pop(1));d=b''\n"
    "while len(d)<n:d+=os.read(0,n-len(d)) or sys.exit()\n"
    "exec(d)"
)


class KernelProcess:
    """A kernel's process; `claims` is the socket of a worker, None for other programs."""

    def __init__(self, message: dict[str, Any]) -> None:
        self.claims: socket.socket | None = None
        self.claimed = False
        self._heard = b""
        path = str(Path(message["folder"], "connection.json"))
        argv = [part.replace("{connection_file}", path) for part in message["argv"]]
        environment = kernel_environment(argv[0], message)
        if message.get("umask") is not None:
            os.umask(message["umask"])
        at = launcher_at(argv)
        if at is None or not message.get("program"):
            self.popen = _popen(argv, environment, subprocess.DEVNULL, message.get("directory"))
        else:
            program = message["program"].encode()
            argv = [*argv[:at], "-c", _BOOT, str(len(program)), *argv[at + 2 :]]
            self.claims, theirs = socket.socketpair()
            with theirs:
                # In the user's folder, a file named like a module would be imported in its place.
                self.popen = _popen(argv, environment, theirs, "/")
            self.claims.sendall(program)
        self.pid = self.popen.pid
        # When memory runs out, the kernel goes and not its supervisor, which tells why.
        with contextlib.suppress(OSError):
            Path(f"/proc/{self.pid}/oom_score_adj").write_text("500")

    def claim(self, message: dict[str, Any]) -> None:
        """Tell a worker what to be."""
        self.claimed = True
        if self.claims is not None:
            claim = {
                "environment": kernel_environment(message["argv"][0], message),
                "directory": message.get("directory"),
                "hot": message.get("hot", False),
            }
            with contextlib.suppress(OSError):  # it has ended, which is told in another way
                self.claims.sendall(json.dumps(claim).encode() + b"\n")

    def heard(self) -> list[str]:
        """Return what the worker has said, once `claims` can be read; it closes that at the end."""
        assert self.claims is not None  # noqa: S101
        try:
            data = self.claims.recv(4096)
        except OSError:
            data = b""
        if not data:
            self.close()
        *words, self._heard = (self._heard + data).split(b"\n")
        return [word.decode() for word in words]

    def close(self) -> None:
        """Close the socket of a worker."""
        if self.claims is not None:
            self.claims.close()
            self.claims = None


def launcher_at(argv: Sequence[str]) -> int | None:
    """Return where `-m ipykernel_launcher` stands, after nothing but the interpreter's options."""
    for at, part in enumerate(argv[1:-1], 1):
        if part == "-m":
            return at if argv[at + 1] == _LAUNCHER else None
        if not part.startswith("-"):
            return None
    return None


def _popen(
    argv: list[str], environment: dict[str, str], stdin: Any, directory: str | None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv,
        stdin=stdin,
        stdout=2,
        stderr=2,
        cwd=directory,
        env=environment,
        start_new_session=True,
    )


def write_connection(message: dict[str, Any]) -> dict[str, Any]:
    """Write the connection file, and return what stands in it."""
    folder = Path(message["folder"])
    folder.mkdir(0o700, parents=True, exist_ok=True)
    for left in folder.iterdir():
        left.unlink()
    if message["transport"] == "ipc":
        addresses = {"transport": "ipc", "ip": f"{folder}/s"}
        ports = list(range(1, len(PORTS) + 1))
    else:
        addresses = {"transport": "tcp", "ip": message.get("ip") or "127.0.0.1"}
        ports = list(message.get("ports") or free_ports(len(PORTS)))
    connection = {**message["connection"], **addresses}
    connection.update(zip(PORTS, ports))  # noqa: B905 - `strict` needs Python 3.10
    path = folder / "connection.json"
    path.touch(0o600, exist_ok=False)
    path.write_text(json.dumps(connection))
    return connection


def connect(connection: dict[str, Any], port: int) -> socket.socket:
    """Return a connection to a port of the kernel, numbered as in PORTS from 1."""
    number = connection[PORTS[port - 1]]
    if connection["transport"] == "ipc":
        made = socket.socket(socket.AF_UNIX)
        try:
            made.connect("{}-{}".format(connection["ip"], number))
        except OSError:
            made.close()
            raise
        return made
    made = socket.create_connection((connection["ip"], number))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
