"""The API of a running server, as the front end uses it."""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from jsonschema import Draft202012Validator
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from tests.server.conformance import DOCUMENT, check_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.jupyter import JupyterServer

PREFIX = "kernel-containers/api"
BASE_URL = "/user/ana/"
EVENT = Draft202012Validator(
    {"$ref": "#/components/schemas/JobEvent", "components": DOCUMENT["components"]}
)
LONGEST = 240.0  # seconds that a test waits for an answer or an event before it fails


@dataclass(frozen=True, slots=True)
class Api:
    """Requests to the extension of one server."""

    server: JupyterServer

    @property
    def url(self) -> str:
        """The address that the contract's paths follow."""
        return f"{self.server.url}{BASE_URL}{PREFIX}"

    @property
    def headers(self) -> dict[str, str]:
        """What signs a request in."""
        return {"Authorization": f"token {self.server.token}"}

    def get(self, path: str, /, **query: Any) -> httpx.Response:
        """Send a GET."""
        return self._ask("GET", path, params=query)

    def post(self, path: str, /, **body: Any) -> httpx.Response:
        """Send a POST with a JSON body."""
        return self._ask("POST", path, json=body)

    def delete(self, path: str, /, **query: Any) -> httpx.Response:
        """Send a DELETE."""
        return self._ask("DELETE", path, params=query)

    def json(self, path: str, /, **query: Any) -> Any:
        """Return the answer to a GET that must succeed."""
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def start(self, kind: str, /, **body: Any) -> dict[str, Any]:
        """Return a new job."""
        answer = self.post("/jobs", kind=kind, token=secrets.token_hex(8), **body)
        assert answer.status_code == 201, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def finish(self, job: dict[str, Any]) -> dict[str, Any]:
        """Return a job when it has ended."""
        self.follow(job["id"])
        found: dict[str, Any] = self.json(f"/jobs/{job['id']}")
        return found

    def follow(
        self,
        job_id: str,
        after: int = -1,
        until: Callable[[dict[str, Any]], bool] | None = None,
    ) -> list[dict[str, Any]]:
        """Return the events of a job's WebSocket, to its end or to one that `until` accepts."""
        return asyncio.run(asyncio.wait_for(self._follow(job_id, after, until), LONGEST))

    def _ask(self, verb: str, path: str, **content: Any) -> httpx.Response:
        answer = httpx.request(
            verb, self.url + path, headers=self.headers, timeout=LONGEST, **content
        )
        check_answer(answer, verb, path)
        return answer

    async def _follow(
        self, job_id: str, after: int, until: Callable[[dict[str, Any]], bool] | None
    ) -> list[dict[str, Any]]:
        address = f"{self.url.replace('http', 'ws', 1)}/jobs/{job_id}/stream?after={after}"
        socket = await websocket_connect(HTTPRequest(address, headers=self.headers))
        events: list[dict[str, Any]] = []
        while (message := await socket.read_message()) is not None:
            events.append(json.loads(message))
            EVENT.validate(events[-1])
            if until and until(events[-1]):
                break
        ended = message is None
        code = socket.close_code
        socket.close()
        while not ended:
            ended = await socket.read_message() is None  # after what was on its way
        assert until or code == 1000
        return events
