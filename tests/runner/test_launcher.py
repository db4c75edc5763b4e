"""The start of ipykernel that a run uses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kernel_containers.runner import kernel

LATE = """
import threading, zmq
from ipykernel.iostream import IOPubThread
import launcher

context = zmq.Context()
publisher = IOPubThread(context.socket(zmq.PUB))
publisher.schedule = launcher.to_the_end(publisher.schedule)
publisher.start()
publisher.schedule(lambda: None)  # opens this thread's way to it
publisher.stop()
publisher.thread = threading.main_thread()  # as seen by who looked just before
publisher.schedule(lambda: print("done"))
publisher.close()
context.destroy(linger=0)
"""


def test_work_for_a_thread_that_has_just_ended_is_done(tmp_path: Path) -> None:
    flow = tmp_path / "flow"
    flow.write_bytes(bytes(8))

    done = subprocess.run(
        [sys.executable, "-c", LATE],
        env={"PYTHONPATH": str(Path(kernel.__file__).parent), "KERNEL_CONTAINERS_FLOW": str(flow)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == "done\n", done.stderr
