"""A container's stdin, stdout and stderr as one connection.

The engine multiplexes output in frames of an 8-byte header (stream, three zeros, length) and
the payload: https://docs.docker.com/reference/api/engine/version/v1.43/#tag/Container/operation/ContainerAttach
docker-py's own stream ends silently when the connection breaks, and leaves its socket open.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kernel_containers.engine.client import Engine, engine_errors
from kernel_containers.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedReader

HEADER = struct.Struct("!B3xI")
STDOUT = 1
STDERR = 2
# Seconds of silence before an engine on another machine is asked for a sign of life, between
# such questions, and how many stay without an answer before the connection counts as lost.
_KEPT_ALIVE = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
NAMES = {STDOUT: "stdout", STDERR: "stderr"}


@dataclass(frozen=True, slots=True)
class Attachment:
    """An open connection; the owner closes it.

    What is sent on `socket` goes to stdin. Frames come from `socket` or from `reader`, not
    from both. An engine behind TLS gives an `ssl.SSLSocket`, which asyncio can't adopt.
    """

    socket: socket.socket
    reader: BufferedReader
    _response: Any

    def close(self) -> None:
        """Close the connection; closing twice is fine."""
        self._response.close()  # closes the reader, too
        self.socket.close()


def attach(engine: Engine, container: str, *, stdin: bool = True) -> Attachment:
    """Return a connection to a container that has not started yet.

    Raises:
        NotFound: no such container.
        Unavailable: the engine does not answer.
    """
    parameters = {"stdin": int(stdin), "stdout": 1, "stderr": 1, "stream": 1}
    with engine_errors("The engine was not able to attach to the container."):
        return _upgraded(engine, "/containers/{0}/attach", container, params=parameters)


def attach_program(engine: Engine, container: str, command: list[str]) -> Attachment:
    """Start another program in a running container, and return a connection to it.

    Raises:
        NotFound: no such container.
        TryAgain: it does not run.
        Unavailable: the engine does not answer.
    """
    with engine_errors("The engine was not able to start a program in the container."):
        made = engine.api.exec_create(container, command, stdin=True)
        settings = {"Detach": False, "Tty": False}
        return _upgraded(engine, "/exec/{0}/start", made["Id"], json=settings)


def _upgraded(engine: Engine, path: str, what: str, **content: Any) -> Attachment:
    client: Any = engine.patient
    response = client.request(
        "POST",
        client._url(path, what),  # noqa: SLF001
        headers={"Connection": "Upgrade", "Upgrade": "tcp"},
        stream=True,
        timeout=engine.timeout,  # for the answer; what follows may be silent for days
        **content,
    )
    client._raise_for_status(response)  # noqa: SLF001
    reader = response.raw._fp.fp  # noqa: SLF001 - as docker-py's attach_socket()
    raw = reader.raw._sock  # noqa: SLF001
    raw.settimeout(None)
    if getattr(raw, "family", None) in {socket.AF_INET, socket.AF_INET6}:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEPT_ALIVE.items():
            if hasattr(socket, name):  # not on every system
                raw.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return Attachment(raw, reader, response)


def frames(attachment: Attachment) -> Iterator[tuple[str, bytes]]:
    """Yield ("stdout" | "stderr", bytes) until the container has ended.

    Raises:
        Unavailable: the connection was cut within a frame.
    """
    yield from _frames(attachment.reader.read)


def _frames(read: Callable[[int], bytes]) -> Iterator[tuple[str, bytes]]:
    with engine_errors("The container's output was cut."):
        while header := read(HEADER.size):
            stream, length = HEADER.unpack(header) if len(header) == HEADER.size else (0, 1)
            payload = read(length) if stream else b""
            if len(payload) != length:
                raise Unavailable("The container's output was cut.", why="a frame is incomplete")
            yield NAMES[stream], payload


def kept_frames(engine: Engine, container: str) -> Iterator[tuple[str, bytes]]:
    """Yield what the engine has kept of a container's output, then what comes, to its end.

    Raises:
        NotFound: no such container.
        Unavailable: the engine does not answer, or the output was cut.
    """
    parameters = {"stdout": 1, "stderr": 1, "follow": 1}
    with engine_errors("The engine was not able to give the container's output."):
        client: Any = engine.patient
        response = client.get(
            client._url("/containers/{0}/logs", container),  # noqa: SLF001
            params=parameters,
            stream=True,
            timeout=None,
        )
        client._raise_for_status(response)  # noqa: SLF001
    with response:
        yield from _frames(response.raw.read)
