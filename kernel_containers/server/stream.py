"""A job's events over a WebSocket: those that a client has missed, then those to come."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.extension.handler import ExtensionHandlerMixin
from tornado import web, websocket

from kernel_containers.errors import KernelContainersError, error_as_json
from kernel_containers.server.errors import error_of, status_of
from kernel_containers.server.handlers import AUTH_RESOURCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.server.contract import Contract
    from kernel_containers.server.services import Services
    from kernel_containers.workflow.jobs.job import Event, Job


BREATH = 50  # events that are written before the loop turns to others


class Listeners:
    """Who waits for which job; woken from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._woken: set[str] = set()  # whose readers the loop is going to wake

    def add(self, job_id: str) -> asyncio.Event:
        """Return what is set when the job has said something."""
        news = asyncio.Event()
        self._waiting.setdefault(job_id, set()).add(news)
        return news

    def remove(self, job_id: str, news: asyncio.Event) -> None:
        """Wake it no more."""
        waiting = self._waiting.get(job_id, set())
        waiting.discard(news)
        if not waiting:
            self._waiting.pop(job_id, None)

    def __call__(self, job: Job, event: Event) -> None:
        """Wake those who wait for the job, once for all that it says until then."""
        del event
        job_id = job.head.id
        if job_id in self._waiting and job_id not in self._woken and not self._loop.is_closed():
            self._woken.add(job_id)
            self._loop.call_soon_threadsafe(self._wake, job_id)

    def _wake(self, job_id: str) -> None:
        self._woken.discard(job_id)
        for news in self._waiting.get(job_id, ()):
            news.set()


class StreamHandler(
    ExtensionHandlerMixin, WebSocketMixin, websocket.WebSocketHandler, JupyterHandler
):
    """`/jobs/{id}/stream`."""

    auth_resource = AUTH_RESOURCE
    _sending: asyncio.Task[None] | None = None

    def initialize(
        self, name: str, path: str, services: Services, contract: Contract, listeners: Listeners
    ) -> None:
        """Take what the route gives."""
        super().initialize(name)
        self._path = path
        self._services = services
        self._contract = contract
        self._listeners = listeners

    @ws_authenticated
    async def get(self, **path: str) -> None:  # type: ignore[mutable-override]
        """Check the request before the handshake."""
        is_allowed = await ensure_async(
            self.authorizer.is_authorized(self, self.current_user, "read", self.auth_resource)
        )
        if not is_allowed:
            raise web.HTTPError(403)
        try:
            checked = self._contract.check_path(self._path, "GET", path)
            query = {name: values[-1].decode() for name, values in self._query().items()}
            self._after = self._contract.check_query(self._path, "GET", query)["after"]
            self._job = self._services.jobs.get(checked["id"])
        except KernelContainersError as error:
            self.set_status(status_of(error))
            self.set_header("Content-Type", "application/json")
            await self.finish(json.dumps(error_as_json(error)))
            return
        started = super().get()
        if started is not None:
            await started

    def open(self, *args: str, **kwargs: str) -> None:  # type: ignore[mutable-override]
        """Begin to send."""
        super().open(*args, **kwargs)
        self._sending = asyncio.ensure_future(self._send())

    def on_message(self, message: str | bytes) -> None:
        """Hear nothing: clients only listen."""

    def on_close(self) -> None:
        """End with the connection."""
        super().on_close()
        if self._sending:
            self._sending.cancel()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Tell errors as everywhere."""
        del kwargs
        self.set_header("Content-Type", "application/json")
        _ = self.finish(json.dumps(error_as_json(error_of(status_code))))

    def _query(self) -> Mapping[str, list[bytes]]:
        return self.request.query_arguments

    async def _send(self) -> None:
        jobs, job, after = self._services.jobs, self._job, self._after
        news = self._listeners.add(job.head.id)
        try:
            while True:
                news.clear()
                events, ended = await asyncio.to_thread(jobs.events_after, job, after)
                for event in events:
                    await self.write_message(json.dumps(event))
                    after = event["seq"]
                    if after % BREATH == 0:
                        await asyncio.sleep(0)  # a socket that takes all never waits by itself
                if ended:
                    self.close(1000, "the job has ended")
                    return
                if not events:
                    await news.wait()
        except websocket.WebSocketClosedError:
            return
        finally:
            self._listeners.remove(job.head.id, news)
