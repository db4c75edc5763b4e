"""Results of runs, in a folder and in a bucket."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.uris import Uri
from kernel_containers.errors import NotFound, Unauthorized, Unavailable
from kernel_containers.workflow.runs.run_filter import RunFilter
from kernel_containers.workflow.runs.run_store import list_runs, read_file, read_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.s3 import S3Server

OLD = "20260101T000000Z-aaaaaa"
NEW = "20260102T000000Z-bbbbbb"


def report(status: str) -> bytes:
    return json.dumps({"status": status, "outputs": {"html": "file:///x.html"}}).encode()


@pytest.fixture(params=["folder", "bucket"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path
) -> tuple[Uri, Callable[[str, bytes], None]]:
    """A prefix, and a function that writes below it."""
    if request.param == "folder":

        def write(name: str, data: bytes) -> None:
            path = tmp_path / "runs" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

        return Uri.parse(str(tmp_path / "runs")), write
    s3: S3Server = request.getfixturevalue("s3")
    bucket: str = request.getfixturevalue("bucket")
    monkeypatch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    sign_in(monkeypatch, s3)

    def put(name: str, data: bytes) -> None:
        with closing(s3.client()) as client:
            client.put_object(Bucket=bucket, Key=f"deep/prefix/{name}", Body=data)

    return Uri.parse(f"s3://{bucket}/deep/prefix"), put


def sign_in(monkeypatch: pytest.MonkeyPatch, s3: S3Server) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.secret_key)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def test_runs_are_listed_newest_first(place: tuple[Uri, Callable[[str, bytes], None]]) -> None:
    prefix, write = place
    write(f"one/{OLD}/report.json", report("failed"))
    write(f"two/{NEW}/report.json", report("succeeded"))
    write("one/latest.json", b"{}")
    write("one/unfinished/log.jsonl", b"")
    write("one/broken/report.json", b"{")

    runs = list_runs(prefix)

    assert [(run.notebook, run.run_id, run.report["status"]) for run in runs] == [
        ("two", NEW, "succeeded"),
        ("one", OLD, "failed"),
    ]
    assert [run.run_id for run in list_runs(prefix, only=RunFilter(notebook="one"))] == [OLD]
    assert read_run(prefix, "latest").run_id == NEW
    assert read_run(prefix, OLD).html == "file:///x.html"
    assert read_file(prefix.join("one", OLD, "report.json")) == report("failed")


def test_what_is_missing_is_not_found(place: tuple[Uri, Callable[[str, bytes], None]]) -> None:
    prefix, write = place
    write(f"one/{OLD}/report.json", report("failed"))

    with pytest.raises(NotFound, match="no run"):
        read_run(prefix, "other")
    with pytest.raises(NotFound):
        read_file(prefix.join("none"))


def test_a_missing_bucket_and_a_wrong_key_are_told_apart(
    s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(monkeypatch, s3)
    with pytest.raises(NotFound, match="bucket"):
        list_runs(Uri.parse("s3://never-made-bucket/x"))

    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(Unauthorized):
        list_runs(Uri.parse(f"s3://{bucket}/x"))


def test_reports_that_say_nothing_are_broken_and_stop_nobody(tmp_path: Path) -> None:
    for number, text in enumerate(["[1]", "{", json.dumps({"status": "succeeded"})]):
        folder = tmp_path / "report" / f"2026010{number + 1}T000000Z-aaaaaa"
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(text)

    runs = list_runs(Uri.parse(str(tmp_path)))

    assert [run.status for run in runs] == ["succeeded", "broken", "broken"]
    assert read_run(Uri.parse(str(tmp_path)), "latest").status == "succeeded"


def test_an_unknown_profile_is_said_and_is_no_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")

    with pytest.raises(Unavailable, match="nobody"):
        list_runs(Uri.parse("s3://bucket/runs"))
