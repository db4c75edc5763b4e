"""Kernels started the way programs without a server start them: with jupyter_client alone."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from jupyter_client.manager import KernelManager

from kernel_containers.core import labels
from kernel_containers.engine import containers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kernel_containers.engine import Engine
    from kernel_containers.kernels.provisioner import ContainerProvisioner

# A process with a kernel: given a kernelspec and a folder, it prints the kernel's id.
HOLD_A_KERNEL = (
    "import sys, time\n"
    "from jupyter_client.manager import start_new_kernel\n"
    "manager, client = start_new_kernel(kernel_name=sys.argv[1], cwd=sys.argv[2])\n"
    "print(manager.kernel_id, flush=True)\n"
    "time.sleep(600)\n"
)
# docker-py does not close a socket that it can't connect. Collect garbage within such a test.
engine_refuses = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
)


class Result(NamedTuple):
    """What executing code gave: `ok` or `error`, what was printed or shown, and the error."""

    status: str
    text: str
    error: str


@dataclass
class Running:
    """A kernel with a client."""

    manager: KernelManager
    client: Any
    answers: list[str] = field(default_factory=list)  # for input()

    @property
    def provisioner(self) -> ContainerProvisioner:
        """The product's part of it."""
        provisioner: Any = self.manager.provisioner
        return provisioner

    @property
    def container(self) -> str:
        """The id of its container."""
        held = self.provisioner._held.container
        assert held is not None
        return held.id

    @property
    def transport(self) -> str:
        """How its messages leave the container."""
        assert self.provisioner._held.address is not None
        return self.provisioner._held.address.transport

    def execute(self, code: str, timeout: float = 30) -> Result:
        """Run code to its end."""
        parts: list[str] = []

        def show(message: dict[str, Any]) -> None:
            content = message["content"]
            parts.append(content.get("text") or content.get("data", {}).get("text/plain") or "")

        reply = self.client.execute_interactive(
            code,
            timeout=timeout,
            output_hook=show,
            stdin_hook=lambda _: self.client.input(self.answers.pop(0)),
        )
        content = reply["content"]
        return Result(content["status"], "".join(parts), content.get("ename", ""))

    def text(self, code: str) -> str:
        """What code prints; it must succeed."""
        result = self.execute(code)
        assert result.status == "ok", result
        return result.text.strip()

    def interrupt_when(self, ready: Callable[[], bool], code: str) -> tuple[str, float]:
        """Run code, interrupt it once `ready`, and return its error and the seconds that took.

        A signal that comes between Python's last look at signals and the system call that waits
        is noticed when that returns, in any kernel. One asks again, as a user would.
        """
        # Else ipykernel answers what comes soon after the error with `aborted`.
        message = self.client.execute(code, stop_on_error=False)
        until(ready)
        began = time.monotonic()
        while time.monotonic() - began < 30:
            self.manager.interrupt_kernel()
            with contextlib.suppress(queue.Empty):
                while True:
                    reply = self.client.get_shell_msg(timeout=4)
                    if reply["parent_header"].get("msg_id") == message:
                        return reply["content"].get("ename", ""), time.monotonic() - began
        raise TimeoutError(code)

    def restart(self, *, now: bool = False) -> None:
        """Restart it and wait until it answers."""
        self.manager.restart_kernel(now=now)
        self.client.wait_for_ready(timeout=30)


@contextmanager
def running(name: str, folder: Path, **options: Any) -> Iterator[Running]:
    """Start a kernel in a folder, and shut it down."""
    manager = KernelManager(kernel_name=name)
    manager.start_kernel(cwd=str(folder), **options)
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=30)
        yield Running(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.context.destroy(linger=0)


def until(condition: Callable[[], Any], seconds: float = 60) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def kernel_containers(engine: Engine, kernel_id: str) -> list[containers.Found]:
    """The containers of a kernel, whatever their state."""
    found = containers.find(engine, {labels.KIND: None})
    return [container for container in found if f"kernel-{kernel_id}-" in container.name]


def tiny_wheel(folder: Path) -> Path:
    """Write a wheel with one module."""
    path = folder / "kctiny-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("kctiny.py", "value = 42")
        info = "Metadata-Version: 2.1\nName: kctiny\nVersion: 1\n"
        archive.writestr("kctiny-1.dist-info/METADATA", info)
        archive.writestr(
            "kctiny-1.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr("kctiny-1.dist-info/RECORD", "")
    return path


class EngineDoor:
    """A Unix socket that leads to the engine's, until it is shut."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.carried = 0  # bytes, both ways
        self.connections = 0
        self._connections: list[socket.socket] = []
        self._listener: socket.socket | None = None

    def open(self) -> None:
        """Let connections through."""
        self.path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def shut(self) -> None:
        """End all connections, and refuse new ones."""
        if self._listener:
            # Closing alone does not wake the thread that accepts.
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._connections.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            engine.connect("/var/run/docker.sock")
            self.connections += 1
            self._connections += [client, engine]
            for pair in ((client, engine), (engine, client)):
                threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.carried += len(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
