"""A notebook into a registry, cold and after a changed cell, against a Dockerfile's COPY and push.

Run it with the environment to ship, in a checkout whose tests have run once:

    .venv/bin/python -m benchmarks.containerize --prefix .venv-example

Seconds are wall clock of whole commands, so they hold interpreter start and planning; what
counts are the ratios of one run. The registry is docker-registry on this machine's loopback.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.machine import base_image_name
from tests.acceptance.product import write_notebook
from tests.support.registry import start_registry

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAM = Path(sys.executable).with_name("kernel-containers")
DOCKER = shutil.which("docker", path=f"/usr/bin:{os.environ['PATH']}") or "docker"
IGNORED = shutil.ignore_patterns(".env", "*.key")


def seconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes."""
    start = time.monotonic()
    work()
    return time.monotonic() - start


def command(*words: object, folder: Path, cache: Path) -> None:
    """Run a program to its end; its failure ends the benchmark."""
    environment = {
        **os.environ,
        "JUPYTER_DATA_DIR": str(folder / "jupyter"),
        "KERNEL_CONTAINERS_CACHE": str(cache),
    }
    subprocess.run(
        [str(word) for word in words],
        check=True,
        env=environment,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def measure(prefix: Path, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each way, paired in rounds."""
    found: dict[str, list[float]] = {name: [] for name in ("cold", "changed", "build", "rebuild")}
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        for number in range(rounds):
            server = start_registry(folder / f"registry-{number}")
            try:
                _round(folder, prefix, server.host, number, found)
            finally:
                server.stop()
    return found


def _round(
    folder: Path, prefix: Path, host: str, number: int, found: dict[str, list[float]]
) -> None:
    cache = folder / f"cache-{number}"
    notebook = write_notebook(folder / "n.ipynb", "x = 1", kernel="bench")

    def run(*words: object) -> None:
        command(*words, folder=folder, cache=cache)

    run(PROGRAM, "kernel", "add", "bench", "--prefix", prefix)
    ship = (PROGRAM, "containerize", notebook, "--kernel", "bench", "--to")
    # The base and the runner's packages come from outside, once per machine.
    run(*ship, f"oci:{folder}/warm-up-{number}")
    for record in (cache / "store").rglob("*"):
        if record.is_file():
            record.unlink()
    found["cold"].append(seconds(lambda: run(*ship, f"{host}/bench/ours:1", "--yes")))
    write_notebook(notebook, "x = 2", kernel="bench")
    found["changed"].append(seconds(lambda: run(*ship, f"{host}/bench/ours:2", "--yes")))

    context = folder / f"context-{number}"
    shutil.copytree(prefix, context / "env", symlinks=True, ignore=IGNORED)
    (context / "Dockerfile").write_text(
        f"FROM {base_image_name()}\nCOPY env {prefix}\nCOPY n.ipynb /n.ipynb\n"
    )
    tag = f"{host}/bench/copy:{number}"

    def build() -> None:
        shutil.copy(notebook, context)
        run(DOCKER, "build", "--quiet", "--tag", tag, context)
        run(DOCKER, "push", "--quiet", tag)

    found["build"].append(seconds(build))
    write_notebook(notebook, "x = 3", kernel="bench")
    found["rebuild"].append(seconds(build))
    # By its id: the digest under which it was pushed is a name of its own.
    image = subprocess.check_output([DOCKER, "images", "--quiet", tag], text=True).split()
    run(DOCKER, "rmi", "--force", *image)
    shutil.rmtree(context)


def main() -> None:
    """Print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--prefix", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    found = measure(arguments.prefix.absolute(), arguments.rounds)
    median = {name: statistics.median(values) for name, values in found.items()}
    size = sum(path.lstat().st_size for path in arguments.prefix.rglob("*"))
    print(f"environment of {size / 1e6:.0f} MB, {os.cpu_count()} cores, {arguments.rounds} rounds")
    for name, values in found.items():
        print(f"{name:8} {median[name]:7.2f} s  {' '.join(f'{value:.2f}' for value in values)}")
    print(f"build / cold      {median['build'] / median['cold']:.1f}")
    print(f"rebuild / changed {median['rebuild'] / median['changed']:.1f}")


if __name__ == "__main__":
    main()
