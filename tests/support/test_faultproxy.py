"""The proxy before real servers: what passes, and how it fails on order."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.faultproxy import FaultProxy, start_fault_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.registry import RegistryServer

DATA = b"layer" * 40_000
CONTENT = "application/octet-stream"


@pytest.fixture
def proxy(registry: RegistryServer) -> Iterator[FaultProxy]:
    with start_fault_proxy(registry.host) as started:
        yield started


def upload(proxy: FaultProxy, data: bytes | Iterator[bytes] = DATA) -> httpx.Response:
    with httpx.Client(base_url=proxy.url) as client:
        session = client.post("/v2/team/report/blobs/uploads/")
        return client.patch(session.headers["location"], content=data)


def test_a_request_passes_unchanged_and_its_bytes_are_counted(proxy: FaultProxy) -> None:
    answer = upload(proxy)

    assert answer.status_code == 202
    assert answer.headers["range"] == f"0-{len(DATA) - 1}"
    assert [(seen.method, seen.status) for seen in proxy.seen] == [("POST", 202), ("PATCH", 202)]
    assert proxy.sent("PATCH") == len(DATA)


def test_a_body_in_chunks_passes(proxy: FaultProxy) -> None:
    answer = upload(proxy, iter([DATA, DATA]))

    assert answer.headers["range"] == f"0-{2 * len(DATA) - 1}"
    assert proxy.sent("PATCH") == 2 * len(DATA)


def test_a_status_is_answered_as_often_as_ordered(proxy: FaultProxy) -> None:
    proxy.add("status", path="/v2/", status=429, headers={"Retry-After": "1"}, skip=1, times=2)

    answers = [httpx.get(f"{proxy.url}/v2/") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 429, 429, 200]
    assert answers[1].headers["retry-after"] == "1"


@pytest.mark.parametrize("kind", ["reset", "reset_body"])
def test_a_reset_breaks_the_request(proxy: FaultProxy, kind: str) -> None:
    proxy.add(kind, method="PATCH", after=1000)

    # What a client sees first of a reset depends on whether it was reading or writing.
    with pytest.raises(httpx.TransportError):
        upload(proxy)

    assert upload(proxy).status_code == 202


def test_an_answer_is_cut_after_some_bytes(proxy: FaultProxy) -> None:
    proxy.add("cut_response", path="_catalog", after=5)

    with pytest.raises(httpx.NetworkError):
        httpx.get(f"{proxy.url}/v2/_catalog")


def test_a_delay_and_a_silence_take_their_time(proxy: FaultProxy) -> None:
    proxy.add("delay", seconds=0.2)
    proxy.add("hang")

    start = time.monotonic()
    slow = httpx.get(f"{proxy.url}/v2/")
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{proxy.url}/v2/", timeout=0.2)

    assert slow.status_code == 200
    assert time.monotonic() - start >= 0.4
