"""The wait for a kernel that was started."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from kernel_containers.runner.death import last_words
from kernel_containers.runner.verdict import Ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_containers.runner.client import KernelClient
    from kernel_containers.runner.death import Deaths
    from kernel_containers.runner.kernel import KernelProcess
    from kernel_containers.runner.watch import Watch

_ASK_EVERY = 0.3  # seconds
_POLL = 0.05  # seconds


def wait_for_kernel(
    kernel: KernelProcess,
    client: KernelClient,
    watch: Watch,
    deaths: Deaths,
    *,
    seconds: float,
    tick: Callable[[], None],
    idle: Callable[[], None],
) -> Any:
    """Return what the kernel says of itself, once its outputs arrive too.

    Raises:
        Ended: it did not start, did not answer within `seconds`, or the run is to end.
    """
    end = time.monotonic() + seconds
    asked = 0.0
    while True:
        now = time.monotonic()
        if now - asked > _ASK_EVERY:
            # Again and again: a request's outputs are lost until the subscription is there.
            asked = now
            client.ask_kernel_info()
        if not client.receive(_POLL):
            idle()
        tick()
        reply = client.finished_reply()
        if reply:
            return reply
        watch.check()
        if kernel.exit_code() is not None:
            raise deaths.end(kernel, "kernel-start", "The kernel did not start")
        if now > end:
            words = f"The kernel did not answer for {seconds:g} s. {last_words(kernel)}"
            raise Ended("kernel-start", words.rstrip())
