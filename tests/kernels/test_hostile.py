"""Code that harms its own kernel and container: a restart helps, and nothing is left.

Whether the kernel survives is its own business, as without a container.
"""

from __future__ import annotations

import contextlib
import queue
from typing import TYPE_CHECKING

import pytest

from tests.kernels.support import kernel_containers, running, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kernel_containers.engine import Engine
    from tests.kernels.support import Running

pytestmark = pytest.mark.full
TRANSPORTS = {"ipc": "host", "stdio": "1234:100"}  # and whose processes they are
DEADLY = {
    "import os; os._exit(3)": "exit code 3",
    "import os; os.abort()": "SIGABRT",
    "import ctypes; ctypes.string_at(0)": "SIGSEGV",
    "import os; os.kill(os.getpid(), 9)": "SIGKILL",
    "x = bytearray(10**9)": "more memory than its container may have (300m)",
    "quit()": "exit code 0",
}
HARMFUL = {
    "signals for process 1": "import os\nfor n in (2, 9, 10, 12, 19): os.kill(1, n)",
    "all other processes": "import os; os.kill(-1, 9)",
    "processes": "import os, time\ntry:\n    while os.fork() or time.sleep(99): pass\n"
    "except OSError: pass",
    "processes that leave": "import os; os.system('setsid sleep 99 & setsid sleep 99 &')",
    "threads": "import threading, time\n"
    "for _ in range(20): threading.Thread(target=time.sleep, args=(99,)).start()",
    "exit handlers": "import atexit, time; atexit.register(time.sleep, 99)",
    "ignored signals": "import signal\n"
    "for n in (signal.SIGINT, signal.SIGTERM): signal.signal(n, signal.SIG_IGN)",
    "its connections": "import os; os.closerange(3, 200)",
    "its event loop": "import asyncio; asyncio.get_running_loop().stop()",
    "its modules": "import sys; sys.modules.clear()",
    "its output": "import sys; sys.stdout = sys.stderr = None",
    "files it may open": "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (9, 9))",
    "its folders": "import shutil\n"
    "for place in ('/run/kernel-containers', '/tmp'): shutil.rmtree(place, ignore_errors=True)",
    "access to its folders": "import os\nfor place in ('/run/kernel-containers/kernel', "
    "'/run/kernel-containers', os.path.expanduser('~')): os.chmod(place, 0)",
    "full folders": "for place in ('/run/kernel-containers', '/dev/shm'):\n"
    "    try: open(place + '/x', 'wb').write(bytes(99_000_000))\n    except OSError: pass",
    "the interpreter": "import re; re.match('(a?){40}a{40}', 'a' * 40)",
    "bytes that are no text": "import os, sys; print('\\0\\x1b[31m\\ud800')\n"
    "for n in (1, 2): os.write(n, bytes(range(256)) * 999)",
    "its own stderr": "import os\nfor _ in range(100_000): os.write(2, b'e\\n')",
}


@pytest.fixture(scope="module", params=TRANSPORTS.items(), ids=TRANSPORTS)
def kernel(
    request: pytest.FixtureRequest, install: Callable[..., str], workspace: Path, engine: Engine
) -> Iterator[Running]:
    """A kernel that its tests harm, and restart."""
    limits = {"memory": "300m", "pids": 60, "shm_size": "16m"}
    transport, user = request.param
    name = install("harmed", transport=transport, user=user, **limits)
    with running(name, workspace) as started:
        yield started
    assert kernel_containers(engine, started.manager.kernel_id) == []


@pytest.mark.parametrize(("code", "reason"), DEADLY.items())
def test_the_reason_of_an_end_is_told(kernel: Running, code: str, reason: str) -> None:
    kernel.client.execute(code)
    until(lambda: not kernel.manager.is_alive())

    assert reason in (kernel.provisioner.reason() or "")
    kernel.restart(now=True)
    assert kernel.text("print('again')") == "again"


@pytest.mark.parametrize("code", HARMFUL.values(), ids=HARMFUL)
def test_a_kernel_that_has_harmed_itself_can_be_restarted(kernel: Running, code: str) -> None:
    container, up = kernel.container, "print('up', flush=True)\n"
    kernel.client.execute(up + code)
    with contextlib.suppress(queue.Empty):  # what harms its connections says no more
        while kernel.client.get_iopub_msg(timeout=2)["content"].get("execution_state") != "idle":
            pass

    kernel.restart(now=True)

    assert kernel.text("import os; print(len(os.listdir('/proc')) > 0)") == "True"
    processes = kernel.text("import psutil; print(len(psutil.pids()))")
    assert int(processes) <= 3  # the supervisor, the kernel and what asks
    assert kernel.container == container
