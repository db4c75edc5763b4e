"""Connections carried over one stream of frames. Both ends of a kernel container run this code.

A frame is its type (1 byte), channel (4), length (4) and payload. Channel 0 carries JSON
messages. Every other channel is one connection, opened with a port and closed from either end.

An end may send WINDOW bytes of a channel beyond what the other end has credited, so that a
reader that stands still costs WINDOW bytes and blocks no other channel.

This file also runs inside containers, on any Python from 3.8 on, with the standard library only.
"""

from __future__ import annotations

import json
import selectors
import struct

TYPE_CHECKING = False  # importing `typing` would take 3 ms of each start
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any, Protocol

    class Stream(Protocol):
        """Two directions of bytes that never block; they may be the same file descriptor."""

        reader: Any  # with a file descriptor, or one
        writer: Any

        def read(self) -> bytes:
            """Return what has come, or nothing; BlockingIOError, and EOFError at the end."""

        def write(self, data: memoryview) -> int:
            """Return how many bytes were taken; BlockingIOError, and OSError at the end."""


HEADER = struct.Struct("!BII")
MESSAGE, OPEN, DATA, CLOSE, CREDIT = range(5)
PORT = struct.Struct("!I")
WINDOW = 1024 * 1024  # bytes; at 20 ms there and back that is 50 MB/s per channel
BLOCK = 256 * 1024  # bytes read or written at once
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Channel:
    """One connection. Without a socket it waits for one, and keeps what has come."""

    __slots__ = ("closing", "credit", "owed", "queue", "socket")

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.queue = bytearray()  # for the socket
        self.credit = WINDOW  # bytes that may still be sent to the other end
        self.owed = 0  # bytes that left the queue and are not credited yet
        self.closing = False  # the other end has closed; the queue is still to be written


class Link:
    """The connections over one stream. Not thread-safe: one thread calls everything.

    `heard` gets every message. `opened` gets the channel and port that the other end opened,
    and answers with `connect` or `close`, now or later.
    """

    def __init__(
        self,
        stream: Stream,
        heard: Callable[[dict[str, Any]], None],
        opened: Callable[[int, int], None],
    ) -> None:
        self.stream = stream
        self.ended = False
        self.channels: dict[int, Channel] = {}
        self.selector = selectors.DefaultSelector()
        self._heard = heard
        self._opened = opened
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._last = 0
        self._watched: dict[Any, int] = {}  # the selector's own look-up takes ten times as long

    def send(self, message: dict[str, Any]) -> None:
        """Queue a message."""
        self._frame(MESSAGE, 0, json.dumps(message).encode())

    def open(self, port: int, connection: socket.socket) -> None:
        """Carry `connection` to `port` at the other end. Only one end of a link opens."""
        self._last += 1
        self.channels[self._last] = Channel()
        self._frame(OPEN, self._last, PORT.pack(port))
        self.connect(self._last, connection)

    def connect(self, number: int, connection: socket.socket) -> None:
        """Give a channel its socket, which belongs to the link from then on."""
        connection.settimeout(0)
        self.channels[number].socket = connection

    def close(self, number: int) -> None:
        """Close a channel at both ends."""
        if number in self.channels:
            self._frame(CLOSE, number)
            self._drop(number)

    def close_all(self) -> None:
        """Close all channels at both ends."""
        for number in list(self.channels):
            self.close(number)

    def resume(self, stream: Stream) -> None:
        """Go on over another stream; connections over the old one are closed."""
        self._end()
        self._incoming.clear()
        self.stream = stream
        self.ended = False

    def step(self, timeout: float | None = None) -> None:
        """Wait for something to do, for at most `timeout` seconds, and do it."""
        self._watch()
        for key, events in self.selector.select(timeout):
            if callable(key.data):
                key.data()
            elif key.data is None:
                self._on_stream(events)
            elif key.data in self.channels:
                self._on_socket(key.data, events)
        if self._outgoing and not self.ended:
            self._flush()

    def _watch(self) -> None:
        if not self.ended:
            write = WRITE if self._outgoing else 0
            if self.stream.reader is self.stream.writer:
                self._register(self.stream.reader, READ | write, None)
            else:
                self._register(self.stream.reader, READ, None)
                self._register(self.stream.writer, write, None)
        for number, channel in self.channels.items():
            if channel.socket is not None:
                read = READ if channel.credit and not channel.closing else 0
                write = WRITE if channel.queue or channel.closing else 0
                self._register(channel.socket, read | write, number)

    def _register(self, file: Any, events: int, data: Any) -> None:
        before = self._watched.get(file, 0)
        if events == before:
            return
        if not events:
            self.selector.unregister(file)
            del self._watched[file]
            return
        change = self.selector.modify if before else self.selector.register
        change(file, events, data)
        self._watched[file] = events

    def _on_stream(self, events: int) -> None:
        if self.ended or not events & READ:
            return
        try:
            self._incoming += self.stream.read()
        except BlockingIOError:
            return
        except (EOFError, OSError):
            self._end()
            return
        at = 0
        with memoryview(self._incoming) as view:  # a slice of the array itself is a copy
            while len(view) - at >= HEADER.size:
                kind, number, length = HEADER.unpack_from(view, at)
                end = at + HEADER.size + length
                if len(view) < end:
                    break
                with view[at + HEADER.size : end] as payload:
                    self._on_frame(kind, number, payload)
                at = end
        del self._incoming[:at]

    def _on_frame(self, kind: int, number: int, payload: memoryview) -> None:
        channel = self.channels.get(number)
        if kind == MESSAGE:
            self._heard(json.loads(bytes(payload).decode()))
        elif kind == OPEN:
            self.channels[number] = Channel()
            self._opened(number, PORT.unpack(payload)[0])
        elif channel is None:
            return  # closed at this end a moment ago
        elif kind == DATA:
            channel.queue += payload
            self._write(number, channel)
        elif kind == CREDIT:
            channel.credit += PORT.unpack(payload)[0]
        elif kind == CLOSE:
            channel.closing = True
            if channel.socket is None or not channel.queue:
                self._drop(number)

    def _on_socket(self, number: int, events: int) -> None:
        channel = self.channels[number]
        if events & WRITE:
            self._write(number, channel)
        if events & READ and number in self.channels and channel.credit and not channel.closing:
            assert channel.socket is not None  # noqa: S101 - it was selected
            try:
                data = channel.socket.recv(min(BLOCK, channel.credit))
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if data:
                channel.credit -= len(data)
                self._frame(DATA, number, data)
            else:
                self.close(number)

    def _write(self, number: int, channel: Channel) -> None:
        if channel.socket is None:
            return
        try:
            while channel.queue:
                sent = channel.socket.send(channel.queue)
                del channel.queue[:sent]
                channel.owed += sent
        except BlockingIOError:
            pass
        except OSError:
            self.close(number)
            return
        if channel.owed >= WINDOW // 4:
            self._frame(CREDIT, number, PORT.pack(channel.owed))
            channel.owed = 0
        if channel.closing and not channel.queue:
            self._drop(number)

    def _drop(self, number: int) -> None:
        channel = self.channels.pop(number)
        if channel.socket is not None:
            self._register(channel.socket, 0, None)
            channel.socket.close()

    def _frame(self, kind: int, number: int, payload: bytes = b"") -> None:
        if not self.ended:
            self._outgoing += HEADER.pack(kind, number, len(payload))
            self._outgoing += payload

    def _flush(self) -> None:
        try:
            while self._outgoing:
                with memoryview(self._outgoing) as view, view[:BLOCK] as block:
                    taken = self.stream.write(block)
                del self._outgoing[:taken]
        except BlockingIOError:
            pass
        except OSError:
            self._end()

    def _end(self) -> None:
        self.ended = True
        self._outgoing.clear()
        for file in {self.stream.reader, self.stream.writer}:
            self._register(file, 0, None)
        for number in list(self.channels):
            self._drop(number)
