"""Time limits and signals: an interrupt first, so that the notebook can clean up, then the end."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_containers.runner.verdict import Ended

if TYPE_CHECKING:
    from kernel_containers.core.runs import Cause
    from kernel_containers.runner.arguments import Arguments
    from kernel_containers.runner.client import KernelClient
    from kernel_containers.runner.kernel import KernelProcess
    from kernel_containers.runner.stopping import Stop

_OUTPUT_TIME = 60.0  # seconds
_OUTPUT_SHARE = 0.1  # of --timeout, kept for the outputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds, but for `deadline`, which is a time of time.monotonic(); None means no limit."""

    start: float
    cell: float | None
    deadline: float | None
    grace: float
    allow_errors: bool


def limits_of(arguments: Arguments, begin: float) -> Limits:
    """Return the limits of a run that began at a time of time.monotonic()."""
    deadline = None
    if arguments.timeout is not None:
        share = arguments.timeout * _OUTPUT_SHARE
        reserve = min(_OUTPUT_TIME, share) + min(arguments.grace, share)
        deadline = begin + arguments.timeout - reserve
    return Limits(
        start=arguments.start_timeout,
        cell=arguments.cell_timeout,
        deadline=deadline,
        grace=arguments.grace,
        allow_errors=arguments.allow_errors,
    )


@dataclass(slots=True)
class Interrupt:
    """Why the running cell was interrupted; `killed` if that did not end it."""

    cause: Cause
    message: str
    kill_at: float
    killed: bool = False


class Watch:
    """Looks at the clock and at signals while cells run."""

    def __init__(
        self, limits: Limits, stop: Stop, kernel: KernelProcess, client: KernelClient
    ) -> None:
        self._limits = limits
        self._stop = stop
        self._kernel = kernel
        self._client = client
        self.interrupt: Interrupt | None = None

    def check(self) -> None:
        """Between cells.

        Raises:
            Ended: no further cell may begin.
        """
        if self._stop.requested:
            raise Ended("terminated", "The run was stopped.")
        if self._is_over(time.monotonic()):
            raise Ended("deadline", "The run's time was over.")

    def has_time(self) -> bool:
        """Whether the run is neither stopped nor over."""
        return not self._stop.requested and not self._is_over(time.monotonic())

    def look(self, begin: float) -> None:
        """While a cell runs that began at a time of time.monotonic(); interrupts it, then kills."""
        now = time.monotonic()
        if self.interrupt is None:
            self.interrupt = self._reason(begin, now)
            if self.interrupt:
                self._send_interrupt()
        elif now > self.interrupt.kill_at and not self.interrupt.killed:
            self.interrupt.killed = True
            self._kernel.signal(signal.SIGKILL)

    def _reason(self, begin: float, now: float) -> Interrupt | None:
        limit, kill_at = self._limits.cell, now + self._limits.grace
        if self._stop.requested:
            return Interrupt("terminated", "The run was stopped.", kill_at)
        if limit is not None and now - begin > limit:
            return Interrupt("cell-timeout", f"A cell ran longer than {limit:g} s.", kill_at)
        if self._is_over(now):
            return Interrupt("deadline", "The run's time was over.", kill_at)
        return None

    def _is_over(self, now: float) -> bool:
        return self._limits.deadline is not None and now > self._limits.deadline

    def _send_interrupt(self) -> None:
        if self._kernel.interrupt_by_message:
            self._client.interrupt()
        else:
            self._kernel.signal(signal.SIGINT)
