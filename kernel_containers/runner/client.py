"""The kernel's messages: requests go out, and what comes back goes to the collector."""

from __future__ import annotations

import hmac
import json
import mmap
import struct
import time
from typing import TYPE_CHECKING, Any

import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.session import DELIM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jupyter_client.connect import KernelConnectionInfo
    from jupyter_client.session import Session

    from kernel_containers.runner.collector import Collector

_BATCH = 2_000  # messages that are read before anything else is looked at


class Meter:
    """Counts what was read in a file, from which the kernel knows when to wait."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8)
        self._count = 0

    def add(self, parts: list[bytes]) -> None:
        """Count a message that needs no more memory."""
        self._count += sum(map(len, parts))
        struct.pack_into("=Q", self._map, 0, self._count)

    def close(self) -> None:
        """Close the file."""
        self._map.close()


class KernelClient:
    """A connection to a kernel. Not for several threads."""

    def __init__(
        self, connection: KernelConnectionInfo, collector: Collector, meter: Meter
    ) -> None:
        self._context = zmq.Context()
        # No limit on what waits here: ZeroMQ drops what is above it without a word.
        self._context.setsockopt(zmq.RCVHWM, 0)
        self._context.setsockopt(zmq.SNDHWM, 0)
        self._context.setsockopt(zmq.RECONNECT_IVL, 10)  # ms; the kernel opens its sockets later
        self._client = BlockingKernelClient(context=self._context)
        self._client.load_connection_info(connection)
        self._client.start_channels(stdin=False, hb=False)
        self._client.allow_stdin = False
        self._shell = self._client.shell_channel.socket
        self._iopub = self._client.iopub_channel.socket
        self._poller = zmq.Poller()
        self._poller.register(self._shell, zmq.POLLIN)
        self._poller.register(self._iopub, zmq.POLLIN)
        self._meter = meter
        self._collector = collector
        self._collector.kc = self._client
        self._cells: dict[str, int] = {}
        self._current: int | None = None
        self._replies: dict[str, Any] = {}
        self._idle: set[str] = set()
        self.said_all = False  # ours tells when it ends; see launcher.py

    def ask_kernel_info(self) -> str:
        """Send the request that shows whether a kernel is there; return its id."""
        return str(self._client.kernel_info())

    def execute(
        self, index: int, source: str, expressions: dict[str, str], *, stop_on_error: bool
    ) -> str:
        """Send a cell's source and what to evaluate once it has run; return the request's id."""
        request: str = self._client.execute(
            source,
            user_expressions=expressions,
            allow_stdin=False,
            stop_on_error=stop_on_error,
        )
        self._cells[request] = self._current = index
        return request

    def evaluate(self, expressions: dict[str, str], seconds: float) -> dict[str, Any]:
        """Return the answers to expressions, which leave no trace; none after `seconds`."""
        request = self._client.execute("", silent=True, user_expressions=expressions)
        end = time.monotonic() + seconds
        while time.monotonic() < end and request not in self._replies:
            self.receive(0.1)
        return self._replies.get(request, {}).get("user_expressions") or {}

    def interrupt(self) -> None:
        """Ask over the control channel, for kernels that no signal interrupts."""
        self._control("interrupt_request", {})

    def shutdown(self) -> None:
        """Ask the kernel to end."""
        self._control("shutdown_request", {"restart": False})

    def _control(self, kind: str, content: dict[str, Any]) -> None:
        channel = self._client.control_channel
        channel.send(self._client.session.msg(kind, content))

    def reply(self, request: str) -> Any | None:
        """Return the content of a request's reply, once it is there."""
        return self._replies.get(request)

    def finished_reply(self) -> Any | None:
        """Return any reply that has come, and all that was said before it was finished."""
        return next((self._replies[item] for item in self._idle if item in self._replies), None)

    def is_idle(self, request: str) -> bool:
        """Whether the kernel has said all that belongs to a request."""
        return request in self._idle

    def receive(self, seconds: float) -> bool:
        """Take what has come, waiting at most `seconds` for the first; whether there was any."""
        ready = dict(self._poller.poll(int(seconds * 1000)))
        if self._iopub in ready:
            for message in self._waiting(self._iopub):
                self._take(message)
        if self._shell in ready:
            for message in self._waiting(self._shell):
                self._replies[message["parent_header"].get("msg_id", "")] = message["content"]
        return bool(ready)

    def _waiting(self, socket: Any) -> Iterator[Any]:
        for _ in range(_BATCH):
            try:
                parts = socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            message = _read(self._client.session, parts)
            if message is not None:
                yield message
            if socket is self._iopub:
                self._meter.add(parts)

    def _take(self, message: Any) -> None:
        request = message["parent_header"].get("msg_id", "")
        is_status = message["msg_type"] == "status"
        state = message["content"]["execution_state"] if is_status else ""
        self.said_all = self.said_all or state == "dead"
        # Output without a cell of its own, such as a thread's, lands where the run is.
        index = self._cells.get(request, self._current)
        is_own = request not in self._cells and is_status
        if index is not None and not is_own:
            self._collector.take(message, index)
        if state == "idle":
            self._idle.add(request)

    def close(self) -> None:
        """Close the sockets."""
        self._client.stop_channels()
        self._meter.close()
        self._context.destroy(linger=0)


def _read(session: Session, parts: list[bytes]) -> Any | None:
    """Return a message, or None when it is malformed or not signed with the kernel's key.

    Session.deserialize() also reads every date and looks for repetitions, which takes longer
    than all the rest.
    """
    try:
        start = parts.index(DELIM) + 1
        signature, frames = parts[start], parts[start + 1 :]
        if not hmac.compare_digest(signature, session.sign(frames[:4])):
            return None
        header, parent, metadata, content = (json.loads(frame) for frame in frames[:4])
    except (ValueError, IndexError):
        return None
    return {
        "header": header,
        "msg_id": header["msg_id"],
        "msg_type": header["msg_type"],
        "parent_header": parent,
        "metadata": metadata,
        "content": content,
        "size": len(frames[3]),
        "buffers": frames[4:],
    }
