"""Process 1 of a kernel container: starts, signals, restarts and reaps the kernel.

It reads frames from stdin and writes frames to stdout (see link.py); stderr carries what the
kernel writes to its own stdout and stderr. The kernel is never process 1 and leads a session:
ipykernel interrupts its children by killpg, and as process 1 that would spare the kernel itself.

stdin is also the lease: when it ends, nobody can reach the kernel any more, so the container
ends too, and a server that was killed leaves nothing behind. It ends after some time, `outlive`,
in which who has lost the connection, or another server, can come through the door (see door.py).

Messages in: `prepare`, `start` and `adopt` (see the methods), `signal` with a number, `end`.
Messages out: `ready` when what was prepared can be claimed, `started`, `adopted`, `failed` with
the reason, `attached` to whoever came through the door, `exited` with the code (negative for a
signal), `out_of_memory`, and whether the whole container was `stopped`.

This file runs on any Python from 3.8 on, with the standard library only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from pathlib import Path

from kernel_containers.kernels.door import Door, Pipes
from kernel_containers.kernels.link import BLOCK, Link
from kernel_containers.kernels.process import KernelProcess, connect, write_connection
from kernel_containers.kernels.surroundings import kill_processes, killed_for_memory, regain_access

TYPE_CHECKING = False  # importing `typing` would take 3 ms of each start
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

GRACE = 1.0  # seconds between SIGTERM and SIGKILL when the container ends
IDLE = 60.0  # seconds without a kernel; Jupyter restarts one within 3, or gives it up for good
PATIENCE = 0.003  # seconds between attempts to reach a kernel that is starting
FORWARDED = (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


class Supervisor:
    """One kernel at a time, and the connections to it."""

    def __init__(self) -> None:
        self.link = Link(Pipes(), self.obey, self.opened)
        self.kernel: KernelProcess | None = None
        self.waiting: dict[int, int] = {}  # channel → port that does not answer yet
        self.connection: dict[str, Any] = {}
        self.killed_before: int | None = None
        self.exit_code: int | None = None
        self.deadline = float("inf")
        self.idle_since = time.monotonic()
        self.outlive = 0.0  # seconds that a kernel goes on without the stream
        self.alone_since: float | None = None
        self.door: Door | None = None
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
                quiet = self.kernel and self.exit_code is None and not self.link.ended
                self.link.step(None if quiet else GRACE)
            self.reap()
            idle = self.kernel is None and time.monotonic() > self.idle_since + IDLE
            if idle or (self.link.ended and not self.goes_on_alone()):
                self.end(0)
        self.link.step(0)  # tells how the kernel ended
        self.sweep()
        return self.exit_code

    def goes_on_alone(self) -> bool:
        """Whether the kernel may still wait for somebody to return."""
        if self.alone_since is None:
            self.alone_since = time.monotonic()
        return bool(self.kernel) and time.monotonic() < self.alone_since + self.outlive

    def let_in(self) -> None:
        """Go on with whoever came through the door."""
        assert self.door is not None  # noqa: S101 - it is what was selected
        with contextlib.suppress(OSError):
            self.link.resume(self.door.accept())
            self.waiting.clear()
            self.alone_since = None
            self.link.send({"event": "attached"})

    def may_outlive(self, message: dict[str, Any]) -> None:
        """Open the door where the kernel may go on without the stream, for `outlive` seconds."""
        self.outlive = float(message.get("outlive") or 0)
        if self.outlive and self.door is None:
            self.door = Door(str(Path(message["folder"]).parent / "door"))
            self.link.selector.register(self.door.listener, 1, self.let_in)

    def end(self, code: int) -> None:
        """Ask the kernel to end, and let `run` return soon."""
        if self.exit_code is None:
            self.exit_code = code
            self.deadline = time.monotonic() + GRACE
            self.kill(signal.SIGTERM)

    def obey(self, message: dict[str, Any]) -> None:
        """Do what the other end asks for."""
        if message["do"] == "signal":
            self.kill(message["number"])
        elif message["do"] == "end":
            self.end(0)
        else:
            known = {"prepare": self.prepare, "start": self.start, "adopt": self.adopt}
            known[message["do"]](message)

    def prepare(self, message: dict[str, Any]) -> None:
        """Start a process that waits to become a kernel, in place of the last one.

        `argv` has `{connection_file}` in it; `folder` takes the connection file and sockets;
        `program` is the worker's text; `environment` is added to the container's; `directory`,
        `umask`, `home`, `packages`, `program` and `client` may be null.
        """
        self.clear()
        try:
            self.kernel = KernelProcess(message)
        except (OSError, ValueError) as error:
            self.link.send({"event": "failed", "why": str(error)})
            return
        if self.kernel.claims is not None:
            self.link.selector.register(self.kernel.claims, 1, self.listen)

    def start(self, message: dict[str, Any]) -> None:
        """Start a kernel in place of the last one; one that is prepared becomes it.

        Besides what `prepare` takes: `connection` is what the connection file has besides the
        addresses; `transport` is ipc or tcp, with `ip` and `ports` where they are given; `hot`
        where the kernel is to be adopted later.
        """
        prepared = self.kernel is not None and not self.kernel.claimed
        if not prepared:
            self.clear()  # else the last kernel may remove the file of the next one
        try:
            Path(message.get("directory") or "/").stat()  # a worker would tell in a traceback
            regain_access(Path(message["folder"]))
            self.connection = write_connection(message)
            self.may_outlive(message)
        except OSError as error:
            self.link.send({"event": "failed", "why": str(error)})
            return
        if not prepared:
            self.prepare(message)
        if self.kernel is not None:
            self.killed_before = killed_for_memory()
            self.kernel.claim(message)
            self.link.send({"event": "started", "pid": self.kernel.pid})

    def adopt(self, message: dict[str, Any]) -> None:
        """Give a hot kernel its environment and folder; `adopted` tells that it has them."""
        if self.kernel is not None:
            self.may_outlive(message)
            self.kernel.claim(message)

    def listen(self) -> None:
        """Pass on what a worker says."""
        kernel = self.kernel
        if kernel is None or kernel.claims is None:
            return
        claims = kernel.claims
        for word in kernel.heard():
            self.link.send({"event": word})
        if kernel.claims is None:
            self.link.selector.unregister(claims)

    def clear(self) -> None:
        """End the last kernel and its connections."""
        if self.kernel is not None:
            self.sweep(self.kernel.pid)
            self.kernel.popen.wait()
            self.forget()
        self.link.close_all()
        self.waiting.clear()

    def forget(self) -> None:
        """Let go of a kernel that has ended."""
        if self.kernel is not None and self.kernel.claims is not None:
            self.link.selector.unregister(self.kernel.claims)
            self.kernel.close()
        self.kernel = None

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

    def exited(self, kernel: KernelProcess, code: int) -> None:
        """Tell how the kernel ended. Its last output is still read: its sockets close later."""
        kernel.popen.returncode = code
        self.forget()
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
                "stopped": self.exit_code == 128 + signal.SIGTERM,  # the whole container
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
        # Who came through the door is a process of the container, too.
        kill_processes(group, spared=getattr(self.link.stream, "peer", None))


def main() -> None:
    """Run as a program."""
    sys.exit(Supervisor().run())
