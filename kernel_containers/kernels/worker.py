"""The process that becomes a kernel. It imports ipykernel first, then waits for what to be.

The supervisor starts it with a socket as stdin, through which come this file's text and then one
JSON object per line: a claim with the kernel's environment and working directory. `ready` goes
back when the imports are done. A claim with `hot` starts the kernel for nobody yet; a second one
says for whom, which `adopted` answers.

This file runs on any Python from 3.8 on, with the standard library and what ipykernel needs.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

LAUNCHER = "ipykernel_launcher"
# What a kernel has imported when it answers.
MODULES = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "ipykernel.debugger",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.logger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "psutil",
    "pydoc",
    "sqlite3",
    "tornado.platform.asyncio",
)
MEMORY_LIMITS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)
MEMORY_USED = (
    "/sys/fs/cgroup/memory.current",
    "/sys/fs/cgroup/memory/memory.usage_in_bytes",
)
CPU_LIMITS = ("/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us")


class Claims:
    """The supervisor's end, away from stdin, which becomes what it is for every kernel: nothing."""

    def __init__(self) -> None:
        self._socket = socket.socket(fileno=os.dup(0))
        self._lines = self._socket.makefile("r", encoding="utf-8")
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115

    def tell(self, word: str) -> None:
        """Tell the supervisor how far this process is."""
        self._socket.sendall(word.encode() + b"\n")

    def next(self) -> dict[str, Any]:
        """Wait for a claim; the process ends when there won't be any."""
        line = self._lines.readline()
        if not line:
            os._exit(0)
        claim: dict[str, Any] = json.loads(line)
        return claim

    def close(self) -> None:
        """Let go of the connection."""
        self._lines.close()
        self._socket.close()


def apply(claim: dict[str, Any], before: dict[str, str]) -> None:
    """Take on a claim's folder, and what its environment has besides that of `before`."""
    os.environ.update(dict(claim["environment"].items() - before.items()))
    if claim.get("directory"):
        os.chdir(claim["directory"])


def adopt(claims: Claims, before: dict[str, str]) -> None:
    """Give a running kernel to the one who claims it; runs in a thread of the kernel."""
    claim = claims.next()
    apply(claim, before)  # IPython has added variables of its own
    get_shell = sys.modules["IPython"].get_ipython
    while (shell := get_shell()) is None:  # a kernel's heartbeat answers earlier
        time.sleep(0.01)
    shell.user_ns["_dh"][:] = [Path.cwd()]
    if "JPY_SESSION_NAME" in os.environ:
        shell.user_ns["__session__"] = os.environ["JPY_SESSION_NAME"]
    claims.tell("adopted")
    claims.close()


def first_number(paths: tuple[str, ...]) -> list[int]:
    """Return the numbers in the first file that exists; none for `max`, which is no limit."""
    for path in paths:
        with contextlib.suppress(OSError):
            return [int(word) for word in Path(path).read_text().split() if word.isdigit()]
    return []


class Limited:
    """psutil, with the container's limits in the place of the machine's: for ipykernel's answer to
    how much is used, not for users."""

    def __init__(self, psutil: Any) -> None:
        self._psutil = psutil

    def __getattr__(self, name: str) -> Any:
        return getattr(self._psutil, name)

    def virtual_memory(self) -> Any:
        """Return the container's memory where it has a limit."""
        memory = self._psutil.virtual_memory()
        limit, used = first_number(MEMORY_LIMITS), first_number(MEMORY_USED)
        if not limit or not used or limit[0] >= memory.total:
            return memory
        free = max(0, limit[0] - used[0])
        percent = round(100 * used[0] / limit[0], 1)
        return memory._replace(
            total=limit[0], used=used[0], available=free, free=free, percent=percent
        )

    def cpu_count(self, logical: bool = True) -> Any:  # noqa: FBT001, FBT002 - psutil's
        """Return the processors that the container may use, at least 1."""
        count = self._psutil.cpu_count(logical=logical)
        limit = first_number(CPU_LIMITS)
        period = [*first_number(("/sys/fs/cgroup/cpu/cpu.cfs_period_us",)), 100_000]
        if not limit:
            return count
        allowed = limit[0] / (limit[1] if len(limit) > 1 else period[0])
        return max(1, min(count or 1, round(allowed)))


@contextlib.contextmanager
def without_collections() -> Iterator[None]:
    """Leave out the collector of garbage, which takes 8 % of the imports' time and finds nothing.

    What was made meanwhile counts as old afterwards, as if it had been looked at.
    """
    gc.disable()
    try:
        yield
    finally:
        if hasattr(gc, "freeze"):  # not in PyPy
            gc.freeze()
            gc.unfreeze()
        gc.enable()


def tell_limits() -> None:
    """Make ipykernel answer with the container's limits."""
    base = vars(sys.modules["ipykernel.kernelbase"])
    if "_get_psutil" in base:  # ipykernel 7
        found = base["_get_psutil"]()
        base["_get_psutil"] = lambda: found and Limited(found)
    elif base.get("psutil"):
        base["psutil"] = Limited(base["psutil"])


def main() -> None:
    """Become a kernel; `sys.argv` is what ipykernel_launcher would be given."""
    claims = Claims()
    try:
        with without_collections():
            for name in MODULES:
                with contextlib.suppress(ImportError):
                    importlib.import_module(name)
        tell_limits()
    except Exception:  # noqa: BLE001, S110 - what is wrong shows when ipykernel starts
        pass
    claims.tell("ready")
    claim = claims.next()
    apply(claim, {})
    if claim.get("hot"):
        waiting = (claims, claim["environment"])
        threading.Thread(target=adopt, args=waiting, daemon=True).start()
    else:
        claims.close()
    if "ipykernel.kernelapp" not in sys.modules:
        # The interpreter says better what is missing.
        os.execv(sys.executable, [sys.executable, "-m", LAUNCHER, *sys.argv[1:]])  # noqa: S606
    runpy.run_module(LAUNCHER, run_name="__main__", alter_sys=True)


# Executed as a text by a `python -c`, and imported by tests.
if __name__ == "__main__":
    main()
