"""A pool like the standard library's, but for what happens at the end of the process."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from kernel_containers.core.daemon_threads import DaemonThreads


def test_work_is_shared_among_a_bounded_number_of_threads() -> None:
    together = threading.Barrier(4)
    with DaemonThreads(4, "test") as pool:
        names = set(
            pool.map(lambda _: (together.wait(20), threading.current_thread().name)[1], "abcd")
        )
        more = list(pool.map(str, range(100)))

    assert names == {f"test-{number}" for number in range(4)}
    assert more == [str(number) for number in range(100)]


def test_one_thread_does_what_comes_one_after_the_other() -> None:
    with DaemonThreads(8, "test") as pool:
        names = set()
        for _ in range(20):
            names.add(pool.submit(lambda: threading.current_thread().name).result(20))

    assert len(names) <= 2  # the second where the first was not back for more yet


def test_errors_are_raised_by_the_result() -> None:
    with DaemonThreads(1, "test") as pool, pytest.raises(ZeroDivisionError):
        pool.submit(lambda: 1 // 0).result(20)


def test_a_closed_pool_cancels_what_waits_and_takes_no_more() -> None:
    begun, go_on = threading.Event(), threading.Event()
    pool = DaemonThreads(1, "test")
    running = pool.submit(lambda: (begun.set(), go_on.wait(20)))
    waiting = pool.submit(str)
    begun.wait(20)
    pool.shutdown(wait=False, cancel_futures=True)
    go_on.set()

    assert waiting.cancelled()
    assert running.result(20) == (None, True)
    with pytest.raises(RuntimeError):
        pool.submit(str)


def test_a_process_does_not_wait_for_its_threads() -> None:
    program = (
        "import threading; from kernel_containers.core.daemon_threads import DaemonThreads;"
        "DaemonThreads(1, 'x').submit(threading.Event().wait)"
    )

    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0
