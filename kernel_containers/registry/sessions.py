"""Upload sessions of a repository, opened before it is known for which blobs.

An upload begins with a round trip that only tells where to send the bytes. While an image is
planned there is time for it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import httpx

from kernel_containers.errors import KernelContainersError
from kernel_containers.registry.addresses import follow
from kernel_containers.registry.answers import scope_of
from kernel_containers.registry.repository import RepositoryClient
from kernel_containers.registry.stop import Stop, Stopped
from kernel_containers.registry.threads import GRACE, ended_within

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_containers.registry.client import Registry

USUAL = 3  # for the notebook's layer, the image's config, its provenance
FRESH = 60.0  # seconds; later, a registry may have forgotten a session


class Sessions:
    """Opens sessions from threads of its own; a context, which deletes those nobody took.

    What goes wrong is left to the uploads, which open their own sessions then.
    """

    def __init__(self, registry: Registry, path: str, count: int = USUAL) -> None:
        self._registry = registry
        self._stop = Stop()
        self._client = RepositoryClient(registry, path, stop=self._stop)
        self._client.scope = scope_of(self._client.name, "pull", "push")
        self._open: deque[str] = deque()
        self._expected = count
        self._until = time.monotonic() + FRESH
        self._news = threading.Condition()
        self._threads = [self._started(self._begin) for _ in range(count)]

    def __enter__(self) -> Sessions:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def take(self) -> str | None:
        """Return where to send a blob, perhaps after a wait; None where no session is left."""
        with self._news:
            self._news.wait_for(lambda: self._open or not self._expected)
            usable = self._open and time.monotonic() < self._until
            return self._open.popleft() if usable else None

    def close(self) -> None:
        """Delete what nobody took."""
        self._stop.set()
        ended_within(self._threads, GRACE)
        with self._news:
            left = list(self._open)
            self._open.clear()
        ended_within([self._started(partial(self._forget, url)) for url in left], GRACE)

    def _begin(self) -> None:
        url = None
        try:
            call = self._client.call("begin an upload", "POST", "blobs/uploads/")
            answer = self._registry.try_once(call, self._stop)
            location = answer.headers.get("Location")
            if answer.status == 202 and location:
                url = follow(answer.url, location)
        except (httpx.HTTPError, KernelContainersError, Stopped):
            pass  # the upload will say what is wrong
        finally:
            with self._news:
                self._expected -= 1
                self._open.extend([url] if url else [])
                self._news.notify_all()

    def _forget(self, url: str) -> None:
        call = replace(self._client.call("forget an upload", "DELETE", ""), url=url)
        with suppress(httpx.HTTPError, KernelContainersError):  # it ends by itself in time
            self._registry.forget(call)

    def _started(self, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=work, name="registry-session", daemon=True)
        thread.start()
        return thread
