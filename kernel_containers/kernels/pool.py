"""Containers that wait for a kernel to be asked for.

Nothing asks the engine about them: each holds its end of the engine's stream, by which it is
known when one ends, and which ends it with this process.
"""

from __future__ import annotations

import atexit
import functools
import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_containers.errors import KernelContainersError, Unavailable
from kernel_containers.kernels.connection import Address, Heartbeat
from kernel_containers.kernels.engines import closing_on_error, connect_to
from kernel_containers.kernels.recipe import create_container

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_containers.kernels.container import KernelContainer
    from kernel_containers.kernels.launch import Launch
    from kernel_containers.kernels.recipe import Recipe

logger = logging.getLogger(__name__)

SIZE = 3  # containers that wait at once; one has 30 MB, a hot one 60
IDLE = 900.0  # seconds that one waits
DELAY = 1.0  # seconds from a kernel's start to the next one's preparation, which would slow it
PATIENCE = 30.0  # seconds to prepare


@dataclass(frozen=True, slots=True)
class Waiting:
    """A container that waits."""

    recipe: Recipe
    container: KernelContainer
    timer: threading.Timer

    def end(self) -> None:
        """Remove it; where the engine does not answer, it ends with its connection."""
        self.timer.cancel()
        with suppress(KernelContainersError):
            self.container.remove()
        self.container.address.remove()


class Pool:
    """At most one container per recipe, and `size` in all, the longest unused going first."""

    def __init__(self, *, size: int = SIZE, idle: float = IDLE, delay: float = DELAY) -> None:
        self._size = size
        self._idle = idle
        self._delay = delay
        self._lock = threading.Condition()
        self._waiting: list[Waiting] = []
        self._ending = 0  # containers that some thread is removing
        self._making: dict[threading.Timer, Recipe] = {}

    def take(self, recipe: Recipe) -> KernelContainer | None:
        """Return a container that belongs to the caller from now on; None where none waits."""
        found = self._remove(lambda waiting: waiting.recipe == recipe)
        alive = [waiting for waiting in found if waiting.container.is_connected]
        for waiting in found:
            if waiting in alive[:1]:
                waiting.timer.cancel()
            else:
                waiting.end()
        return alive[0].container if alive else None

    def refill(self, recipe: Recipe, launch: Launch) -> None:
        """Prepare a container for the next start like `launch`; returns at once.

        Those of the same kernelspec that were made in another way are ended.
        """
        self._end(
            lambda waiting: (
                waiting.recipe.kernel_name == recipe.kernel_name and waiting.recipe != recipe
            )
        )
        with self._lock:
            if recipe in [*self._making.values(), *(one.recipe for one in self._waiting)]:
                return
            timer = threading.Timer(self._delay, lambda: self._make(timer, recipe, launch))
            self._making[timer] = recipe
        timer.daemon = True
        timer.start()

    def close(self) -> None:
        """End all that waits and what is being made; returns when nothing of them is left."""
        with self._lock:
            making = list(self._making)
            self._making.clear()
        for timer in making:
            timer.cancel()
            timer.join(PATIENCE)
        self._end(lambda _: True)
        with self._lock:
            self._lock.wait_for(lambda: not self._ending, PATIENCE)

    def __len__(self) -> int:
        return len(self._waiting)

    def _remove(self, which: Callable[[Waiting], bool]) -> list[Waiting]:
        with self._lock:
            removed = [waiting for waiting in self._waiting if which(waiting)]
            self._waiting = [waiting for waiting in self._waiting if waiting not in removed]
        return removed

    def _end(self, which: Callable[[Waiting], bool]) -> None:
        with self._lock:
            ending = self._remove(which)
            self._ending += len(ending)
        for waiting in ending:
            waiting.end()
            with self._lock:
                self._ending -= 1
                self._lock.notify_all()

    def _make(self, timer: threading.Timer, recipe: Recipe, launch: Launch) -> None:
        try:
            container = prepared(recipe, launch.for_nobody())
        except KernelContainersError as error:
            logger.warning("No kernel %s waits for its start: %s", recipe.kernel_name, error)
            container = None
        with self._lock:
            wanted = self._making.pop(timer, None) is not None
            over: list[Waiting] = []
            if container is not None:
                waiting = Waiting(recipe, container, self._last_call(container))
                if wanted:
                    self._waiting.append(waiting)
                    over = self._waiting[: -self._size]
                    del self._waiting[: -self._size]
                else:
                    over = [waiting]
        for waiting in over:
            waiting.end()

    def _last_call(self, container: KernelContainer) -> threading.Timer:
        def leave() -> None:
            self._end(lambda waiting: waiting.container is container)

        container.died = lambda _: leave()
        timer = threading.Timer(self._idle, leave)
        timer.daemon = True
        timer.start()
        return timer


@functools.cache
def pool() -> Pool:
    """Return the pool of this process, which ends with it."""
    made = Pool()
    atexit.register(made.close)
    return made


def prepared(recipe: Recipe, launch: Launch) -> KernelContainer:
    """Return a container in which a process waits to become a kernel, or is one already.

    Raises:
        KernelContainersError: it did not get ready.
    """
    address = Address.make(recipe.transport)
    try:
        with closing_on_error(connect_to(launch)) as engine:
            container = create_container(
                engine, recipe, recipe.spec, launch, address=address, died=lambda _: None
            )
        try:
            _get_ready(container, launch, hot=recipe.pool == "hot")
        except BaseException:
            container.release()
            raise
    except BaseException:
        address.remove()
        raise
    return container


def _get_ready(container: KernelContainer, launch: Launch, *, hot: bool) -> None:
    if not hot:
        _until(lambda: container.is_ready, container)
        return
    message = launch.message(container.address)
    container.start_kernel({**message, "directory": "/", "hot": True})
    heartbeat = Heartbeat({**container.address.info(), **launch.connection})
    try:
        _until(heartbeat.answered, container)
    finally:
        heartbeat.close()
    container.connection = {"key": launch.connection["key"]}


def _until(condition: Callable[[], bool], container: KernelContainer) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if container.death is not None or time.monotonic() > deadline:
            raise Unavailable("It did not get ready.", why=container.tail[-500:] or None)
        time.sleep(0.05)
