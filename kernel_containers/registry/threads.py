"""Several blobs at once, ended together."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from kernel_containers.registry.stop import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kernel_containers.registry.stop import Stop

GRACE = 1.0  # seconds for an answer on its way: it may name an upload session to delete
LAST_WAIT = 10.0  # seconds after all connections were shut; a thread may still ask a helper


def in_threads(
    work: Sequence[Callable[[], None]], *, threads: int, stop: Stop, shut: Callable[[], None]
) -> None:
    """Run all of `work`; return when it is done.

    The first failure, or Ctrl-C, sets `stop`, ends the others (by `shut` where they don't end
    by themselves), and is raised when they have ended.
    """
    if not work:
        return
    pool = ThreadPoolExecutor(min(threads, len(work)), thread_name_prefix="registry")
    futures: list[Future[None]] = []
    try:
        futures += [pool.submit(each) for each in work]
        wait(futures, return_when=FIRST_EXCEPTION)
        _raise_failure(futures)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        stop.set()
        # wait() would not take those for done that were cancelled before they began.
        begun = [future for future in futures if not future.cancelled()]
        if wait(begun, timeout=GRACE).not_done:
            shut()
            wait(begun, timeout=LAST_WAIT)
        raise
    pool.shutdown()


def _raise_failure(futures: Sequence[Future[None]]) -> None:
    failures = [
        failure
        for future in futures
        if future.done() and not future.cancelled() and (failure := future.exception())
    ]
    # The thread that was told to stop is not the one that failed.
    failures.sort(key=lambda failure: isinstance(failure, Stopped))
    if failures:
        raise failures[0]
