"""A job's WebSocket: who may open it, what clients send, and many who do not read."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from kernel_containers.workflow.jobs.job import Job, JobHead
from kernel_containers.workflow.jobs.job_store import JobStore
from tests.server.api import LONGEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.server.api import Api

LINES = 5000
LINE = "x" * 1023 + "\n"
SOCKETS = 200


async def connect(api: Api, job_id: str, **headers: str) -> WebSocketClientConnection:
    address = f"{api.url.replace('http', 'ws', 1)}/jobs/{job_id}/stream"
    return await websocket_connect(HTTPRequest(address, headers={**api.headers, **headers}))


def status_of(api: Api, job_id: str, **headers: str) -> int:
    """Return the status with which a handshake is refused."""
    with pytest.raises(HTTPClientError) as refused:
        asyncio.run(connect(api, job_id, **headers))
    return int(refused.value.code)


def test_a_socket_is_for_who_is_signed_in(api: Api) -> None:
    job = api.finish(api.start("pull", image="never-made"))

    assert status_of(api, job["id"], Authorization="") == 403
    assert status_of(api, job["id"], Authorization="token wrong") == 403
    assert status_of(api, "0" * 12) == 404


@pytest.fixture
def with_log(start_server: Callable[..., Api], tmp_path: Path) -> tuple[Api, str]:
    """A server, and the id of a job that ended before it began and has said much."""
    head = JobHead(
        id=secrets.token_hex(6),
        kind="run",
        title="x",
        notebook=None,
        image="a:1",
        request={},
        command="",
    )
    job = Job(head, lambda *_: None)
    job.move("running")
    for _ in range(LINES):
        job.log("stdout", LINE)
    job.move("succeeded")
    JobStore(tmp_path / "records").save(job)
    api = start_server(f"--KernelContainersApp.records={tmp_path / 'records'}")
    while not api.json("/jobs")["jobs"]:  # records are read once requests are answered
        time.sleep(0.05)
    return api, head.id


def open_socket(api: Api, job_id: str) -> socket.socket:
    """Return a connection that is a WebSocket now, and that nobody reads from."""
    url = urlsplit(f"{api.url}/jobs/{job_id}/stream")
    lines = [
        f"GET {url.path} HTTP/1.1",
        f"Host: {url.netloc}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        *(f"{name}: {value}" for name, value in api.headers.items()),
    ]
    opened = socket.create_connection((str(url.hostname), url.port or 80), timeout=LONGEST)
    opened.sendall("\r\n".join([*lines, "", ""]).encode())
    assert opened.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 101"
    return opened


def memory(api: Api) -> int:
    """Return the bytes that the server has of the machine."""
    status = Path(f"/proc/{api.server.server.process.pid}/status").read_text()
    return 1024 * int(status.partition("VmRSS:")[2].split()[0])


FRAMES = {
    "none": b"GET / HTTP/1.1\r\n\r\n" * 100,
    "unmasked": b"\x81\x02{}",
    "with unknown bits": b"\xf1\x80\x00\x00\x00\x00",
    "too long": b"\x81\xff" + (2**40).to_bytes(8) + b"\x00" * 4,
    "half": b"\x01\xfe",
}


@pytest.mark.parametrize("kind", FRAMES)
def test_frames_that_make_no_sense_harm_nobody(api: Api, kind: str) -> None:
    job = api.finish(api.start("pull", image="never-made"))
    with closing(open_socket(api, job["id"])) as opened, contextlib.suppress(OSError):
        opened.sendall(FRAMES[kind])
        opened.shutdown(socket.SHUT_WR)
        while opened.recv(65536):
            pass

    assert api.follow(job["id"])[-1]["state"] == "failed"


@pytest.mark.full
def test_many_who_do_not_read_cost_little_and_keep_nobody_waiting(
    with_log: tuple[Api, str],
) -> None:
    api, job_id = with_log

    before = memory(api)
    with contextlib.ExitStack() as stack:
        for _ in range(SOCKETS):
            stack.enter_context(closing(open_socket(api, job_id)))
        heard = api.follow(job_id)
        grown = memory(api) - before
    status = api.get("/jobs").status_code  # all have gone in the middle of what they are told

    assert status == 200
    assert "".join(event.get("text", "") for event in heard) == LINE * LINES
    assert grown < SOCKETS * len(LINE) * LINES / 3  # all of the log for each would be this thrice
