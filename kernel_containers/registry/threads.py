"""Several blobs at once, ended together."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from kernel_containers.core.progress import LOOK
from kernel_containers.registry.stop import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from kernel_containers.registry.stop import Stop

    Work = Callable[[], None]

GRACE = 3.0  # seconds for an answer on its way: it names the upload session to delete
LAST_WAIT = 10.0  # seconds after all connections were shut; a thread may still ask a helper


def in_threads(work: Sequence[Work], *, threads: int, stop: Stop, shut: Callable[[], None]) -> None:
    """Run all of `work`; return when it is done.

    The first failure, or Ctrl-C, sets `stop`, ends the others (by `shut` where they don't end
    by themselves), and is raised when they have ended.
    """
    crew = _Crew(work)
    # Not a ThreadPoolExecutor: Ctrl-C while it starts a thread leaves it with one it forgot.
    members = [
        threading.Thread(target=crew.run, name=f"registry-{number}")
        for number in range(min(threads, len(work)))
    ]
    try:
        for member in members:
            member.start()
        crew.wait()
    except BaseException:
        crew.dismiss()
        stop.set()
        if not crew.wait_idle(GRACE):
            shut()
            crew.wait_idle(LAST_WAIT)
        raise
    for member in members:
        member.join()


def ended_within(threads: Collection[threading.Thread], seconds: float) -> bool:
    """Whether none of the threads runs any more, after at most `seconds`."""
    end = time.monotonic() + seconds
    for thread in threads:
        if thread.ident:  # Ctrl-C may have come while one was started
            thread.join(max(0.0, end - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)


class _Crew:
    """Threads that take what is left to do, until nothing is or something failed."""

    def __init__(self, work: Sequence[Work]) -> None:
        self._left = deque(work)
        self._busy = 0
        self._failures: list[BaseException] = []
        self._changed = threading.Condition()

    def run(self) -> None:
        """Work; the body of each thread."""
        while each := self._take():
            failure: BaseException | None = None
            try:
                each()
            except BaseException as error:  # noqa: BLE001  # raised by wait()
                failure = error
            self._end(failure)

    def wait(self) -> None:
        """Return when all is done, or raise the first failure."""
        with self._changed:
            while not self._changed.wait_for(self._is_over, LOOK):
                continue
            # The thread that was told to stop is not the one that failed.
            self._failures.sort(key=lambda failure: isinstance(failure, Stopped))
            if self._failures:
                raise self._failures[0]

    def _is_over(self) -> bool:
        return bool(self._failures) or not (self._left or self._busy)

    def wait_idle(self, seconds: float) -> bool:
        """Whether no thread works any more, after at most `seconds`."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy, seconds)

    def dismiss(self) -> None:
        """Let nobody begin anything else."""
        with self._changed:
            self._left.clear()

    def _take(self) -> Work | None:
        with self._changed:
            if not self._left:
                return None
            self._busy += 1
            return self._left.popleft()

    def _end(self, failure: BaseException | None) -> None:
        with self._changed:
            self._busy -= 1
            if failure:
                self._failures.append(failure)
                self._left.clear()
            self._changed.notify_all()
