"""The host's end of a container's attach stream: Jupyter's connections in, frames out.

It runs in a thread of its own: clients without an event loop need it as much as a server does,
and a kernel's flood of output must not stall the server's loop.
"""

from __future__ import annotations

import collections
import contextlib
import selectors
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

from kernel_containers.engine.attach import HEADER, STDERR, STDOUT
from kernel_containers.kernels.connection import listeners
from kernel_containers.kernels.link import BLOCK, Link

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kernel_containers.engine.attach import Attachment

TAIL = 64 * 1024  # bytes kept of what the kernel wrote to its own stdout and stderr


class AttachStream:
    """The engine's multiplexed stream: stdout is handed out, the end of stderr is kept."""

    def __init__(self, attachment: Attachment) -> None:
        attachment.socket.settimeout(0)
        self.reader = self.writer = attachment.socket
        self.tail = b""
        self._received = b""  # of a header that is not whole yet
        self._stream = STDOUT
        self._left = 0  # bytes of the current frame that are still to come

    def read(self) -> bytes:
        """Return what has come of stdout, which may be nothing."""
        try:
            data = self.reader.recv(BLOCK)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
            raise BlockingIOError from error
        if not data:
            raise EOFError
        parts: dict[int, list[memoryview]] = {STDOUT: [], STDERR: []}
        rest = memoryview(self._received + data)  # slices of it are no copies
        while rest:
            if not self._left:
                if len(rest) < HEADER.size:
                    break
                self._stream, self._left = HEADER.unpack_from(rest)
                rest = rest[HEADER.size :]
            part, rest = rest[: self._left], rest[self._left :]
            self._left -= len(part)
            parts.setdefault(self._stream, []).append(part)
        self._received = bytes(rest)
        if parts[STDERR]:
            self.tail = (self.tail + b"".join(parts[STDERR]))[-TAIL:]
        return b"".join(parts[STDOUT])

    def write(self, data: memoryview) -> int:
        """Return how many bytes were taken."""
        try:
            return self.writer.send(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
            raise BlockingIOError from error


class Relay:
    """The thread that carries a kernel's connections.

    `heard` gets the supervisor's messages and `ended` is called once, when the stream has
    ended; both in that thread.
    """

    def __init__(
        self,
        attachment: Attachment,
        folder: Path,
        heard: Callable[[dict[str, Any]], None],
        ended: Callable[[], None],
    ) -> None:
        self._attachment = attachment
        self._folder = folder
        self._ended = ended
        self._stream = AttachStream(attachment)
        self._link = Link(self._stream, heard, lambda channel, _: self._link.close(channel))
        self._listeners: list[socket.socket] = []
        self._todo: collections.deque[Callable[[], None]] = collections.deque()
        self._woken, self._wake = socket.socketpair()
        self._woken.settimeout(0)
        self._wake.settimeout(0)
        self._link.selector.register(self._woken, selectors.EVENT_READ, self._work)
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="kernel-relay", daemon=True)

    @property
    def tail(self) -> bytes:
        """The last of what the kernel wrote to its own stdout and stderr."""
        return self._stream.tail

    def start(self) -> None:
        """Begin to carry bytes."""
        self._thread.start()

    def send(self, message: dict[str, Any]) -> None:
        """Send the supervisor a message; nothing happens when the stream has ended."""
        self._do(lambda: self._link.send(message))

    def listen(self) -> None:
        """Open the sockets for clients anew, and return when they are there."""
        done = threading.Event()

        def work() -> None:
            self._close_listeners()
            for port, listener in listeners(self._folder):
                self._listeners.append(listener)
                accept = _Accept(self._link, listener, port)
                self._link.selector.register(listener, selectors.EVENT_READ, accept)
            done.set()

        self._do(work)
        while not done.wait(0.1) and self._thread.is_alive():
            pass

    def close(self) -> None:
        """End the stream, which ends the container, and the thread."""

        def work() -> None:
            self._closing = True

        self._do(work)
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(5)

    def _do(self, work: Callable[[], None]) -> None:
        self._todo.append(work)
        # Full: it is being woken already. Closed: the stream has ended.
        with contextlib.suppress(OSError):
            self._wake.send(b"!")

    def _work(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(BLOCK)
        while self._todo:
            self._todo.popleft()()

    def _run(self) -> None:
        try:
            while not self._link.ended and not self._closing:
                self._link.step()
        finally:
            self._close_listeners()
            self._link.close_all()
            self._link.selector.close()
            for one in (self._attachment, self._woken, self._wake):
                one.close()
            self._ended()

    def _close_listeners(self) -> None:
        while self._listeners:
            listener = self._listeners.pop()
            self._link.selector.unregister(listener)
            listener.close()


class _Accept:
    """What to do when a client connects to a port."""

    def __init__(self, link: Link, listener: socket.socket, port: int) -> None:
        self._link = link
        self._listener = listener
        self._port = port

    def __call__(self) -> None:
        with contextlib.suppress(OSError):  # it may have left again
            connection, _ = self._listener.accept()
            self._link.open(self._port, connection)
