"""Containers and socket folders whose process has ended.

A kernel's container ends with its server's connection, so there is normally nothing to find:
what is left comes from an engine that lost power, or from a server that ended while it created
a container.
"""

from __future__ import annotations

import logging
import time
from contextlib import closing
from typing import TYPE_CHECKING

from kernel_containers.core import labels
from kernel_containers.core.owner import is_gone
from kernel_containers.engine import connect, containers
from kernel_containers.errors import KernelContainersError
from kernel_containers.kernels import survivors
from kernel_containers.kernels.connection import remove_stale_folders

if TYPE_CHECKING:
    from kernel_containers.engine import Engine
    from kernel_containers.engine.containers import Found

logger = logging.getLogger(__name__)

_DETACHED = "run"  # runs outlive the process that submitted them
# Seconds until a container that was never started is nobody's: an engine that hung may create one
# long after who asked for it has given up, within a minute or two.
ABANDONED = 600.0


def sweep() -> None:
    """Remove what dead processes left, as a server that starts does; it never fails."""
    try:
        with closing(connect()) as engine:
            found = remove_leftovers(engine)
    except KernelContainersError as error:
        remove_stale_folders()
        logger.debug("Leftovers were not looked for: %s", error)
        return
    for container in found:
        logger.info("Removed the container %s, whose process has ended.", container.name)


def leftovers(engine: Engine, *, abandoned: float = ABANDONED) -> list[Found]:
    """Return our containers whose process ran on this machine and has ended, runs excepted, and
    those of kernels that were created `abandoned` seconds ago and never started.

    Raises:
        Unavailable: the engine does not answer.
    """
    before = time.time() - abandoned
    return [
        found
        for found in containers.find(engine, {labels.KIND: None})
        if _is_left_behind(found) or _was_given_up(found, before)
    ]


def _is_left_behind(found: Found) -> bool:
    return (
        found.labels.get(labels.KIND) != _DETACHED
        and is_gone(found.labels.get(labels.OWNER, ""))
        # It waits for its server, and ends by itself when none comes.
        and not (labels.OUTLIVE in found.labels and found.state == "running")
    )


def _was_given_up(found: Found, before: float) -> bool:
    of_a_kernel = found.labels.get(labels.KIND) in {"kernel", "pool"}
    return of_a_kernel and found.state == "created" and found.created < before


def remove_leftovers(engine: Engine) -> list[Found]:
    """Remove what `leftovers` finds, and the socket folders of dead processes; return the former.

    Raises:
        Unavailable: the engine does not answer.
    """
    running = survivors.running(engine)
    remove_stale_folders(lambda note: survivors.container_of(note) in running)
    found = leftovers(engine)
    for container in found:
        containers.remove(engine, container.id)
    return found
