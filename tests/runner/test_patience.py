"""How long a run waits for the places of its outputs."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from kernel_containers.runner.patience import Patience
from kernel_containers.runner.stopping import Stop
from tests.runner.image import code
from tests.support.faultproxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runner.image import Image
    from tests.support.s3 import S3Server


def patience(stop: Stop | None = None, *, seconds: float | None = None) -> Patience:
    """Return a patience of a run that may take `seconds`."""
    deadline = None if seconds is None else time.monotonic() + seconds
    return Patience(stop or Stop(), grace=5.0, deadline=deadline)


def test_a_sign_of_life_begins_it_anew_and_a_limit_stays() -> None:
    endless, limited = patience(), patience(seconds=20.0)

    for item in (endless, limited):
        item.heard()

    assert 55 < endless.left() <= 60
    assert 15 < limited.left() <= 20


def test_a_signal_shortens_it_whatever_is_heard() -> None:
    stop = Stop()
    waiting = patience(stop)

    stop.at = time.monotonic()
    waiting.heard()

    assert waiting.left() <= 5


def test_what_is_over_is_not_waited_for() -> None:
    over = patience(seconds=0.0)
    begin = time.monotonic()

    over.pause(100.0)

    assert not over.has(1.0)
    assert time.monotonic() - begin < 50


def test_work_that_fails_fails_here() -> None:
    def work() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError, match="x"):
        patience().wait_for(work)


def test_a_place_that_has_always_answered_is_given_a_moment_even_then() -> None:
    done = threading.Event()

    patience(seconds=0.0).wait_for(done.set)

    assert done.is_set()


def wait_until_seen(proxy: FaultProxy, kind: str) -> None:
    """Wait until a fault has caught a request."""
    end = time.monotonic() + 60
    while not any(seen.fault == kind for seen in proxy.seen):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_slow_store_gets_all_outputs(
    make_image: Callable[..., Image], s3: S3Server, bucket: str
) -> None:
    with FaultProxy(s3.endpoint.removeprefix("http://")) as proxy:
        proxy.add("delay", method="PUT", times=None, seconds=0.4)
        environment = s3.environment() | {"AWS_ENDPOINT_URL_S3": proxy.url}

        run = make_image("print('hello')", environment=environment).run(
            "--output", f"s3://{bucket}/x", to_folder=False
        )

        sent = [seen.target.rpartition("/")[2] for seen in proxy.seen if seen.status == 200]
    assert run.code == 0, run.stdout
    names = ["notebook.ipynb", "notebook.html", "report.json", "log.jsonl", "latest.json"]
    assert sent[-5:] == names


def test_a_store_that_falls_silent_is_left_when_the_run_is_stopped_and_a_copy_kept(
    make_image: Callable[..., Image], s3: S3Server, bucket: str, tmp_path: Path
) -> None:
    with FaultProxy(s3.endpoint.removeprefix("http://")) as proxy:
        # The first request proves, before the first cell, that outputs can be written.
        proxy.add("hang", method="PUT", skip=1, times=None)
        environment = s3.environment() | {
            "AWS_ENDPOINT_URL_S3": proxy.url,
            "TMPDIR": str(tmp_path),
        }
        image = make_image("print('hello')", "1 / 0", environment=environment)
        process = image.start("--output", f"s3://{bucket}/x", "--grace", "0.1", to_folder=False)
        wait_until_seen(proxy, "hang")
        process.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        run = image.finish(process)
        taken = time.monotonic() - begin

    assert run.code == 74
    assert taken < 55  # of the 60 s that nobody would wait after a signal
    message = run.events[-1]["message"]
    assert message.startswith("Cell 2 failed: ZeroDivisionError")
    assert "its place does not answer" in message
    assert message.count("report.json was not written.") == 1
    kept = tmp_path / f"kernel-containers-{run.events[-1]['run_id']}"
    assert str(kept) in message
    assert "hello" in (kept / "notebook.ipynb").read_text()


def test_a_store_that_never_answers_can_be_left_before_the_first_cell(
    make_image: Callable[..., Image], s3: S3Server, bucket: str, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    with FaultProxy(s3.endpoint.removeprefix("http://")) as proxy:
        proxy.add("hang", method="PUT", times=None)
        environment = s3.environment() | {"AWS_ENDPOINT_URL_S3": proxy.url}
        source = f"import pathlib; pathlib.Path({str(ran)!r}).touch()"
        image = make_image(code(source), environment=environment)
        process = image.start("--output", f"s3://{bucket}/x", "--grace", "0.1", to_folder=False)
        wait_until_seen(proxy, "hang")
        process.send_signal(signal.SIGTERM)
        run = image.finish(process)

    assert run.code == 143
    assert not ran.exists()
    assert run.events[-1]["cause"] == "terminated"
