"""Kernels started the way programs without a server start them: with jupyter_client alone."""

from __future__ import annotations

import time
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from jupyter_client.manager import KernelManager

from kernel_containers.core import labels
from kernel_containers.engine import containers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kernel_containers.engine import Engine
    from kernel_containers.kernels.provisioner import ContainerProvisioner


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
        """Run code, interrupt it once `ready`, and return its error and the seconds that took."""
        message = self.client.execute(code)
        until(ready)
        began = time.monotonic()
        self.manager.interrupt_kernel()
        while True:
            reply = self.client.get_shell_msg(timeout=30)
            if reply["parent_header"].get("msg_id") == message:
                return reply["content"].get("ename", ""), time.monotonic() - began

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


def until(condition: Callable[[], Any], seconds: float = 15) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def kernel_containers(engine: Engine, kernel_id: str) -> list[containers.Found]:
    """The containers of a kernel, whatever their state."""
    return containers.find(engine, {labels.KERNEL_ID: kernel_id})


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
