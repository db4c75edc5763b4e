"""A notebook into a registry: this program, a Dockerfile's COPY and push, and the way of 2019.

    .venv/bin/python -m benchmarks.containerize [--folder FOLDER] [--rounds 3] [--torch]

All ways take turns in each round, on the same environment (0.7 GB from PyPI, made once in
FOLDER), into an empty docker-registry on the loopback. Seconds are wall clock of whole commands,
interpreter start included; what counts are ratios within one run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.common import Ours, entries, in_own_process, size, write_notebook
from benchmarks.environments import LARGE, SMALL, TORCH, make_environment, one_more
from benchmarks.inside import changed_inside, package_inside
from benchmarks.rivals import algorithm_of_2019, dockerfile, forget
from benchmarks.slow_network import SlowNetwork
from scripts.machine import base_image_name
from tests.support.registry import start_registry

ROUND_TRIP = 0.1  # seconds
WAYS = ("copy", "2019", "2019 as written")


@dataclass
class Bench:
    """Folders, environments and what was measured so far."""

    folder: Path
    large: Path
    small: Path
    torch: Path | None = None
    found: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    layers: set[tuple[str, ...]] = field(default_factory=set)
    number: int = 0

    def note(self, name: str, value: float) -> None:
        """Keep a figure and show it."""
        self.found[name].append(value)
        print(f"  {name:38} {value:8.2f}", flush=True)

    def notebook(self) -> Path:
        """Return the notebook with a cell that it never had."""
        self.number += 1
        return write_notebook(self.folder / "n.ipynb", f"x = {self.number}")

    @property
    def kernels(self) -> dict[str, Path]:
        """The environments by the names of their kernels."""
        named = {"small": self.small, "large": self.large}
        return named | ({"torch": self.torch} if self.torch else {})

    def template(self) -> Path:
        """Return a cache that has the base image and the runner, but no environment."""
        cache = self.folder / "template"
        if not cache.exists():
            ours = Ours(self.folder, cache)
            for name, prefix in self.kernels.items():
                ours.add_kernel(name, prefix)
            ours.ship(self.notebook(), "small", f"oci:{self.folder}/template-image")
        return cache


def round_of_ours(bench: Bench, host: str, number: int) -> None:
    """Measure all that this program does with an environment."""
    cache = bench.folder / f"cache-{number}"
    shutil.copytree(bench.template(), cache, copy_function=os.link)
    ours = Ours(bench.folder, cache)

    cold = ours.ship(bench.notebook(), "large", f"{host}/ours/large:1")
    bench.note("cold", cold.seconds)
    bench.note("cold, CPU", cold.cpu)
    bench.note("cold, memory (MB)", cold.memory / 1e6)
    bench.layers.add(tuple(cold.result["layers"][:-1]))
    for kernel in bench.kernels:
        ours.ship(bench.notebook(), kernel, f"{host}/ours/{kernel}:1")
        changed = ours.ship(bench.notebook(), kernel, f"{host}/ours/{kernel}:2")
        bench.note(f"changed, {kernel}", changed.seconds)
        bench.note(f"changed, {kernel}, CPU", changed.cpu)
    with SlowNetwork(host, ROUND_TRIP / 2) as network:
        ours.ship(bench.notebook(), "large", f"{network.host}/ours/large:3")
        far = ours.ship(bench.notebook(), "large", f"{network.host}/ours/large:4")
        bench.note("changed, 100 ms away", far.seconds)
        inside = changed_inside(ours, bench.notebook(), "large", host, network.host)
    with one_more(bench.large, "tabulate"):
        delta = ours.ship(bench.notebook(), "large", f"{host}/ours/large:5")
        bench.note("a package more", delta.seconds)
        bench.note("a package more, CPU", delta.cpu)
        inside |= package_inside(ours, bench.notebook(), "large", bench.large, host)
    for name, value in inside.items():
        bench.note(name, value)
    shutil.rmtree(cache)


def cold_pages(bench: Bench, host: str, number: int) -> None:
    """Measure a first time after a restart: nothing of the environment is in memory."""
    cache = bench.folder / f"cache-{number}-pages"
    shutil.copytree(bench.template(), cache, copy_function=os.link)
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")
    shipped = Ours(bench.folder, cache).ship(bench.notebook(), "large", f"{host}/pages:1")
    bench.note("cold, page cache cold", shipped.seconds)
    shutil.rmtree(cache)


def round_of_others(bench: Bench, host: str, number: int, ways: tuple[str, ...]) -> None:
    """Measure the other ways into the same registry."""
    base = base_image_name()
    if "copy" in ways:
        tag, context = f"{host}/copy:{number}", bench.folder / f"context-{number}"
        for name in ("COPY and push", "COPY and push, changed"):
            bench.note(name, dockerfile(bench.large, bench.notebook(), base, tag, context))
        forget(tag)
        shutil.rmtree(context)
    for way in ("2019", "2019 as written"):
        if way in ways:
            tag = f"{host}/{way.replace(' ', '-')}:{number}"
            as_written = way.endswith("written")
            taken = in_own_process(algorithm_of_2019, bench.large, base, tag, as_written=as_written)
            bench.note(way, taken)
            forget(tag)


def tell(bench: Bench) -> None:
    """Print medians and ratios."""
    median = {name: statistics.median(values) for name, values in bench.found.items()}
    count, small = entries(bench.large), entries(bench.small)
    print(f"\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for name, prefix in bench.kernels.items():
        print(f"{name}: {size(prefix) / 1e6:.0f} MB, {entries(prefix)} entries")
    for name, values in bench.found.items():
        print(f"{name:38} {median[name]:8.2f}  {' '.join(f'{value:.2f}' for value in values)}")
    for name, ending in (("seconds", ""), ("CPU seconds", ", CPU")):
        more = median[f"changed, large{ending}"] - median[f"changed, small{ending}"]
        print(f"{name + ' per entry more (µs)':38} {more / (count - small) * 1e6:8.1f}")
    print(f"{'different digests of a repeat':38} {len(bench.layers) - 1:8}")
    for slow, fast in (
        ("COPY and push", "cold"),
        ("2019", "cold"),
        ("2019 as written", "cold"),
        ("COPY and push, changed", "changed, large"),
    ):
        if slow in median:
            print(f"{slow + ' / ' + fast:38} {median[slow] / median[fast]:8.1f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    default = Path.home() / ".cache" / "kernel-containers-benchmarks"
    parser.add_argument("--folder", type=Path, default=default, help="keeps environments")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without", choices=WAYS, action="append", default=[])
    parser.add_argument("--torch", action="store_true", help="a changed cell beside torch, too")
    parser.add_argument("--drop-caches", action="store_true", help="as root: empty page caches")
    arguments = parser.parse_args()
    folder = arguments.folder.absolute()
    ways = tuple(way for way in WAYS if way not in arguments.without)
    large, small = (make_environment(folder, packages) for packages in (LARGE, SMALL))
    with tempfile.TemporaryDirectory(prefix="run-", dir=folder) as name:
        torch = make_environment(folder, TORCH) if arguments.torch else None
        bench = Bench(folder=Path(name), large=large, small=small, torch=torch)
        for number in range(arguments.rounds):
            print(f"round {number + 1} of {arguments.rounds}", flush=True)
            server = start_registry(bench.folder / f"registry-{number}")
            try:
                round_of_ours(bench, server.host, number)
                if arguments.drop_caches:
                    cold_pages(bench, server.host, number)
                round_of_others(bench, server.host, number, ways)
            finally:
                server.stop()
                shutil.rmtree(bench.folder / f"registry-{number}")
        tell(bench)


if __name__ == "__main__":
    main()
