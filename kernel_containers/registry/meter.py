"""How many bytes of which blob have moved."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from kernel_containers.core.progress import Progress
from kernel_containers.core.sizes import size_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kernel_containers.core.digest import Digest
    from kernel_containers.core.oci import Descriptor
    from kernel_containers.core.progress import Report


class Meter:
    """Adds up the progress of all blobs of one operation.

    `done` and `total` of the reports count all blobs; `message` names the one that moved last.
    Threads report one after the other, and within a blob only after `interval` seconds: a fast
    network moves 1,500 blocks in one.
    """

    def __init__(
        self, stage: str, report: Report, blobs: Iterable[Descriptor], interval: float
    ) -> None:
        self._stage = stage
        self._report = report
        self._sizes = {blob.digest: blob.size for blob in blobs}
        self._done = dict.fromkeys(self._sizes, 0)
        self._moved = 0
        self._interval = interval
        self._last = 0.0
        # A report may raise, or look at the meter again.
        self._lock = threading.RLock()

    @property
    def moved(self) -> int:
        """Bytes that went over the network, repeated ones included."""
        return self._moved

    def begin(self, digest: Digest) -> None:
        """A blob starts, perhaps again."""
        self._set(digest, 0, at_once=True)

    def add(self, digest: Digest, count: int) -> None:
        """Bytes of a blob have moved."""
        with self._lock:
            self._moved += count
            self._set(digest, self._done[digest] + count, at_once=False)

    def finish(self, digest: Digest) -> None:
        """A blob is where it should be."""
        self._set(digest, self._sizes[digest], at_once=True)

    def also(self, count: int) -> None:
        """Bytes have moved that belong to no blob."""
        with self._lock:
            self._moved += count

    def say(self, message: str) -> None:
        """Report without a change."""
        with self._lock:
            self._tell(message)

    def _set(self, digest: Digest, done: int, *, at_once: bool) -> None:
        with self._lock:
            self._done[digest] = done
            now = time.monotonic()
            if at_once or now >= self._last + self._interval:
                self._last = now
                size = self._sizes[digest]
                self._tell(f"{digest.short}: {size_text(done)} of {size_text(size)}")

    def _tell(self, message: str) -> None:
        self._report(
            Progress(
                stage=self._stage,
                message=message,
                done=sum(self._done.values()),
                total=sum(self._sizes.values()),
                unit="bytes",
            )
        )
