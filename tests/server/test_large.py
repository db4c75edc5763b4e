"""Thousands of runs, hundreds of jobs, megabytes of log: all of it in pages, none of it lost."""

from __future__ import annotations

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.workflow.job import MOST_LOG_EVENTS, Job, JobHead
from kernel_containers.workflow.job_store import JobStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.server.api import Api
    from tests.support.s3 import S3Server

pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]

RUNS = 3000
JOBS = 200
LINE = "x" * 1023 + "\n"


def run_id(number: int) -> str:
    return f"20260101T{number // 3600:02}{number // 60 % 60:02}{number % 60:02}Z-abcdef"


def test_three_thousand_runs_of_a_bucket_are_paged(api: Api, s3: S3Server, bucket: str) -> None:
    with closing(s3.client()) as client, ThreadPoolExecutor(16) as threads:

        def put(number: int) -> None:
            report = {"status": "succeeded", "parameters": {"n": number}}
            key = f"runs/sales/{run_id(number)}/report.json"
            client.put_object(Bucket=bucket, Key=key, Body=json.dumps(report).encode())

        list(threads.map(put, range(RUNS)))

    seen: list[int] = []
    query: dict[str, Any] = {"prefix": f"s3://{bucket}/runs", "limit": 500}
    while True:
        page = api.json("/results", **query)
        seen += [run["parameters"]["n"] for run in page["runs"]]
        if page["next"] is None:
            break
        query["after"] = page["next"]

    assert seen == list(reversed(range(RUNS)))
    latest = api.json("/results/sales/latest", prefix=query["prefix"])
    assert latest["run"]["parameters"]["n"] == RUNS - 1


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
