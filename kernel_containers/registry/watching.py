"""Whoever waits for a registry that says nothing, or says it slowly, is heard and let go."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kernel_containers.core.progress import LOOK, Progress, Report
from kernel_containers.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_containers.registry.transport import Transport

LONGEST_QUESTION = 30.0  # seconds; proxies before Jupyter give up after 60


@contextmanager
def watched(transport: Transport, report: Report) -> Iterator[Report]:
    """Yield a report for what is done meanwhile; raised from it, an error ends the transport."""
    watch = _Watch(transport, report)
    thread = threading.Thread(target=watch.run, name="registry-watch", daemon=True)
    thread.start()
    try:
        yield watch.report
    finally:
        watch.ended.set()
        thread.join()


@contextmanager
def within(transport: Transport, seconds: float) -> Iterator[None]:
    """End what is asked meanwhile after a time, however little a registry has said by then.

    A limit on silence alone is none for who sends a byte from time to time.
    """
    late = Unavailable(
        f"{transport.host} did not answer within {seconds:g} s.",
        why="it takes connections, but says nothing or too little",
        todo="look into the registry's log, or try again later",
    )
    timer = threading.Timer(seconds, transport.abort, (late,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class _Watch:
    def __init__(self, transport: Transport, report: Report) -> None:
        self.ended = threading.Event()
        self._transport = transport
        self._report = report
        self._last = Progress(stage="registry", message=f"waiting for {transport.host}")
        self._news = threading.Event()

    def report(self, progress: Progress) -> None:
        """Pass a report on."""
        self._last = progress
        self._news.set()
        self._report(progress)

    def run(self) -> None:
        """Repeat the last report in silences; the body of the thread."""
        while not self.ended.wait(LOOK):
            if self._news.is_set():
                self._news.clear()
                continue
            try:
                self._report(self._last)
            except BaseException as error:  # noqa: BLE001 - raised by who waits for the registry
                self._transport.abort(error)
                return
