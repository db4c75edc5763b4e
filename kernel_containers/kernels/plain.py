"""A container whose program is the kernel itself, for images without Python.

There is no supervisor to ask: a restart takes a new container, and ports are published. The
image's shell holds the lease, and leaves its place to the kernel.
"""

from __future__ import annotations

import collections
import contextlib
import re
import secrets
import shlex
import signal
import socket
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kernel_containers.engine import containers
from kernel_containers.engine.attach import attach, attach_program, frames
from kernel_containers.errors import KernelContainersError
from kernel_containers.kernels.container import RETURN, KernelContainer
from kernel_containers.kernels.launch import SOCKETS
from kernel_containers.kernels.process import write_connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kernel_containers.core.containers import ContainerSpec
    from kernel_containers.engine import Engine
    from kernel_containers.engine.attach import Attachment
    from kernel_containers.engine.containers import PlacedFile
    from kernel_containers.kernels.connection import Address
    from kernel_containers.kernels.death import Death

LINES = 200  # of the kernel's own output that are kept
_NO_PYTHON = re.compile(r'"python[0-9.]*": executable file not found')
_HOLDER = "holder"  # a file that names who holds the lease
# Holds the lease $1 for as long as stdin lasts, and ends all processes where nobody has taken it
# over some time after that. A folder that is gone says that nobody will.
_HOLD = f"""
trap '' HUP INT QUIT TERM
cat >/dev/null
left={RETURN:.0f}
while [ $left -gt 0 ]; do
  now=; read -r now <{SOCKETS}/{_HOLDER} || break
  [ "$now" = "$1" ] || exit 0
  sleep 1; left=$((left - 1))
done 2>/dev/null
kill -9 -1
"""
# A shell gives its background no stdin of its own.
_START = (
    f". {SOCKETS}/start; exec 3<&0 </dev/null; "
    'hold=$1; lease=$2; shift 2; sh -c "$hold" sh "$lease" <&3 & exec "$@" 3<&-'
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
        self._lease = ""
        self._attachments: list[Attachment] = []
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
        lease = secrets.token_hex(8)
        environment = {**spec.environment, "TINI_KILL_PROCESS_GROUP": "1"}  # children, too
        wanted = replace(
            spec,
            command=("/bin/sh", "-c", _START, "sh", _HOLD, lease, *words),
            environment=environment,
            init=True,
        )
        made = cls(engine, containers.create(engine, wanted), address, died)
        made._lease = lease
        try:
            if placed := list(files):
                containers.put_files(engine, made.id, placed)
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
        self._take_lease(self._lease)
        self._read(attach(self.engine, self.id))
        containers.start(self.engine, self.id)
        self._connected.set()
        threading.Thread(target=self._wait, name="kernel-plain", daemon=True).start()

    def _take_lease(self, lease: str) -> None:
        (self.address.folder / _HOLDER).write_text(f"{lease}\n", "ascii")

    def _return(self, description: dict[str, Any]) -> None:
        """Take over the lease before the shell that held it gives up, and read on."""
        del description
        lease = secrets.token_hex(8)
        with contextlib.suppress(OSError):  # the folder is gone, and the kernel soon
            self._take_lease(lease)
        command = ["/bin/sh", "-c", _HOLD, "sh", lease]
        self._read(attach_program(self.engine, self.id, command))
        self._read(attach(self.engine, self.id, stdin=False))
        self._connected.set()
        if self._removing:  # meanwhile
            self.release()

    def signal(self, number: int) -> None:
        """Send a signal to the kernel and the processes in its group."""
        with contextlib.suppress(KernelContainersError):
            containers.kill(self.engine, self.id, signal.Signals(number).name)

    def release(self) -> None:
        """Let the container end by itself, without asking the engine, and let the engine go."""
        self._removing = True
        (self.address.folder / _HOLDER).unlink(missing_ok=True)  # nobody will return
        for attachment in self._attachments:
            with contextlib.suppress(OSError):  # who reads closes it, and can't be overtaken
                attachment.socket.shutdown(socket.SHUT_RDWR)
        super().release()

    def _read(self, attachment: Attachment) -> None:
        """Keep the end of what comes, in a thread that ends with the connection."""

        def read() -> None:
            with (
                contextlib.closing(attachment),
                contextlib.suppress(KernelContainersError, OSError),
            ):
                for _, data in frames(attachment):
                    self._written.append(data)

        self._attachments.append(attachment)
        threading.Thread(target=read, name="kernel-plain", daemon=True).start()

    def _wait(self) -> None:
        while not self.has_ended:
            try:
                state = containers.wait(self.engine, self.id)
            except KernelContainersError:  # the connection is lost, or it has ended since
                self._connected.clear()
                if self._removing:
                    return
                self._find_again(time.monotonic() + RETURN)
                continue
            code = 128 - state.code if state.code > 128 else state.code
            self.has_ended = True
            if not self._removing:
                self._die("out-of-memory" if state.out_of_memory else "exit", code)
