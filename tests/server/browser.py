"""A signed-in browser without a screen: cookies, the XSRF header and an Origin, but no token."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from tests.server.api import LONGEST, PREFIX

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True, slots=True)
class Page:
    """A page of Jupyter at `origin` + `base`, which ends with a slash."""

    browser: httpx.Client
    origin: str
    base: str

    @property
    def api(self) -> str:
        """The address that the contract's paths follow."""
        return f"{self.origin}{self.base}{PREFIX}"

    def get(self, path: str, /, **query: Any) -> httpx.Response:
        """Send a GET."""
        return self.browser.get(self.api + path, params=query)

    def post(self, path: str, /, **body: Any) -> httpx.Response:
        """Send a POST as JupyterLab does."""
        headers = {"X-XSRFToken": self._xsrf(), "Origin": self.origin}
        return self.browser.post(self.api + path, json=body, headers=headers)

    def follow(self, job_id: str) -> list[dict[str, Any]]:
        """Return the events of a job's WebSocket, to its end."""
        return asyncio.run(asyncio.wait_for(self._follow(job_id), LONGEST))

    def handshake(self, job_id: str, origin: str) -> httpx.Response:
        """Return the answer to a page of `origin` that asks for a job's WebSocket."""
        headers = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
            "Origin": origin,
        }
        return self.browser.get(f"{self.api}/jobs/{job_id}/stream", headers=headers)

    def _xsrf(self) -> str:
        """Return the cookie of the longest path, as a browser does."""
        found = [
            cookie
            for cookie in self.browser.cookies.jar
            if cookie.name == "_xsrf" and self.base.startswith(cookie.path)
        ]
        return str(max(found, key=lambda cookie: len(cookie.path)).value)

    async def _follow(self, job_id: str) -> list[dict[str, Any]]:
        address = f"{self.api}/jobs/{job_id}/stream"
        # The client knows which cookies belong to this address.
        cookies = self.browser.build_request("GET", address).headers.get("Cookie", "")
        request = HTTPRequest(
            address.replace("http", "ws", 1), headers={"Cookie": cookies, "Origin": self.origin}
        )
        socket = await websocket_connect(request)
        events: list[dict[str, Any]] = []
        while (message := await socket.read_message()) is not None:
            events.append(json.loads(message))
        code = socket.close_code
        socket.close()
        assert code == 1000
        return events
