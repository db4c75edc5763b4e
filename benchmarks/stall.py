"""How long an event loop waits while a large environment becomes layers in the same process.

    .venv/bin/python -m benchmarks.stall [--size 3.0] [--folder FOLDER]

A task sleeps for a millisecond again and again; how much later than that it comes back is how
long nobody else was served. On a busy machine most of that is the system's doing, which an idle
process beside it and the processor's time tell; the last line judges the rest. The environment is
made of the large one's files, repeated.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.common import NO_BASE, Others
from benchmarks.environments import LARGE, make_environment
from kernel_containers.core.collecting import no_collecting
from kernel_containers.core.progress import silent
from kernel_containers.core.snapshot import FileSet
from kernel_containers.image.layer import build_layers
from kernel_containers.image.split import split_file_set
from kernel_containers.image.store import BlobStore
from kernel_containers.snapshot.exclusions import IN_ENVIRONMENTS
from kernel_containers.snapshot.fingerprint import fingerprint
from kernel_containers.snapshot.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterable

TICK = 0.001  # seconds
LIMIT = 0.1  # seconds that nobody may wait longer


class Wait(NamedTuple):
    """When it began, its seconds, and those of the processor that its process had meanwhile."""

    began: float
    seconds: float
    cpu: float


def work(prefix: Path, copies: int, times: dict[str, float]) -> int:
    """Walk the environment and build its layers; note when each part began."""
    times["walk"] = time.perf_counter()
    entries = []
    with no_collecting():  # as a plan does
        for number in range(copies):
            found, _ = walk(prefix, IN_ENVIRONMENTS)
            entries += [entry._replace(target=f"/copy-{number}{entry.target}") for entry in found]
        times["fingerprint"] = time.perf_counter()
        files = FileSet(name="env", entries=tuple(entries), fingerprint=fingerprint(entries))
    times["layers"] = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        store = BlobStore(Path(folder))
        build_layers(split_file_set(files), NO_BASE, store, silent)
        times["again"] = time.perf_counter()
        build_layers(split_file_set(files), NO_BASE, store, silent)
        times["end"] = time.perf_counter()
    return files.size


async def measure(prefix: Path, copies: int) -> tuple[list[Wait], dict[str, float], int]:
    """Return when and how late ticks came, when each part of the work began, and its bytes."""
    late: list[Wait] = []
    times: dict[str, float] = {}

    async def tick() -> None:
        while True:
            before, used = time.perf_counter(), time.process_time()
            await asyncio.sleep(TICK)
            over = time.perf_counter() - before - TICK
            if over > 10 * TICK:
                late.append(Wait(before, over, time.process_time() - used))

    ticking = asyncio.create_task(tick())
    amount = await asyncio.to_thread(work, prefix, copies, times)
    ticking.cancel()
    return late, times, amount


# On Linux all processes have the same perf_counter. This one works as little as can be.
IDLE = """
import json, sys, threading, time
late = []
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
print("ready", flush=True)
while not ended.is_set():
    before = time.perf_counter()
    time.sleep(0.001)
    over = time.perf_counter() - before - 0.001
    if over > 0.01:
        late.append((before, over, over))
print(json.dumps(late))
"""


def own(wait: Wait, idle: Iterable[Wait]) -> float:
    """Return the part of a wait that the process itself caused.

    Not that in which an idle process waited as well, nor more than the processor's time that it
    had: a thread that is not let run holds what others wait for, and can't help it.
    """
    end = wait.began + wait.seconds
    shared = sum(
        max(0.0, min(end, other.began + other.seconds) - max(wait.began, other.began))
        for other in idle
    )
    return max(0.0, min(wait.seconds - shared, wait.cpu))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    default = Path.home() / ".cache" / "kernel-containers-benchmarks"
    parser.add_argument("--folder", type=Path, default=default, help="keeps environments")
    parser.add_argument("--size", type=float, default=3.0, help="GB, rounded up to whole copies")
    arguments = parser.parse_args()
    prefix = make_environment(arguments.folder.absolute(), LARGE)
    one = sum(entry.size for entry in walk(prefix, IN_ENVIRONMENTS)[0])
    copies = max(1, round(arguments.size * 1e9 / one))
    with subprocess.Popen(
        [sys.executable, "-c", IDLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as idle:
        assert idle.stdout
        idle.stdout.readline()
        with Others() as others:
            late, times, amount = asyncio.run(measure(prefix, copies))
        beside = [Wait(*wait) for wait in json.loads(idle.communicate()[0])]
    print(
        f"{amount / 1e9:.1f} GB, switch interval {sys.getswitchinterval() * 1000:.0f} ms, "
        f"others took {others.share:.0%} of the processors"
    )
    for name, following in itertools.pairwise(times):
        begin, end = times[name], times[following]
        waits = [wait for wait in late if wait.began + wait.seconds >= begin and wait.began < end]
        longest = max((wait.seconds for wait in waits), default=0.0)
        caused = max((own(wait, beside) for wait in waits), default=0.0)
        print(
            f"{name:12} {end - begin:6.2f} s, longest wait {longest * 1000:4.0f} ms, "
            f"its own part {caused * 1000:4.0f} ms"
        )
    caused = max((own(wait, beside) for wait in late), default=0.0)
    said = "yes" if caused <= LIMIT else "NO"
    print(f"within {LIMIT * 1000:.0f} ms: {said} ({caused * 1000:.0f} ms)")


if __name__ == "__main__":
    main()
