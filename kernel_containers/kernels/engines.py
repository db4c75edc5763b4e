"""The engine of a kernel, and what is known of it."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kernel_containers.engine import connect
from kernel_containers.engine.endpoint import find_endpoint
from kernel_containers.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kernel_containers.engine import Engine
    from kernel_containers.engine.endpoint import Endpoint
    from kernel_containers.kernels.launch import Launch

_FACTS: dict[Endpoint, Mapping[str, Any]] = {}
_SEE_OTHER_FOLDERS: set[Endpoint] = set()


def connect_to(launch: Launch, patience: float = 0.0) -> Engine:
    """Return a connection to a kernel's engine, which may have `patience` seconds to come back.

    Raises:
        Unavailable: nothing answers.
    """
    endpoint = None
    if host := launch.config.docker_host:
        found = find_endpoint({**os.environ, "DOCKER_HOST": host})
        endpoint = replace(found, origin="docker_host in the kernel's kernel.json")
    deadline = time.monotonic() + patience
    while True:
        try:
            return connect(endpoint=endpoint)
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


@contextmanager
def closing_on_error(engine: Engine) -> Iterator[Engine]:
    """Close the connection, unless somebody has become its owner."""
    try:
        yield engine
    except BaseException:
        engine.close()
        raise


def facts(engine: Engine) -> Mapping[str, Any]:
    """How the engine was set up, which it keeps until it is restarted: it is asked once."""
    if engine.endpoint not in _FACTS:
        _FACTS[engine.endpoint] = engine.info()
    return _FACTS[engine.endpoint]


def sees_our_folders(engine: Engine) -> bool:
    """Whether this process's folders can be mounted, as far as is known.

    Within a container that was given the engine's socket, they can't.
    """
    return engine.is_local and engine.endpoint not in _SEE_OTHER_FOLDERS


def note_other_folders(endpoint: Endpoint) -> None:
    """Remember that an engine did not see a folder of ours."""
    _SEE_OTHER_FOLDERS.add(endpoint)
