"""How long an event loop waits while a large environment becomes layers in the same process.

    .venv/bin/python -m benchmarks.stall [--size 3.0] [--folder FOLDER]

A task sleeps for a millisecond again and again; how much later than that it comes back is how
long nobody else was served. On a busy machine some of that is the system's doing: an idle process
beside it tells how much. The environment is made of the large one's files, repeated.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common import NO_BASE
from benchmarks.environments import LARGE, make_environment
from kernel_containers.core.progress import silent
from kernel_containers.core.snapshot import FileSet
from kernel_containers.image.layer import build_layers, split_file_set
from kernel_containers.image.store import BlobStore
from kernel_containers.snapshot.exclusions import IN_ENVIRONMENTS
from kernel_containers.snapshot.fingerprint import fingerprint
from kernel_containers.snapshot.walk import walk

TICK = 0.001  # seconds


def work(prefix: Path, copies: int, times: dict[str, float]) -> int:
    """Walk the environment and build its layers; note when each part began."""
    times["walk"] = time.perf_counter()
    entries = []
    for number in range(copies):
        found, _ = walk(prefix, IN_ENVIRONMENTS)
        entries += [entry._replace(target=f"/copy-{number}{entry.target}") for entry in found]
    entries.sort(key=lambda entry: entry.target)
    times["fingerprint"] = time.perf_counter()
    files = FileSet(name="env", entries=tuple(entries), fingerprint=fingerprint(tuple(entries)))
    times["layers"] = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        store = BlobStore(Path(folder))
        build_layers(split_file_set(files), NO_BASE, store, silent)
        times["again"] = time.perf_counter()
        build_layers(split_file_set(files), NO_BASE, store, silent)
        times["end"] = time.perf_counter()
    return files.size


async def measure(
    prefix: Path, copies: int
) -> tuple[list[tuple[float, float]], dict[str, float], int]:
    """Return when and how late ticks came, when each part of the work began, and its bytes."""
    late: list[tuple[float, float]] = []
    times: dict[str, float] = {}

    async def tick() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(TICK)
            over = time.perf_counter() - before - TICK
            if over > 10 * TICK:
                late.append((before, over))

    ticking = asyncio.create_task(tick())
    amount = await asyncio.to_thread(work, prefix, copies, times)
    ticking.cancel()
    return late, times, amount


IDLE = """
import sys, time
longest = 0.0
print("ready", flush=True)
import threading
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
while not ended.is_set():
    before = time.perf_counter()
    time.sleep(0.001)
    longest = max(longest, time.perf_counter() - before - 0.001)
print(longest)
"""


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
        late, times, amount = asyncio.run(measure(prefix, copies))
        idle_longest = float(idle.communicate()[0])
    names = list(times)
    print(
        f"{amount / 1e9:.1f} GB, switch interval {sys.getswitchinterval() * 1000:.0f} ms, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    for name, following in itertools.pairwise(names):
        begin, end = times[name], times[following]
        waits = sorted(over for when, over in late if begin <= when + over and when < end)
        longest = waits[-1] if waits else 0.0
        print(
            f"{name:12} {end - begin:6.2f} s, longest wait {longest * 1000:6.0f} ms, "
            f"{sum(over > 0.1 for over in waits)} of more than 100 ms"
        )
    print(f"an idle process waited at most {idle_longest * 1000:.0f} ms")


if __name__ == "__main__":
    main()
