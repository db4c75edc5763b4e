"""A container's stdin, stdout and stderr as one socket.

The engine multiplexes output in frames of an 8-byte header (stream, three zeros, length) and
the payload: https://docs.docker.com/reference/api/engine/version/v1.43/#tag/Container/operation/ContainerAttach
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from kernel_containers.engine.client import Engine, engine_errors

if TYPE_CHECKING:
    import socket

HEADER = struct.Struct("!B3xI")
STDOUT = 1
STDERR = 2


def attach(engine: Engine, container: str) -> socket.socket:
    """Return a connected blocking socket; the caller closes it. Call before `start`.

    What is sent goes to stdin; what is received are frames. An engine behind TLS gives an
    `ssl.SSLSocket`, which asyncio can't adopt.

    Raises:
        NotFound: no such container.
        Unavailable: the engine does not answer.
    """
    parameters = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
    with engine_errors("The engine was not able to attach to the container."):
        wrapper = engine.patient.attach_socket(container, params=parameters)
    raw: socket.socket = getattr(wrapper, "_sock", wrapper)
    raw.settimeout(None)
    return raw
