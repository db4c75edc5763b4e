"""The supervisor's streams: its container's pipes, and the door through which somebody returns.

This file runs on any Python from 3.8 on, with the standard library only.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
from pathlib import Path

from kernel_containers.kernels.link import BLOCK

PIPE = 1024 * 1024  # bytes that wait for the engine; output costs half as much as with 64 kB
_SET_PIPE_SIZE = 1031  # fcntl.F_SETPIPE_SZ, from Python 3.10 on
_CREDENTIALS = struct.Struct("3i")  # process, user, group


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
        with contextlib.suppress(OSError):  # it is the system's to allow
            fcntl.fcntl(self.writer, _SET_PIPE_SIZE, PIPE)

    def read(self) -> bytes:
        """Return what has come."""
        data = os.read(self.reader, BLOCK)
        if not data:
            raise EOFError
        return data

    def write(self, data: memoryview) -> int:
        """Return how many bytes were taken."""
        return os.write(self.writer, data)


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
