"""Records of jobs on disk: foreign ones, half ones, many, shared by servers, on a bad disk."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.core.owner import owner_token
from kernel_containers.errors import CannotWrite, InvalidInput, TryAgain
from kernel_containers.workflow.jobs import jobs as module
from kernel_containers.workflow.jobs.event_pages import MOST_EVENTS, MOST_TEXT
from kernel_containers.workflow.jobs.job import Job
from kernel_containers.workflow.jobs.job_store import JobStore
from kernel_containers.workflow.jobs.jobs import Jobs
from tests.workflow.test_jobs import Heard, head, make, nothing, run

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.workflow.jobs.job import JobHead
    from kernel_containers.workflow.jobs.jobs import Work

DEAD = "999999999"  # no process has this id, see /proc/sys/kernel/pid_max


def record_of(folder: Path) -> dict[str, Any]:
    """Return the record of a job that has ended, and remove it."""
    run(folder, lambda job: {"id": job.head.id, "size": 1})
    (path,) = folder.glob("*.json")
    record: dict[str, Any] = json.loads(path.read_text())
    path.unlink()
    return record


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "../../elsewhere"},
        {"id": f"{2:012x}"},
        {"request": []},
        {"request": None},
        {"title": None},
        {"created": 7},
        {"result": [1]},
        {"cell": "x"},
        {"stages": "x"},
        {"stages": [{"name": "push", "done": "x", "total": 1}]},
        {"events": "many"},
    ],
)
def test_a_record_that_is_not_what_it_should_be_is_left_out(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    record = record_of(tmp_path)
    record["job"] |= wrong
    (tmp_path / f"{1:012x}.json").write_text(json.dumps(record))
    jobs = make(tmp_path)

    jobs.restore(nothing)

    assert [jobs.as_json(job) for job in jobs.all()] == []


def test_what_a_killed_server_was_writing_goes_and_a_living_ones_stays(tmp_path: Path) -> None:
    host, _, rest = owner_token().partition("-")
    start = rest.partition("-")[2]
    dead = tmp_path / f".{1:012x}.json.{host}-{DEAD}-{start}"
    living = tmp_path / f".{2:012x}.json.{owner_token()}"
    for path in (dead, living):
        path.write_text("{")

    make(tmp_path).restore(nothing)

    assert list(tmp_path.iterdir()) == [living]


def test_of_ended_jobs_only_the_newest_are_kept(tmp_path: Path) -> None:
    most = module.MOST_ENDED
    for number in range(most + 3):
        job = Job(head(number), Heard())
        job.move("cancelled")
        JobStore(tmp_path).save(job)
    jobs = make(tmp_path)

    jobs.restore(nothing)

    assert len(jobs.all()) == len(list(tmp_path.glob("*.json"))) == most


def test_a_record_that_can_not_be_removed_is_told(tmp_path: Path) -> None:
    jobs, job = run(tmp_path, lambda job: {"id": job.head.id, "size": 1})
    (tmp_path / f"{job.head.id}.json").unlink()
    (tmp_path / f"{job.head.id}.json").mkdir()

    with pytest.raises(CannotWrite):
        jobs.forget(job.head.id)


def test_a_place_for_records_that_is_a_file_has_no_size(tmp_path: Path) -> None:
    place = tmp_path / "records"
    place.write_text("x")

    assert JobStore(place).size() == 0


def test_a_token_is_known_after_a_restart_until_its_job_is_forgotten(tmp_path: Path) -> None:
    def work(job: Job) -> dict[str, Any]:
        return {"id": job.head.id, "size": 1}

    asked = replace(head(1), token="one", asked="a digest")
    before = make(tmp_path)
    before.start(asked, work)
    before.close()
    after = make(tmp_path)
    after.restore(nothing)

    again, is_new = after.start(replace(head(2), token="one", asked="a digest"), work)
    with pytest.raises(InvalidInput):
        after.start(replace(head(3), token="one", asked="another"), work)
    after.forget(again.head.id)
    _, is_new_then = after.start(replace(head(4), token="one", asked="another"), work)
    after.close()

    assert (again.head.id, is_new, is_new_then) == (head(1).id, False, True)


def test_fifty_jobs_run_in_their_order_without_those_that_were_cancelled(tmp_path: Path) -> None:
    go_on, order = threading.Event(), list[str]()

    def work(job: Job) -> dict[str, Any]:
        order.append(job.head.id)
        go_on.wait(20)
        return {"id": job.head.id, "size": 1}

    jobs = Jobs(JobStore(tmp_path), at_once=1, longest_queue=49, listener=lambda *_: None)
    made = [jobs.start(head(number), work)[0] for number in range(50)]
    with pytest.raises(TryAgain):
        jobs.start(head(50), work)
    cancelled = [jobs.cancel(job.head.id) for job in made[10:40]]
    positions = [jobs.as_json(job)["position"] for job in made]
    go_on.set()
    while not all(job.ended for job in made):
        time.sleep(0.01)

    assert positions == [None, *range(9), *[None] * 30, *range(9, 19)]
    assert {job.state for job in cancelled} == {"cancelled"}
    assert order == [job.head.id for job in [*made[:10], *made[40:]]]
    assert [job.head.id for job in jobs.all()] == [head(number).id for number in range(49, -1, -1)]


def test_two_servers_that_start_together_take_a_run_over_once(tmp_path: Path) -> None:
    job = Job(head(1, "run"), Heard())
    job.move("running")
    JobStore(tmp_path).save(job)
    path = tmp_path / f"{1:012x}.json"
    record = json.loads(path.read_text())
    host, _pid, start = record["owner"].rsplit(":", 2)
    record["owner"] = f"{host}:{DEAD}:{start}"
    path.write_text(json.dumps(record))
    asked: list[JobHead] = []
    both = threading.Barrier(2)

    def resume(found: JobHead) -> Work:
        asked.append(found)
        return lambda job: {"id": job.head.id}

    def start() -> None:
        both.wait()
        jobs = make(tmp_path)
        jobs.restore(resume)
        jobs.close()

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(asked) == 1


def test_a_long_log_is_read_in_pages_from_memory_and_from_disk(tmp_path: Path) -> None:
    lines = [f"{number}\n" for number in range(MOST_EVENTS + 10)]
    long = ["x" * (MOST_TEXT // 10)] * 20

    def work(job: Job) -> dict[str, Any]:
        for text in (*lines, *long):
            job.log("stdout", text)
        return {"id": job.head.id}

    jobs, job = run(tmp_path, work)
    from_disk: list[str] = []
    sizes: list[int] = []
    after, ended = -1, False
    while not ended:
        page, ended = jobs.events_after(job, after)
        after = page[-1]["seq"]
        texts = [event["text"] for event in page if event["type"] == "log"]
        from_disk += texts
        sizes.append(len("".join(texts)))

    assert from_disk == [*lines, *long]
    assert max(sizes) <= 1.2 * MOST_TEXT
    assert jobs.events_after(job, job.last) == ([], True)
