"""A pool of threads that a process does not wait for when it ends.

It waits for those of the standard library's pool, for ever where one of them reads from a store
that sends a byte from time to time.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_Work = tuple[Future[Any], "Callable[[], Any]"]


class DaemonThreads(Executor):
    """Up to `most` threads, each started when there is work that no other is free for."""

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._work: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._free = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have `work` called in a thread; see `concurrent.futures.Executor`."""
        future: Future[Any] = Future()
        with self._lock:
            if self._closed:
                message = "the pool has been closed"
                raise RuntimeError(message)
            self._work.put((future, lambda: work(*args, **kwargs)))
            if not self._free.acquire(blocking=False) and len(self._threads) < self._most:
                self._start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - the interface
        """Take no more work; what waits is still done unless it is cancelled."""
        with self._lock:
            self._closed = True
            if cancel_futures:
                self._cancel()
            for _ in self._threads:
                self._work.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _start(self) -> None:
        name = f"{self._name}-{len(self._threads)}"
        thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _cancel(self) -> None:
        while True:
            try:
                item = self._work.get_nowait()
            except queue.Empty:
                return
            if item:
                item[0].cancel()

    def _run(self) -> None:
        while item := self._work.get():
            _perform(*item)
            del item  # else its result would live until the next work
            self._free.release()


def _perform(future: Future[Any], work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - raised again by who asks for the result
        future.set_exception(error)
    else:
        future.set_result(result)
