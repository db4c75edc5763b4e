"""Process 1 of a kernel container: starts, signals, restarts and reaps the kernel.

It reads frames from stdin and writes frames to stdout (see link.py); stderr carries what the
kernel writes to its own stdout and stderr. The kernel is never process 1 and leads a session:
ipykernel interrupts its children by killpg, and as process 1 that would spare the kernel itself.

stdin is also the lease: when it ends, nobody can reach the kernel any more, so the container
ends too, and a server that was killed leaves nothing behind.

Messages in: `start` (see `Supervisor.start`), `signal` with a number. Messages out: `started`,
`failed` with the reason, `exited` with the code (negative for a signal) and `out_of_memory`.

This file runs on any Python from 3.8 on, with the standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel_containers.kernels.link import BLOCK, Link
from kernel_containers.kernels.surroundings import kernel_environment, killed_for_memory

if TYPE_CHECKING:
    from types import FrameType

PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
GRACE = 1.0  # seconds between SIGTERM and SIGKILL when the container ends
IDLE = 60.0  # seconds without a kernel; Jupyter restarts one within 3, or gives it up for good
PATIENCE = 0.01  # seconds between attempts to reach a kernel that is starting
FORWARDED = (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


class Pipes:
    """The container's stdin and stdout, moved away so that nothing else writes frames."""

    def __init__(self) -> None:
        self.reader = os.dup(0)
        self.writer = os.dup(1)
        os.dup2(2, 1)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        os.set_blocking(self.reader, False)
        os.set_blocking(self.writer, False)

    def read(self) -> bytes:
        """Return what has come."""
        data = os.read(self.reader, BLOCK)
        if not data:
            raise EOFError
        return data

    def write(self, data: bytes) -> int:
        """Return how many bytes were taken."""
        return os.write(self.writer, data)


class Supervisor:
    """One kernel at a time, and the connections to it."""

    def __init__(self) -> None:
        self.link = Link(Pipes(), self.obey, self.opened)
        self.kernel: subprocess.Popen[bytes] | None = None
        self.waiting: dict[int, int] = {}  # channel → port that does not answer yet
        self.connection: dict[str, Any] = {}
        self.killed_before: int | None = None
        self.exit_code: int | None = None
        self.deadline = float("inf")
        self.idle_since = time.monotonic()
        woken, wake = socket.socketpair()
        woken.settimeout(0)
        wake.settimeout(0)
        self._wake = wake  # the wakeup descriptor must stay open
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        self.link.selector.register(woken, 1, lambda: woken.recv(BLOCK))
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self.end(128 + signal.SIGTERM))
        for number in FORWARDED:
            signal.signal(number, self.forward)

    def run(self) -> int:
        """Work until the stream ends, SIGTERM comes or no kernel does; return the exit code."""
        while self.exit_code is None or (self.kernel and time.monotonic() < self.deadline):
            if self.waiting:
                self.link.step(PATIENCE)
                self.reach()
            else:
                self.link.step(None if self.kernel and self.exit_code is None else GRACE)
            self.reap()
            idle = self.kernel is None and time.monotonic() > self.idle_since + IDLE
            if self.link.ended or idle:
                self.end(0)
        self.link.step(0)  # tells how the kernel ended
        self.sweep()
        return self.exit_code

    def end(self, code: int) -> None:
        """Ask the kernel to end, and let `run` return soon."""
        if self.exit_code is None:
            self.exit_code = code
            self.deadline = time.monotonic() + GRACE
            self.kill(signal.SIGTERM)

    def obey(self, message: dict[str, Any]) -> None:
        """Do what the other end asks for."""
        if message["do"] == "start":
            self.start(message)
        elif message["do"] == "signal":
            self.kill(message["number"])

    def start(self, message: dict[str, Any]) -> None:
        """Start a kernel in place of the last one.

        `argv` has `{connection_file}` in it; `folder` takes the connection file and sockets;
        `connection` is what the connection file has besides the addresses; `transport` is ipc
        or tcp; `environment` is added to the container's; `directory`, `umask`, `home`,
        `packages` and `client` may be null.
        """
        if self.kernel is not None:
            self.sweep(self.kernel.pid)
            self.kernel.wait()
            self.kernel = None
        self.link.close_all()
        self.waiting.clear()
        try:
            path = self.write_connection(message)
            argv = [part.replace("{connection_file}", path) for part in message["argv"]]
            environment = kernel_environment(argv[0], message)
            if message.get("umask") is not None:
                os.umask(message["umask"])
            self.killed_before = killed_for_memory()
            self.kernel = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=2,
                stderr=2,
                cwd=message.get("directory"),
                env=environment,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            self.link.send({"event": "failed", "why": str(error)})
            return
        # When memory runs out, the kernel goes and not this process, which tells why.
        with contextlib.suppress(OSError):
            Path(f"/proc/{self.kernel.pid}/oom_score_adj").write_text("500")
        self.link.send({"event": "started", "pid": self.kernel.pid})

    def write_connection(self, message: dict[str, Any]) -> str:
        """Write the connection file, and return its path."""
        folder = Path(message["folder"])
        folder.mkdir(0o700, parents=True, exist_ok=True)
        for left in folder.iterdir():
            left.unlink()
        if message["transport"] == "ipc":
            addresses = {"transport": "ipc", "ip": f"{folder}/s"}
            ports = list(range(1, len(PORTS) + 1))
        else:
            addresses = {"transport": "tcp", "ip": "127.0.0.1"}
            ports = free_ports(len(PORTS))
        self.connection = {**message["connection"], **addresses}
        self.connection.update(zip(PORTS, ports))  # noqa: B905 - `strict` needs Python 3.10
        path = folder / "connection.json"
        path.touch(0o600, exist_ok=False)
        path.write_text(json.dumps(self.connection))
        return str(path)

    def opened(self, channel: int, port: int) -> None:
        """Connect a channel to one of the kernel's ports, numbered as in PORTS from 1."""
        if self.kernel is None:
            self.link.close(channel)
        else:
            self.waiting[channel] = port
            self.reach()

    def reach(self) -> None:
        """Try the ports that did not answer yet: the kernel opens them while it starts."""
        for channel, port in list(self.waiting.items()):
            if channel not in self.link.channels:
                del self.waiting[channel]
            elif self.kernel is None:
                del self.waiting[channel]
                self.link.close(channel)
            else:
                try:
                    connection = connect(self.connection, port)
                except OSError:
                    continue
                del self.waiting[channel]
                self.link.connect(channel, connection)

    def reap(self) -> None:
        """Collect ended processes; as process 1 also those that lost their parent."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if self.kernel is not None and pid == self.kernel.pid:
                code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
                self.exited(self.kernel, code)

    def exited(self, kernel: subprocess.Popen[bytes], code: int) -> None:
        """Tell how the kernel ended. Its last output is still read: its sockets close later."""
        kernel.returncode = code
        self.kernel = None
        self.idle_since = time.monotonic()
        self.sweep(kernel.pid)
        killed = killed_for_memory()
        grown = killed is not None and killed > (self.killed_before or 0)
        self.link.send(
            {
                "event": "exited",
                "code": code,
                # The counter also counts the kernel's children.
                "out_of_memory": grown and code == -signal.SIGKILL,
            }
        )

    def forward(self, number: int, _frame: FrameType | None) -> None:
        """Pass a signal on to the kernel."""
        self.kill(number)

    def kill(self, number: int) -> None:
        """Send a signal to the kernel and the processes in its group."""
        if self.kernel is not None:
            with contextlib.suppress(OSError):
                os.killpg(self.kernel.pid, number)

    def sweep(self, group: int | None = None) -> None:
        """End every process of the last kernel, whatever session it is in."""
        if group is None and self.kernel is not None:
            group = self.kernel.pid
        with contextlib.suppress(OSError):
            if os.getpid() == 1:
                os.kill(-1, signal.SIGKILL)
            elif group is not None:
                os.killpg(group, signal.SIGKILL)


def connect(connection: dict[str, Any], port: int) -> socket.socket:
    """Return a connection to a port of the kernel."""
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


def main() -> None:
    """Run as a program."""
    sys.exit(Supervisor().run())
