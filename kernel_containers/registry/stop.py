"""How all threads of one operation end together."""

from __future__ import annotations

import threading


class Stopped(Exception):
    """The operation is over: it failed in another thread, or was cancelled."""


class Stop:
    """A flag that every thread of one operation looks at between two steps."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """End the operation."""
        self._event.set()

    def check(self) -> None:
        """Raise `Stopped` once the operation is over."""
        if self._event.is_set():
            raise Stopped

    def wait(self, seconds: float) -> None:
        """Sleep, and raise `Stopped` as soon as the operation is over."""
        if self._event.wait(seconds):
            raise Stopped
