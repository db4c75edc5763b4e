"""What stores say besides yes: refused, elsewhere, written anew, not a store at all."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.uris import Uri
from kernel_containers.errors import TryAgain, Unauthorized, Unavailable
from kernel_containers.workflow.gallery import Gallery
from kernel_containers.workflow.runs.results import Results
from kernel_containers.workflow.runs.stores import open_file, open_store
from tests.support.faultproxy import FaultProxy
from tests.workflow.test_run_store import sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.s3 import S3Server

CARDS = 1050  # a store tells of 1000 at once
IDS = ("20260101T000000Z-abcdef", "20260102T000000Z-abcdef")
AS_XML = {"Content-Type": "application/xml"}


def error_of(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>as it is</Message></Error>".encode()


@pytest.fixture
def proxy(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """A store that can fail, as the one that this process knows."""
    sign_in(monkeypatch, s3)
    with FaultProxy(s3.endpoint.removeprefix("http://")) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", made.url)
        yield made


@pytest.fixture
def prefix(s3: S3Server, bucket: str) -> Uri:
    """A prefix with two runs of a notebook."""
    with closing(s3.client()) as client:
        for run_id in IDS:
            body = json.dumps({"status": "succeeded"}).encode()
            client.put_object(Bucket=bucket, Key=f"r/sales/{run_id}/report.json", Body=body)
    return Uri.parse(f"s3://{bucket}/r")


def test_a_run_that_may_not_be_read_hides_no_other(proxy: FaultProxy, prefix: Uri) -> None:
    body = error_of("AccessDenied")
    proxy.add("status", path=IDS[1], status=403, body=body, headers=AS_XML, times=None)

    runs = Results(prefix).page(None, 10, None)["runs"]

    assert [run["status"] for run in runs] == ["broken", "succeeded"]
    assert "AccessDenied" in runs[0]["message"]


@pytest.mark.parametrize("code", ["AccessDenied", "ExpiredToken", "RequestTimeTooSkewed"])
def test_a_store_that_does_not_know_the_user_is_told_as_that(
    proxy: FaultProxy, prefix: Uri, code: str
) -> None:
    proxy.add("status", status=403, body=error_of(code), headers=AS_XML, times=None)

    with pytest.raises(Unauthorized, match=code):
        Results(prefix).page(None, 10, None)
    with pytest.raises(Unauthorized, match=code):
        Gallery(prefix).page(10, None)


def test_without_credentials_it_is_said_how_to_give_some(
    proxy: FaultProxy, prefix: Uri, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", "/nonexistent")

    with pytest.raises(Unauthorized, match="AWS_PROFILE"):
        Results(prefix).page(None, 10, None)
    assert proxy.seen == []


def test_a_page_that_signs_people_in_is_no_empty_store(proxy: FaultProxy, prefix: Uri) -> None:
    page = b"<html><body>Sign in</body></html>"
    proxy.add("status", status=200, body=page, headers={"Content-Type": "text/html"}, times=None)

    with pytest.raises(Unavailable, match="no S3 store"):
        list(open_store(prefix).walk(prefix))
    with pytest.raises(Unavailable, match="no S3 store"):
        open_file(prefix.join("sales"))


def test_a_store_that_names_another_region_is_asked_there(proxy: FaultProxy, prefix: Uri) -> None:
    elsewhere = {**AS_XML, "x-amz-bucket-region": "us-east-1"}
    proxy.add("status", status=301, body=error_of("PermanentRedirect"), headers=elsewhere)

    assert len(Results(prefix).page(None, 10, None)["runs"]) == len(IDS)
    assert proxy.seen[0].fault == "status"


def test_parts_of_two_versions_are_never_joined(
    proxy: FaultProxy, prefix: Uri, s3: S3Server
) -> None:
    uri = prefix.join("sales", IDS[0], "report.json")
    with closing(open_file(uri)) as opened, closing(s3.client()) as client:
        client.put_object(Bucket=uri.bucket, Key=uri.path, Body=b"{} ")

        with pytest.raises(TryAgain, match="written anew"):
            list(opened.blocks(1, opened.size))


@pytest.mark.full
@pytest.mark.timeout(600)
def test_more_cards_than_a_store_tells_at_once_are_paged(
    proxy: FaultProxy, prefix: Uri, s3: S3Server
) -> None:
    gallery = Gallery(Uri("s3", prefix.bucket, "gallery"))
    card = {"description": "", "notebook": "n.ipynb", "image": None, "published": "", "author": ""}
    with closing(s3.client()) as client:
        for number in range(CARDS):
            key = f"gallery/20260101T{number:06}Z-abcdef/card.json"
            body = json.dumps({"title": str(number), **card}).encode()
            client.put_object(Bucket=prefix.bucket, Key=key, Body=body)

    titles: list[str] = []
    after = None
    while True:
        cards, after = gallery.page(500, after)
        titles += [card.title for card in cards]
        if after is None:
            break

    assert titles == [str(number) for number in reversed(range(CARDS))]
    assert any("continuation-token" in seen.target for seen in proxy.seen)
