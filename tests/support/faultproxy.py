"""A proxy before a real HTTP server that fails on order: status, reset, cut, delay, silence."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BLOCK = 64 * 1024
LONGEST_WAVE = 30.0  # seconds; then its requests are not sent side by side

Kind = Literal["status", "reset", "reset_body", "cut_response", "lost", "delay", "hang"]


@dataclass(slots=True, kw_only=True)
class Fault:
    """What happens to a request whose method matches as a whole and whose target contains `path`.

    `status` answers at once with `status`, `headers` and `body`; `reset` resets the connection
    before reading further; `reset_body` and `cut_response` reset it after `after` bytes of the
    request's or the answer's body; `lost` passes the request and resets it in the middle of the
    answer's head; `delay` waits `seconds` first; `hang` never answers.
    """

    kind: Kind
    method: str = ".*"
    path: str = ""  # regular expressions; the target holds the query
    skip: int = 0  # matching requests to let through first
    times: int | None = 1  # None: always
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    after: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Seen:
    """One request, in the order of arrival. `status` is 0 when no answer was sent."""

    method: str
    target: str
    fault: Kind | None = None
    received: int = 0  # bytes of the request's body
    status: int = 0


@dataclass(slots=True)
class _Wave:
    """Requests that pass when all of them have come."""

    left: int
    complete: asyncio.Event = field(default_factory=asyncio.Event)


class _Reset(Exception):
    """The connection is to be reset."""


class FaultProxy:
    """A running proxy. Requests pass unchanged as long as no fault in `faults` matches.

    One request per connection: answers say `Connection: close`.
    """

    def __init__(self, upstream: str) -> None:
        host, _, port = upstream.rpartition(":")
        self._upstream = (host, int(port))
        self.faults: list[Fault] = []
        self.seen: list[Seen] = []
        self._waves: deque[_Wave] = deque()
        self._loop = asyncio.new_event_loop()
        self._handlers: set[asyncio.Task[None]] = set()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait()
        self.host = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self.url = f"http://{self.host}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def add(self, kind: Kind, **settings: object) -> Fault:
        """Add a fault; earlier ones match first."""
        fault = Fault(kind=kind, **settings)  # type: ignore[arg-type]
        self.faults.append(fault)
        return fault

    def expect(self, *waves: int) -> None:
        """Let the next requests wait for each other: so many at a time, then so many, and so on.

        So a client comes through only if those of a wave need none of each other's answers.
        """
        self._waves.extend(map(_Wave, waves))

    @property
    def waves_left(self) -> int:
        """How many waves are not complete."""
        return len(self._waves)

    def clear(self) -> None:
        """Forget all faults and requests."""
        self.faults.clear()
        self.seen.clear()

    def sent(self, method: str = ".*", path: str = "") -> int:
        """Return how many bytes of request bodies came with such requests."""
        return sum(
            seen.received
            for seen in self.seen
            if re.fullmatch(method, seen.method) and re.search(path, seen.target)
        )

    def stop(self) -> None:
        """End the proxy with its connections; a second call does nothing."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    def _run(self, ready: threading.Event) -> None:
        self._loop.run_until_complete(self._serve(ready))
        self._loop.close()

    async def _serve(self, ready: threading.Event) -> None:
        self._stopping = asyncio.Event()
        self._server = await asyncio.start_server(self._track, "127.0.0.1", 0, limit=1024 * 1024)
        ready.set()
        await self._stopping.wait()
        self._server.close()
        for task in self._handlers:
            task.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    async def _track(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._handlers.add(task)
        try:
            # A client or server that goes away in the middle is what the tests are about.
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._handle(reader, writer)
        except _Reset:
            _reset(writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._handlers.discard(task)
            writer.close()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").split("\r\n")
        method, target, _ = head[0].split(" ", 2)
        fault = self._match(method, target)
        seen = Seen(method, target, fault.kind if fault else None)
        self.seen.append(seen)
        await self._gathered()
        if fault and fault.kind in {"delay", "hang"}:
            await asyncio.sleep(fault.seconds if fault.kind == "delay" else 3600)
        if fault and fault.kind == "reset":
            raise _Reset
        if fault and fault.kind == "status":
            await _answer(_body(reader, head), writer, fault, seen)
            return
        await self._pass(reader, writer, head, fault, seen)

    async def _gathered(self) -> None:
        if not self._waves:
            return
        wave = self._waves[0]
        wave.left -= 1
        if wave.left == 0:
            self._waves.popleft()
            wave.complete.set()
        try:
            await asyncio.wait_for(wave.complete.wait(), LONGEST_WAVE)
        except TimeoutError:
            raise _Reset from None

    def _match(self, method: str, target: str) -> Fault | None:
        for fault in self.faults:
            if re.fullmatch(fault.method, method) and re.search(fault.path, target):
                if fault.skip > 0:
                    fault.skip -= 1
                elif fault.times is None:
                    return fault
                elif fault.times > 0:
                    fault.times -= 1
                    return fault
        return None

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        head: list[str],
        fault: Fault | None,
        seen: Seen,
    ) -> None:
        server, to_server = await asyncio.open_connection(*self._upstream)
        try:
            to_server.write(_without(head, "connection", "expect"))
            if _header(head, "expect").lower() == "100-continue":
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            async for block in _body(reader, head):
                seen.received += len(block.payload)
                if fault and fault.kind == "reset_body" and seen.received > fault.after:
                    _reset(to_server)
                    raise _Reset
                # A server may answer, and close, before it has read the whole body.
                with contextlib.suppress(ConnectionError):
                    to_server.write(block.raw)
                    await to_server.drain()
            await _return(server, writer, fault, seen)
        finally:
            to_server.close()


def start_fault_proxy(upstream: str) -> FaultProxy:
    """Start a proxy on a free port of the loopback before the HTTP server at `HOST:PORT`."""
    return FaultProxy(upstream)


@dataclass(frozen=True, slots=True)
class _Block:
    """Bytes as they came, and what of them is content rather than chunk sizes."""

    raw: bytes
    payload: bytes


async def _body(reader: asyncio.StreamReader, head: list[str]) -> AsyncIterator[_Block]:
    """Yield a request's body in blocks, whether it has a length or comes in chunks."""
    if "chunked" in _header(head, "transfer-encoding").lower():
        size = -1
        while size:
            line = await reader.readuntil(b"\n")
            size = int(line.split(b";")[0], 16)
            data = await reader.readexactly(size + 2)
            yield _Block(line + data, data[:size])
        return
    left = int(_header(head, "content-length") or 0)
    while left:
        data = await reader.read(min(BLOCK, left))
        if not data:
            raise ConnectionError
        left -= len(data)
        yield _Block(data, data)


async def _answer(
    body: AsyncIterator[_Block], writer: asyncio.StreamWriter, fault: Fault, seen: Seen
) -> None:
    async for block in body:
        seen.received += len(block.payload)
    headers = {**fault.headers, "Content-Length": str(len(fault.body)), "Connection": "close"}
    lines = [
        f"HTTP/1.1 {fault.status} Fault",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin1") + fault.body)
    seen.status = fault.status
    await writer.drain()


async def _return(
    server: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault | None, seen: Seen
) -> None:
    head = await server.readuntil(b"\r\n\r\n")
    seen.status = int(head.split(b" ", 2)[1])
    if fault and fault.kind == "lost":
        writer.write(head[: len(head) // 2])
        await writer.drain()
        raise _Reset
    left = fault.after if fault and fault.kind == "cut_response" else None
    writer.write(head)
    while data := await server.read(BLOCK):
        writer.write(data[:left])
        await writer.drain()
        if left is not None:
            left -= len(data[:left])
            if left == 0:
                break
    if left is not None:
        raise _Reset


def _header(head: list[str], wanted: str) -> str:
    for line in head[1:]:
        name, _, value = line.partition(":")
        if name.lower() == wanted:
            return value.strip()
    return ""


def _without(head: list[str], *names: str) -> bytes:
    kept = [line for line in head[1:] if line and line.partition(":")[0].lower() not in names]
    return "\r\n".join([head[0], *kept, "Connection: close", "", ""]).encode("latin1")


def _reset(writer: asyncio.StreamWriter) -> None:
    """Send a TCP reset instead of an orderly end."""
    transport_socket = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        transport_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
