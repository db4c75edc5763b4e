"""Blobs that are sent while other parts of their image are still being made.

It is a head start and no more: what fails here is left to the push, which does it again and says
why it can't be done.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kernel_containers.errors import KernelContainersError
from kernel_containers.registry.answers import scope_of
from kernel_containers.registry.meter import Meter
from kernel_containers.registry.repository import RepositoryClient
from kernel_containers.registry.stop import Stop, Stopped
from kernel_containers.registry.threads import GRACE, LAST_WAIT, ended_within
from kernel_containers.registry.upload import SMALL, Outcome, Uploader

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from kernel_containers.core.digest import Digest
    from kernel_containers.core.oci import Descriptor
    from kernel_containers.core.progress import Progress
    from kernel_containers.core.reference import Repository
    from kernel_containers.registry.client import Registry
    from kernel_containers.registry.known import KnownBlobs

THREADS = 2  # building needs the processor, too
_LOOK = 0.1  # seconds between two looks at how far a blob is


@dataclass(slots=True)
class _Sent:
    """A blob that was taken up; `outcome` stays None where it did not get there."""

    outcome: Outcome | None = None
    bytes: int = 0
    ended: threading.Event = field(default_factory=threading.Event)


class Ahead:
    """Sends large blobs of one repository from threads of its own, as they are added.

    `opened` gives the registry, and is not called where nothing has to be sent; `source` says
    where a blob's file lies. A context: what is still on its way when it ends is ended too, and
    its upload session deleted.
    """

    def __init__(
        self,
        to: Repository,
        opened: Callable[[], AbstractContextManager[Registry]],
        source: Callable[[Digest], Path],
        known: KnownBlobs | None = None,
    ) -> None:
        self._to = to
        self._opened = opened
        self._source = source
        self._known = known
        self._hints = known.of(to) if known else frozenset()
        self._waiting: deque[Descriptor] = deque()
        self._sent: dict[Digest, _Sent] = {}
        self._news = threading.Condition()
        self._closed = False
        self._stop = Stop()
        self._registries: list[Registry] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, *exception: object) -> None:
        with self._news:
            self._closed = True
            self._waiting.clear()
            self._news.notify_all()
        self._stop.set()
        if not ended_within(self._threads, GRACE):
            for registry in self._registries:
                registry.transport.shut()
            ended_within(self._threads, LAST_WAIT)

    def add(self, blob: Descriptor) -> None:
        """Let a blob, whose file is complete, be sent if it is large and not known to be there."""
        with self._news:
            if blob.size <= SMALL or blob.digest in self._hints or self._closed:
                return
            self._hints |= {blob.digest}
            self._waiting.append(blob)
            self._news.notify()
            if len(self._threads) < THREADS:
                number = len(self._threads)
                thread = threading.Thread(target=self._run, name=f"registry-ahead-{number}")
                self._threads.append(thread)
                thread.start()

    def outcome(self, blob: Descriptor, moved: Callable[[int], None], stop: Stop) -> Outcome | None:
        """Return what became of a blob, after its end if it is on its way; None if nothing.

        Meanwhile `moved` is told how many bytes more have moved.
        """
        with self._news:
            if blob in self._waiting:
                self._waiting.remove(blob)
            sent = self._sent.get(blob.digest)
        if sent is None:
            return None
        told, ended = 0, False
        while not ended:
            ended = sent.ended.wait(_LOOK)
            stop.check()
            now = sent.bytes
            moved(now - told)
            told = now
        return sent.outcome

    def _run(self) -> None:
        try:
            with self._opened() as registry:
                self._registries.append(registry)
                while taken := self._take():
                    self._send(registry, *taken)
        except (KernelContainersError, Stopped):
            # The push will say what is wrong; until then nothing more is tried.
            with self._news:
                self._closed = True
                self._waiting.clear()

    def _take(self) -> tuple[Descriptor, _Sent] | None:
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                return None
            blob = self._waiting.popleft()
            sent = self._sent[blob.digest] = _Sent()
            return blob, sent

    def _send(self, registry: Registry, blob: Descriptor, sent: _Sent) -> None:
        client = RepositoryClient(registry, self._to.path, stop=self._stop)
        client.scope = scope_of(client.name, "pull", "push")

        def count(told: Progress) -> None:
            del told
            sent.bytes = meter.moved

        meter = Meter("push", count, [blob], registry.settings.report_interval)
        uploader = Uploader(client, meter)
        try:
            mount_from = self._known.source(blob.digest, but=self._to) if self._known else None
            sent.outcome = uploader.provide(
                blob, self._source(blob.digest), mount_from=mount_from, ask=True
            )
        finally:
            uploader.clean_up()
            sent.bytes = meter.moved
            sent.ended.set()
