"""Files of runs as they are handed out: in parts, of any size, to clients that go."""

from __future__ import annotations

import time
import uuid
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from kernel_containers.server.download import asked_part
from tests.server.test_sockets import memory
from tests.support.faultproxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.server.api import Api
    from tests.support.s3 import S3Server

RUN = "20260101T000000Z-abcdef"
WHERE = f"/results/sales/{RUN}"
TEXT = bytes(range(256)) * 10
LARGE = 150 * 1024**2  # bytes; of holes, where a file system is asked
ROOM = 40 * 1024**2  # what a server may need for it


@pytest.fixture(params=["folder", "bucket"])
def prefix(request: pytest.FixtureRequest, api: Api) -> str:
    """A place with one run of one file."""
    if request.param == "folder":
        return in_folder(api, "page.bin", TEXT)
    s3: S3Server = request.getfixturevalue("s3")
    bucket: str = request.getfixturevalue("bucket")
    with closing(s3.client()) as client:
        client.put_object(Bucket=bucket, Key=f"sales/{RUN}/page.bin", Body=TEXT)
    return f"s3://{bucket}"


def in_folder(api: Api, name: str, data: bytes = b"", size: int = 0) -> str:
    """Return a new place with a file of these bytes, or of so many."""
    prefix = uuid.uuid4().hex
    run = api.server.root / prefix / "sales" / RUN
    run.mkdir(parents=True)
    with (run / name).open("wb") as file:
        file.write(data)
        file.truncate(max(size, len(data)))
    return prefix


def ask(api: Api, prefix: str, **headers: str) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.get(
        f"{api.url}{WHERE}/files/page.bin",
        params={"prefix": prefix},
        headers={**api.headers, **names},
        timeout=60,
    )


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("", None),
        ("bytes=0-9", range(10)),
        ("bytes=90-", range(90, 100)),
        ("bytes=-10", range(90, 100)),
        ("bytes=-1000", range(100)),
        ("bytes=10-1000", range(10, 100)),
        ("bytes=9-3", None),
        ("bytes=0-1,5-6", None),
        ("bytes=-", None),
        ("lines=1-2", None),
        ("bytes=\u0661-", None),
        (f"bytes={'9' * 5000}-", None),
    ],
)
def test_a_part_is_what_the_header_asks_for(header: str, part: range | None) -> None:
    assert asked_part(header, 100) == part


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_beyond_the_end_there_is_nothing(header: str) -> None:
    assert asked_part(header, 100) == range(100, 100)


def test_a_file_is_had_in_parts(api: Api, prefix: str) -> None:
    whole = ask(api, prefix)
    part = ask(api, prefix, Range="bytes=100-199")
    end = ask(api, prefix, Range="bytes=-7", If_Range=whole.headers["etag"])
    beyond = ask(api, prefix, Range=f"bytes={len(TEXT)}-")

    assert (whole.status_code, whole.content) == (200, TEXT)
    assert whole.headers["accept-ranges"] == "bytes"
    assert (part.status_code, part.content) == (206, TEXT[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(TEXT)}"
    assert part.headers["content-disposition"].startswith("attachment")
    assert (end.status_code, end.content) == (206, TEXT[-7:])
    assert (beyond.status_code, beyond.json()["code"]) == (416, "usage")
    assert beyond.headers["content-range"] == f"bytes */{len(TEXT)}"


def test_a_client_has_what_it_has_only_of_the_same_version(api: Api, prefix: str) -> None:
    first = ask(api, prefix)
    same = ask(api, prefix, If_None_Match=first.headers["etag"])
    other = ask(api, prefix, If_None_Match='"other"')
    joined = ask(api, prefix, Range="bytes=5-9", If_Range='"other"')

    assert (same.status_code, same.content) == (304, b"")
    assert (other.status_code, other.content) == (200, TEXT)
    assert (joined.status_code, joined.content) == (200, TEXT)


def test_an_empty_file_is_handed_out(api: Api) -> None:
    prefix = in_folder(api, "page.bin")

    answers = [ask(api, prefix), ask(api, prefix, Range="bytes=0-")]

    assert [(answer.status_code, len(answer.content)) for answer in answers[:1]] == [(200, 0)]
    assert answers[1].status_code == 416


def read_in_blocks(api: Api, part: str, prefix: str) -> tuple[int, int]:
    """Return the bytes that came, and how much more memory the server had meanwhile at most."""
    before = memory(api)
    most, received = 0, 0
    with asked_for(api, part, prefix) as answer:
        for number, block in enumerate(answer.iter_raw(1024**2)):
            received += len(block)
            if number % 10 == 0:
                most = max(most, memory(api) - before)
    return received, most


def asked_for(api: Api, part: str, prefix: str) -> AbstractContextManager[httpx.Response]:
    """Return the answer to a request for a part of the run, as a stream."""
    url = f"{api.url}{WHERE}/{part}"
    return httpx.stream("GET", url, params={"prefix": prefix}, headers=api.headers, timeout=120)


def test_a_large_page_needs_little_memory(api: Api) -> None:
    prefix = in_folder(api, "notebook.html", size=LARGE)

    received, most = read_in_blocks(api, "html", prefix)

    assert received == LARGE
    assert most < ROOM


def test_a_client_that_goes_leaves_no_open_file(api: Api) -> None:
    prefix = in_folder(api, "page.bin", size=LARGE)
    path = api.server.root / prefix / "sales" / RUN / "page.bin"

    with asked_for(api, "files/page.bin", prefix) as answer:
        blocks = answer.iter_raw(1024)  # which closes the connection with itself
        next(blocks)
        held = opened(api)
        meanwhile = api.get("/jobs").status_code

    assert path in held
    assert meanwhile == 200
    deadline = time.monotonic() + 60
    while path in opened(api):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def opened(api: Api) -> set[Path]:
    """Return what files the server has open."""
    folder = Path(f"/proc/{api.server.server.process.pid}/fd")
    found = set()
    for link in folder.iterdir():
        try:
            found.add(link.readlink())
        except FileNotFoundError:
            continue  # closed since
    return found


def test_a_notebook_that_is_too_large_has_no_picture(api: Api) -> None:
    prefix = in_folder(api, "notebook.ipynb", b'{"cells": []}', size=LARGE)

    answer = api.get(f"{WHERE}/thumbnail", prefix=prefix)

    assert answer.status_code == 404
    assert "too large" in answer.json()["what"]


def test_a_report_that_is_too_large_is_broken(api: Api) -> None:
    prefix = in_folder(api, "report.json", b"{}", size=2 * LARGE)

    (run,) = api.json("/results", prefix=prefix)["runs"]

    assert run["status"] == "broken"


@pytest.mark.full
def test_a_large_object_needs_little_memory(api: Api, s3: S3Server, bucket: str) -> None:
    with closing(s3.client()) as client:
        client.put_object(Bucket=bucket, Key=f"sales/{RUN}/page.bin", Body=bytes(LARGE))

    received, most = read_in_blocks(api, "files/page.bin", f"s3://{bucket}")

    assert received == LARGE
    assert most < ROOM


@pytest.mark.full
def test_what_a_store_cuts_is_never_taken_for_the_whole(
    start_server: Callable[..., Api], s3: S3Server, bucket: str
) -> None:
    with closing(s3.client()) as client:
        client.put_object(Bucket=bucket, Key=f"sales/{RUN}/page.bin", Body=bytes(LARGE // 10))
    with FaultProxy(s3.endpoint.removeprefix("http://")) as proxy:
        proxy.add("cut_response", path="page.bin", times=None, after=5 * 1024**2)
        api = start_server(AWS_ENDPOINT_URL_S3=proxy.url)

        with pytest.raises(httpx.RemoteProtocolError):
            ask(api, f"s3://{bucket}")

    assert "broke off" in api.server.log.read_text()
    assert api.get("/jobs").status_code == 200


def test_a_password_within_an_address_is_in_no_log(api: Api) -> None:
    password = uuid.uuid4().hex
    for query in (
        {"to": f"s3://ana:{password}@bucket/x"},
        {"to": f"ana:{password}@reg.example/a:1"},
    ):
        assert api.get("/destination", **query).status_code == 422
    assert api.get("/results", prefix=f"s3://ana:{password}@bucket").status_code == 422
    assert api.get(f"/registries/ana:{password}@reg.example").status_code == 404
    assert httpx.get(f"{api.url}/destination?to=s3://a:{password}@b", timeout=60).status_code == 403

    log = api.server.log.read_text()
    assert "/registries/{host} " in log
    assert "/destination?***" in log
    assert password not in log
