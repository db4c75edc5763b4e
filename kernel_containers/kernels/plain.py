"""A container whose program is the kernel itself, for images without Python.

There is no supervisor to ask: a restart takes a new container, and ports are published. The
image's shell holds the lease, and leaves its place to the kernel.
"""

from __future__ import annotations

import collections
import contextlib
import re
import shlex
import signal
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kernel_containers.engine import containers
from kernel_containers.engine.attach import attach, frames
from kernel_containers.errors import KernelContainersError
from kernel_containers.kernels.container import KernelContainer
from kernel_containers.kernels.launch import SOCKETS
from kernel_containers.kernels.process import write_connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kernel_containers.core.containers import ContainerSpec
    from kernel_containers.engine import Engine
    from kernel_containers.engine.attach import Attachment
    from kernel_containers.engine.containers import PlacedFile
    from kernel_containers.kernels.connection import Address
    from kernel_containers.kernels.container import Death

LINES = 200  # of the kernel's own output that are kept
_NO_PYTHON = re.compile(r'"python[0-9.]*": executable file not found')
# When stdin ends, so does the kernel's group. A shell gives its background no stdin of its own.
_LEASE = (
    f'. {SOCKETS}/start; exec 3<&0 </dev/null; (cat <&3 >/dev/null; kill -9 0) & exec "$@" 3<&-'
)


def lacks_python(error: KernelContainersError) -> bool:
    """Whether the engine did not start the supervisor because the image has no Python."""
    return bool(_NO_PYTHON.search(error.why or ""))


def _start_script(message: dict[str, Any]) -> str:
    """Return what a shell reads before the kernel: its variables are nobody else's business."""
    lines = [
        f"export {name}={shlex.quote(text)}"
        for name, text in message["environment"].items()
        if name.isidentifier()
    ]
    lines.append(f'[ -w "${{HOME:-/}}" ] || export HOME={shlex.quote(message["home"])}')
    if message["umask"] is not None:
        lines.append(f"umask {message['umask']:04o}")
    if message["directory"]:
        lines.append(f"cd {shlex.quote(message['directory'])}")
    return "\n".join(lines) + "\n"


class PlainContainer(KernelContainer):
    """Its kernel starts with it, and it ends with its kernel."""

    def __init__(
        self, engine: Engine, container: str, address: Address, died: Callable[[Death], None]
    ) -> None:
        super().__init__(engine, container, address, died)
        self._attachment: Attachment | None = None
        self._written: collections.deque[bytes] = collections.deque(maxlen=LINES)

    @classmethod
    def create_plain(
        cls,
        engine: Engine,
        spec: ContainerSpec,
        argv: Iterable[str],
        *,
        files: Iterable[PlacedFile],
        address: Address,
        died: Callable[[Death], None],
    ) -> PlainContainer:
        """Create a container for the kernel that `argv` starts. Nothing is left when it fails.

        Raises:
            NotFound, InvalidInput, Refused, Unavailable: the engine's words are the cause.
        """
        words = [word.replace("{connection_file}", f"{SOCKETS}/connection.json") for word in argv]
        environment = {**spec.environment, "TINI_KILL_PROCESS_GROUP": "1"}  # children, too
        wanted = replace(
            spec,
            command=("/bin/sh", "-c", _LEASE, "sh", *words),
            environment=environment,
            init=True,
        )
        made = cls(engine, containers.create(engine, wanted), address, died)
        try:
            if placed := list(files):
                containers.put_files(engine, made.id, "/", placed)
        except BaseException:
            made.remove()
            raise
        return made

    @property
    def tail(self) -> str:
        """The end of what the kernel wrote to its own stdout and stderr."""
        return b"".join(self._written).decode("utf-8", errors="replace")

    def start_kernel(self, message: dict[str, Any]) -> None:
        """Write the connection file, and start the container."""
        write_connection({**message, "folder": str(self.address.folder)})
        start = self.address.folder / "start"
        start.touch(0o600)
        start.write_text(_start_script(message), "utf-8")
        self._attachment = attach(self.engine, self.id)
        containers.start(self.engine, self.id)
        for work in (self._read, self._wait):
            threading.Thread(target=work, name="kernel-plain", daemon=True).start()

    def signal(self, number: int) -> None:
        """Send a signal to the kernel and the processes in its group."""
        with contextlib.suppress(KernelContainersError):
            containers.kill(self.engine, self.id, signal.Signals(number).name)

    def release(self) -> None:
        """Let the container end by itself, without asking the engine, and let the engine go."""
        self._removing = True
        if self._attachment is not None:
            self._attachment.close()
        super().release()

    def _read(self) -> None:
        assert self._attachment is not None  # noqa: S101 - made by start_kernel()
        with contextlib.suppress(KernelContainersError, OSError, ValueError):
            for _, data in frames(self._attachment):
                self._written.append(data)

    def _wait(self) -> None:
        try:
            state = containers.wait(self.engine, self.id)
        except KernelContainersError as error:
            self._end("engine", 137, error.why or error.what)
            return
        code = 128 - state.code if state.code > 128 else state.code
        self._end("out-of-memory" if state.out_of_memory else "exit", code)

    def _end(self, cause: Any, code: int, detail: str = "") -> None:
        self.has_ended = True
        if not self._removing:
            self._die(cause, code, detail)
