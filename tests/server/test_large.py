"""Thousands of runs, hundreds of jobs, megabytes of log: all of it in pages, none of it lost."""

from __future__ import annotations

import json
import secrets
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.workflow.jobs.job import MOST_LOG_EVENTS, Job, JobHead
from kernel_containers.workflow.jobs.job_store import JobStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.server.api import Api
    from tests.support.s3 import S3Server

pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]

IN_BUCKET = 1200  # a store tells of 1000 at once
IN_FOLDER = 3000
JOBS = 200
LINE = "x" * 1023 + "\n"


def run_id(number: int) -> str:
    return f"20260101T{number // 3600:02}{number // 60 % 60:02}{number % 60:02}Z-abcdef"


def report(number: int) -> bytes:
    return json.dumps({"status": "succeeded", "parameters": {"n": number}}).encode()


def walk(api: Api, prefix: str) -> list[int]:
    """Return the numbers of all runs, page by page."""
    seen: list[int] = []
    query: dict[str, Any] = {"prefix": prefix, "limit": 500}
    while True:
        page = api.json("/results", **query)
        seen += [run["parameters"]["n"] for run in page["runs"]]
        if page["next"] is None:
            return seen
        query["after"] = page["next"]


def test_thousands_of_runs_in_a_folder_are_paged(api: Api) -> None:
    prefix = api.server.root / "thousands"
    for number in range(IN_FOLDER):
        folder = prefix / "sales" / run_id(number)
        folder.mkdir(parents=True)
        (folder / "report.json").write_bytes(report(number))

    assert walk(api, "thousands") == list(reversed(range(IN_FOLDER)))


def test_more_runs_in_a_bucket_than_a_store_tells_at_once_are_paged(
    api: Api, s3: S3Server, bucket: str
) -> None:
    with closing(s3.client()) as client:
        for number in range(IN_BUCKET):
            key = f"runs/sales/{run_id(number)}/report.json"
            client.put_object(Bucket=bucket, Key=key, Body=report(number))
    prefix = f"s3://{bucket}/runs"

    assert walk(api, prefix) == list(reversed(range(IN_BUCKET)))
    latest = api.json("/results/sales/latest", prefix=prefix)
    assert latest["run"]["parameters"]["n"] == IN_BUCKET - 1


@pytest.fixture
def records(tmp_path: Path) -> tuple[Path, str]:
    """What an earlier server left: many jobs, and one of them with much to read."""
    folder = tmp_path / "records"
    store = JobStore(folder)
    ids = [secrets.token_hex(6) for _ in range(JOBS)]
    for number, job_id in enumerate(ids):
        head = JobHead(
            id=job_id,
            kind="run",
            title=f"job {number}",
            notebook=None,
            image="a:1",
            request={"kind": "run", "image": "a:1", "parameters": {"n": number}},
            command="",
            created=f"2026-01-01T00:{number // 60:02}:{number % 60:02}.000Z",
        )
        job = Job(head, lambda *_: None)
        job.move("running")
        if number == JOBS - 1:
            for _ in range(MOST_LOG_EVENTS):
                job.log("stdout", LINE)
        job.move("succeeded")
        store.save(job)
    return folder, ids[-1]


def test_two_hundred_jobs_and_ten_megabytes_of_log_are_paged(
    start_server: Callable[..., Api], records: tuple[Path, str]
) -> None:
    folder, with_log = records
    api = start_server(f"--KernelContainersApp.records={folder}")

    titles: list[str] = []
    query: dict[str, Any] = {"limit": 50}
    while len(titles) < JOBS:
        page = api.json("/jobs", **query)
        titles += [job["title"] for job in page["jobs"]]
        query["after"] = page["next"]
    text, after, ended = "", -1, False
    while not ended:
        answer = api.json(f"/jobs/{with_log}/events", after=after)
        text += "".join(event.get("text", "") for event in answer["events"])
        after, ended = answer["events"][-1]["seq"], answer["ended"]
    streamed = api.follow(with_log)

    assert titles == [f"job {number}" for number in reversed(range(JOBS))]
    assert text == LINE * MOST_LOG_EVENTS
    assert "".join(event.get("text", "") for event in streamed) == text
    assert api.json("/jobs", contains="n=17")["jobs"][-1]["title"] == "job 17"
