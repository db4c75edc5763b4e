"""Every request comes by here: signed in, allowed, checked, answered from a thread."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from tornado import web
from tornado.iostream import StreamClosedError

from kernel_containers.core.json_values import strict_json
from kernel_containers.core.large_json import json_text
from kernel_containers.core.redaction import MASK, trace_of
from kernel_containers.errors import (
    Defect,
    Interrupted,
    KernelContainersError,
    Unauthorized,
    Unavailable,
    UsageError,
    error_as_json,
)
from kernel_containers.server.download import send
from kernel_containers.server.errors import error_of, status_of
from kernel_containers.server.routes import API, UNLIMITED
from kernel_containers.server.services import Answer, Call, Content, Download

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Executor

    from kernel_containers.core.progress import Progress
    from kernel_containers.server.contract import Contract
    from kernel_containers.server.services import Operation, Services

AUTH_RESOURCE = "kernel-containers"
MOST_BODY = 100 * 1024**2  # bytes; a notebook with its outputs


class Handler(ExtensionHandlerMixin, APIHandler):
    """One path of the contract with its operations by verb."""

    auth_resource = AUTH_RESOURCE

    def initialize(
        self,
        name: str,
        *,
        path: str,
        operations: Mapping[str, Operation],
        services: Services,
        contract: Contract,
        executors: Mapping[str, Executor],
        longest: float,
    ) -> None:
        """Take what the route gives."""
        super().initialize(name)
        self._path = path
        self._operations = operations
        self._services = services
        self._contract = contract
        self._executors = executors
        self._longest = None if path in UNLIMITED else longest
        self._gone = threading.Event()

    async def prepare(self) -> None:  # type: ignore[override]
        """Have requests logged without what may be a password."""
        self.request.uri = self._loggable_uri()
        await super().prepare()

    # Each verb is decorated by itself: `authorized` remembers the action of its first call.

    @web.authenticated
    @authorized
    async def get(self, **path: str) -> None:
        """Answer a reader."""
        await self._answer("GET", path)

    @web.authenticated
    @authorized
    async def post(self, **path: str) -> None:
        """Answer a writer."""
        await self._answer("POST", path)

    @web.authenticated
    @authorized
    async def delete(self, **path: str) -> None:
        """Answer a writer."""
        await self._answer("DELETE", path)

    def on_connection_close(self) -> None:
        """Let the operation end at its next report."""
        self._gone.set()

    async def _answer(self, verb: str, path: Mapping[str, str]) -> None:
        if verb not in self._operations:
            raise web.HTTPError(405)
        if len(self.request.body) > MOST_BODY:
            raise web.HTTPError(413)
        try:
            await self._send(await self._ask(verb, path), self._executors[verb])
        except StreamClosedError:
            return  # the client has gone
        except TimeoutError:
            self._gone.set()
            await self._refuse(_late(self._path, self._longest))
        except KernelContainersError as error:
            await self._refuse(error)
        except Exception as error:  # noqa: BLE001 - the last resort, told to the log
            self.log.error("%s %s failed\n%s", verb, self._path, trace_of(error))  # noqa: TRY400
            await self._refuse(
                Defect(
                    "The server made a mistake.",
                    why=f"{type(error).__name__} in kernel-containers",
                    todo="report it with the lines of the server's log",
                )
            )

    async def _ask(self, verb: str, path: Mapping[str, str]) -> Content | Download:
        loop = asyncio.get_running_loop()
        executor, operation = self._executors[verb], self._operations[verb]
        # In a thread as well: parsing 50 MB of notebook would stop all kernels' output.
        call = await loop.run_in_executor(executor, self._call, verb, path)
        await self._check_kernel(call)
        performed = loop.run_in_executor(executor, _perform, operation, call)
        return await asyncio.wait_for(performed, self._longest)

    def _call(self, verb: str, path: Mapping[str, str]) -> Call:
        contract = self._contract
        query = {
            name: values[-1].decode(errors="replace")
            for name, values in self.request.query_arguments.items()
        }
        if any("\0" in text for text in query.values()):
            raise UsageError("The query has a character that no name can have.")
        return Call(
            services=self._services,
            user=str(getattr(self.current_user, "username", "")),
            path=contract.check_path(self._path, verb, path),
            query=contract.check_query(self._path, verb, query),
            body=contract.check_body(self._path, verb, self.request.body),
            report=self._report,
        )

    async def _check_kernel(self, call: Call) -> None:
        """Let a request reach into a kernel only for who may do so by Jupyter's own API."""
        if "kernel_id" not in {**call.body, **call.body.get("plan", {})}:
            return
        allowed = await ensure_async(
            self.authorizer.is_authorized(self, self.current_user, "execute", "kernels")
        )
        if not allowed:
            raise Unauthorized("This user may not use the server's kernels.")

    def _loggable_uri(self) -> str:
        path, query = self.request.path, self.request.query
        if any("@" in text for text in self.path_kwargs.values()):
            path = f"{self.base_url.rstrip('/')}{API}{self._path}"
        if "@" in unquote(query):  # somebody's `user:password@host`, though it is refused
            query = MASK
        return f"{path}?{query}" if query else path

    def _report(self, progress: Progress) -> None:
        del progress
        if self._gone.is_set():
            raise Interrupted("The client has gone.")

    async def _refuse(self, error: KernelContainersError) -> None:
        self.clear()
        self.set_status(status_of(error))
        await self.finish(json.dumps(error_as_json(error)))

    async def _send(self, content: Content | Download, executor: Executor) -> None:
        if isinstance(content, Download):
            await send(self, content, executor, self._longest)
            return
        self.set_status(content.status)
        for name, value in content.headers.items():
            self.set_header(name, value)
        await self.finish(content.data or None, set_content_type=content.type)

    def compute_etag(self) -> None:
        """Have none: hashing a large answer would stop the loop, and answers change at any time."""

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Tell an error that came up outside of an operation as all others are told."""
        del kwargs
        _ = self.finish(json.dumps(error_as_json(error_of(status_code))))


def _late(path: str, longest: float | None) -> Unavailable:
    return Unavailable(
        f"{path} was not done within {longest:g} s.",
        why="the engine, a registry or a store takes its time, or says nothing",
        todo="look whether it is there, then try again; what was begun may still be done",
    )


def _perform(operation: Operation, call: Call) -> Content | Download:
    """Return the bytes of an operation's answer; those of 500 runs take a while to write."""
    answer = operation(call)
    if not isinstance(answer, Answer):
        return answer
    data = b"" if answer.body is None else json_text(strict_json(answer.body)).encode()
    return Content(data, "application/json", status=answer.status)
