"""How somebody returns to a supervisor whose stream has ended.

This file runs on any Python from 3.8 on, with the standard library only.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from pathlib import Path

from kernel_containers.kernels.link import BLOCK

_CREDENTIALS = struct.Struct("3i")  # process, user, group


class Door:
    """A Unix socket; whoever connects to it carries the supervisor's frames from then on."""

    def __init__(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            Path(path).unlink()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(4)
        self.listener.settimeout(0)

    def accept(self) -> SocketStream:
        """Return the one who has come; OSError when he has left."""
        return SocketStream(self.listener.accept()[0])


class SocketStream:
    """Both directions of a socket."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(0)
        self.reader = self.writer = connection
        found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        self.peer = _CREDENTIALS.unpack(found)[0]  # process id

    def read(self) -> bytes:
        """Return what has come."""
        data = self.reader.recv(BLOCK)
        if not data:
            raise EOFError
        return data

    def write(self, data: memoryview) -> int:
        """Return how many bytes were taken."""
        return self.writer.send(data)
