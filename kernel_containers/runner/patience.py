"""How long a run waits for the places of its outputs."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_containers.runner.stopping import Stop

_SILENCE = 60.0  # seconds in which outputs are tried again and again
_AT_LEAST = 5.0  # seconds for a place that has always answered so far
_LOOK_EVERY = 0.1  # seconds


class Patience:
    """Counts from the last sign of life; a signal shortens it, and nothing outlasts `deadline`.

    `deadline` is a time of time.monotonic(), or None; `grace` are seconds after a signal.
    """

    def __init__(self, stop: Stop, *, grace: float, deadline: float | None) -> None:
        self._stop = stop
        self._grace = grace
        self._deadline = deadline
        self._since = self._heard = time.monotonic()

    def begin(self) -> None:
        """Count from now on, whatever was before."""
        self._since = self._heard = time.monotonic()

    def heard(self) -> None:
        """Note that a place takes data."""
        self._heard = time.monotonic()

    def left(self) -> float:
        """Return the seconds that are left; negative when it is over."""
        ends = [self._heard + _SILENCE]
        if self._stop.at is not None:
            ends.append(max(self._stop.at, self._since) + self._grace)
        if self._deadline is not None:
            ends.append(self._deadline)
        return min(ends) - time.monotonic()

    def has(self, seconds: float) -> bool:
        """Whether that much is left."""
        return self.left() >= seconds

    def pause(self, seconds: float) -> None:
        """Wait that long, or until patience ends."""
        end = time.monotonic() + seconds
        while (rest := end - time.monotonic()) > 0 and self.has(0.0):
            time.sleep(min(rest, _LOOK_EVERY))

    def wait_for(self, work: Callable[[], None]) -> None:
        """Do the work, which may raise, in a thread that is left alone when it takes too long.

        Raises:
            TimeoutError: there was no sign of life.
        """
        failures: list[BaseException] = []

        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - raised again below
                failures.append(error)

        thread = threading.Thread(target=run, daemon=True)
        begin = time.monotonic()
        try:
            thread.start()
        except RuntimeError:  # the notebook has all the processes that there may be
            run()
        while thread.is_alive():
            if self.left() < 0 and time.monotonic() - begin > _AT_LEAST:
                message = f"it took nothing for {time.monotonic() - max(begin, self._heard):.0f} s"
                raise TimeoutError(message)
            thread.join(_LOOK_EVERY)
        if failures:
            raise failures[0]
        self.heard()
