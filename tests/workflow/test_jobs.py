"""Jobs in threads: their events, their end, and what they leave on disk."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.core.progress import Progress
from kernel_containers.errors import Defect, Interrupted, InvalidInput, TryAgain
from kernel_containers.workflow.jobs.job import LONGEST_LOG, MOST_LOG, MOST_LOG_EVENTS, Job, JobHead
from kernel_containers.workflow.jobs.job_store import JobStore
from kernel_containers.workflow.jobs.jobs import Jobs

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.workflow.jobs.job import Event, JobKind
    from kernel_containers.workflow.jobs.jobs import Work


class Heard:
    """A listener that tells when a job has ended."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def __call__(self, job: Job, event: Event) -> None:
        if event["type"] == "state" and job.ended:
            self.ended.set()


def head(number: int, kind: JobKind = "pull") -> JobHead:
    request = {"kind": kind, "image": "x"}
    return JobHead(
        id=f"{number:012x}",
        kind=kind,
        title="x",
        notebook=None,
        image="x",
        request=request,
        command="x",
        run_id="run-1" if kind == "run" else None,
    )


def nothing(head: JobHead) -> None:
    """Find no run again."""
    del head


def make(folder: Path, heard: Heard | None = None, *, at_once: int = 2) -> Jobs:
    return Jobs(JobStore(folder), at_once=at_once, longest_queue=1, listener=heard or Heard())


def run(folder: Path, work: Work) -> tuple[Jobs, Job]:
    """Return the jobs and one of them that has ended."""
    heard = Heard()
    jobs = make(folder, heard)
    job, _ = jobs.start(head(1), work)
    assert heard.ended.wait(20)
    jobs.close()
    return jobs, job


def test_progress_that_was_passed_is_replaced_and_numbers_rise(tmp_path: Path) -> None:
    def work(job: Job) -> dict[str, Any]:
        for done in range(1001):
            job.report(Progress(stage="push", done=done, total=1000, unit="bytes"))
        job.report(Progress(stage="load"))
        return {"id": "x", "size": 1}

    jobs, job = run(tmp_path, work)
    events, ended = jobs.events_after(job, -1)

    assert ended
    assert [event["type"] for event in events] == ["state", "progress", "progress", "state"]
    assert [event["seq"] for event in events] == sorted(event["seq"] for event in events)
    assert [stage.ended for stage in job.stages.values()] == [True, True]
    assert job.fraction == 1.0


def test_a_log_without_end_takes_no_memory_without_end(tmp_path: Path) -> None:
    job = Job(head(1), Heard())

    for number in range(MOST_LOG_EVENTS + 500):
        job.log("stdout", str(number))

    assert len(job.events_after(-1)) == MOST_LOG_EVENTS
    assert job.events_after(job.last - 1)[0]["text"] == str(MOST_LOG_EVENTS + 499)


def test_of_long_lines_fewer_are_kept() -> None:
    job = Job(head(1), Heard())
    job.log("stdout", "first")
    for _ in range(3):
        job.log("stdout", "x" * (MOST_LOG // 2))

    texts = [event["text"] for event in job.events_after(-1)]
    assert len("".join(texts)) == MOST_LOG
    assert max(map(len, texts)) == LONGEST_LOG


@pytest.mark.parametrize(
    ("error", "state", "code"),
    [
        (InvalidInput("no"), "failed", "invalid-input"),
        (Interrupted("stopped", why="All is clean."), "cancelled", None),
        (ValueError("hunter2"), "failed", "defect"),
    ],
)
def test_an_error_ends_a_job_by_its_class(
    tmp_path: Path, error: Exception, state: str, code: str | None
) -> None:
    def work(job: Job) -> dict[str, Any]:
        raise error

    _, job = run(tmp_path, work)

    assert (job.state, job.error and job.error["code"]) == (state, code)
    assert "hunter2" not in json.dumps(job.as_json())


def test_a_cancelled_job_ends_at_its_next_report(tmp_path: Path) -> None:
    heard, begun = Heard(), threading.Event()

    def work(job: Job) -> dict[str, Any]:
        begun.set()
        job.wait(20)
        job.report(Progress(stage="push"))
        raise AssertionError

    jobs = make(tmp_path, heard)
    job, _ = jobs.start(head(1), work)
    begun.wait(20)
    asked = jobs.cancel(job.head.id)

    assert heard.ended.wait(20)
    assert (asked is job, job.state) == (True, "cancelled")
    jobs.close()


def test_a_full_queue_is_refused_and_all_ends_with_the_server(tmp_path: Path) -> None:
    def work(job: Job) -> dict[str, Any]:
        job.wait(60)
        job.check()
        return {}

    jobs = make(tmp_path, at_once=1)
    first, _ = jobs.start(head(1), work)
    second, _ = jobs.start(head(2), work)
    with pytest.raises(TryAgain):
        jobs.start(head(3), work)
    jobs.close()

    assert (first.state, second.state) == ("cancelled", "cancelled")
    assert second.cleaned == "Nothing had begun."


def test_a_run_is_left_to_itself_when_the_server_ends(tmp_path: Path) -> None:
    def work(job: Job) -> dict[str, Any]:
        job.wait(60)
        job.check()
        return {}

    jobs = make(tmp_path)
    job, _ = jobs.start(head(1, "run"), work)
    jobs.close()

    assert job.state == "running"
    record = json.loads((tmp_path / f"{job.head.id}.json").read_text())
    assert (record["job"]["state"], record["run_id"]) == ("running", "run-1")


def test_records_are_for_this_user_only(tmp_path: Path) -> None:
    folder = tmp_path / "records"
    run(folder, lambda job: {"job": job.head.id})

    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_what_ended_is_restored_and_what_is_broken_left_out(tmp_path: Path) -> None:
    before, job = run(tmp_path, lambda job: {"id": job.head.id, "size": 1})
    (tmp_path / f"{2:012x}.json").write_text("{")
    (tmp_path / f"{3:012x}.json").write_text('{"job": {"id": 1}}')
    (tmp_path / f"{4:012x}.json").write_text("[" * 100_000)
    (tmp_path / f"{5:012x}.json").mkdir()
    whole = json.loads((tmp_path / f"{1:012x}.json").read_text())
    for number, newer in ((6, {"state": "paused"}), (7, {"kind": "sign"}), (8, {"stages": [{}]})):
        record = {**whole, "job": {**whole["job"], "id": f"{number:012x}", **newer}}
        (tmp_path / f"{number:012x}.json").write_text(json.dumps(record))

    after = make(tmp_path)
    after.restore(nothing)

    (found,) = after.all()
    assert after.as_json(found) == before.as_json(job)
    assert after.events_after(found, -1) == before.events_after(job, -1)
    after.forget(found.head.id)
    assert [path.name for path in tmp_path.glob(f"{1:012x}*")] == []


def test_events_that_can_be_read_are_told_besides_those_that_can_not(tmp_path: Path) -> None:
    _, job = run(tmp_path, lambda job: {"id": job.head.id, "size": 1})
    file = tmp_path / f"{job.head.id}.events"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], "[]", "{", '{"seq": "x"}', "\x00", *lines[1:], '{"se']))

    after = make(tmp_path)
    after.restore(nothing)

    assert after.events_after(after.all()[0], -1)[0] == [json.loads(line) for line in lines]


def test_a_place_for_records_that_is_a_file_costs_no_job(tmp_path: Path) -> None:
    place = tmp_path / "records"
    place.write_text("")

    jobs, job = run(place, lambda job: {"id": job.head.id, "size": 1})

    events, ended = jobs.events_after(job, -1)
    assert (job.state, ended) == ("succeeded", True)
    assert [event["type"] for event in events] == ["state", "state"]


def test_restored_jobs_are_in_the_order_in_which_they_were_made(tmp_path: Path) -> None:
    for number in (3, 1, 2):
        made = replace(head(number), created=f"2026-01-0{number}T00:00:00.000Z")
        job = Job(made, Heard())
        job.move("cancelled")
        JobStore(tmp_path).save(job)
    after = make(tmp_path)
    new, _ = after.start(head(4), lambda job: {"id": job.head.id})

    after.restore(nothing)

    assert [job.head.id for job in after.all()] == [head(number).id for number in (4, 3, 2, 1)]
    assert after.all()[0] is new
    after.close()


def test_a_job_of_a_server_that_lives_is_its_own(tmp_path: Path) -> None:
    def work(job: Job) -> dict[str, Any]:
        job.wait(60)
        job.check()
        return {}

    first = make(tmp_path)
    first.start(head(1), work)
    second = make(tmp_path)
    second.restore(nothing)

    assert second.all() == []
    first.close()


def test_there_is_no_way_back_from_an_end(tmp_path: Path) -> None:
    _, job = run(tmp_path, lambda job: {"id": job.head.id})

    with pytest.raises(Defect):
        job.move("running")
