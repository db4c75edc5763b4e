"""What stands where an image shall go, asked while the image is planned.

A registry that is 100 ms away takes four round trips to say it, and to take the first steps of
a push: as long as a plan takes.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from kernel_containers.core.progress import LOOK, Progress, Report, silent

if TYPE_CHECKING:
    from kernel_containers.core.reference import ImageReference
    from kernel_containers.workflow.registries import Registries, Target


class LookAhead:
    """Asks from a thread of its own; who never wants the result need not wait for it."""

    def __init__(self, registries: Registries, to: ImageReference) -> None:
        self.to = to
        self._registries = registries
        self._target: Target | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="look-ahead", daemon=True)
        self._thread.start()

    def result(self, report: Report = silent) -> Target:
        """Return what `Registries.look` returns, or raise what it or `report` raises."""
        while self._thread.is_alive():
            self._thread.join(LOOK)
            report(Progress(stage="registry", message=f"waiting for {self.to.repository.host}"))
        if self._target is None:
            raise self._failure or AssertionError
        return self._target

    def _run(self) -> None:
        try:
            self._target = self._registries.look(self.to, push_follows=True)
        except BaseException as error:  # noqa: BLE001 - raised by result()
            self._failure = error
