"""Work in several threads ends together."""

from __future__ import annotations

import os
import signal
import threading
import time
from functools import partial
from typing import NoReturn

import pytest

from kernel_containers.registry.stop import Stop
from kernel_containers.registry.threads import in_threads


def names() -> list[str]:
    """Return the threads that still work; one that has nothing left to do needs a moment to end."""
    until = time.monotonic() + 2.0
    while time.monotonic() < until:
        left = [each.name for each in threading.enumerate() if each.name.startswith("registry")]
        if not left:
            break
        time.sleep(0.01)
    return left


def fail(error: BaseException) -> NoReturn:
    raise error


def test_all_work_is_done() -> None:
    done: list[int] = []

    in_threads([partial(done.append, n) for n in range(20)], threads=3, stop=Stop(), shut=list)

    assert sorted(done) == list(range(20))
    assert names() == []


def test_the_first_failure_ends_the_others_and_is_raised() -> None:
    stop = Stop()
    later: list[int] = []
    work = [
        partial(stop.wait, 60.0),
        partial(fail, ValueError("no")),
        partial(stop.wait, 60.0),
        partial(later.append, 1),
    ]

    began = time.monotonic()
    with pytest.raises(ValueError, match="no"):
        in_threads(work, threads=2, stop=stop, shut=list)

    assert time.monotonic() - began < 10
    assert names() == []
    assert later == []


def test_work_that_does_not_look_at_the_flag_is_shut() -> None:
    blocked = threading.Event()

    with pytest.raises(ValueError, match="no"):
        in_threads(
            [partial(blocked.wait, 60.0), partial(fail, ValueError("no"))],
            threads=2,
            stop=Stop(),
            shut=blocked.set,
        )

    assert names() == []


def test_ctrl_c_ends_all_threads() -> None:
    stop = Stop()

    def interrupt() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        stop.wait(60.0)

    with pytest.raises(KeyboardInterrupt):
        in_threads([interrupt, partial(stop.wait, 60.0)], threads=2, stop=stop, shut=list)

    assert names() == []
