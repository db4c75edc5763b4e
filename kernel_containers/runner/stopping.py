"""Signals that end a run, and what a container's first process owes its orphans."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Any

TERMINATED = 143


class Stop:
    """Whether somebody told this process to stop. A second time ends it at once."""

    def __init__(self) -> None:
        self.at: float | None = None  # a time of time.monotonic()

    @property
    def requested(self) -> bool:
        """Whether a signal has come."""
        return self.at is not None

    def listen(self) -> None:
        """Take SIGTERM, SIGINT and SIGHUP; the first process of a container has no defaults."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._handle)

    def _handle(self, _number: int, _frame: Any) -> None:
        if self.requested:
            os._exit(TERMINATED)
        self.at = time.monotonic()


class Reaper:
    """Ends the zombies that the kernel's own children leave to the container's first process."""

    def __init__(self) -> None:
        self._seen: int | None = None

    def tick(self, kernel: int) -> None:
        """Reap one dead process, unless it is the kernel's; to be called now and then.

        Only one that was dead at the call before: a program that this process started itself is
        waited for by its starter within that time.
        """
        if os.getpid() != 1:
            return
        with contextlib.suppress(ChildProcessError):
            flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
            dead = os.waitid(os.P_ALL, 0, flags)
            if dead is None or dead.si_pid == kernel:
                return
            if dead.si_pid == self._seen:
                os.waitpid(dead.si_pid, os.WNOHANG)
            self._seen = dead.si_pid
