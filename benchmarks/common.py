"""Programs, times and what else the benchmarks share."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from kernel_containers.core.digest import Digest
from kernel_containers.core.oci import ImageConfig
from kernel_containers.image.base import BaseImage

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")

PROGRAM = Path(sys.executable).with_name("kernel-containers")
# A newer docker client may come first on PATH; Debian's belongs to the engine.
DOCKER = shutil.which("docker", path=f"/usr/bin:{os.environ['PATH']}") or "docker"

# For layers alone, below which nothing lies.
NO_BASE = BaseImage(
    name="none", id=Digest.of(b""), config=ImageConfig(), layers=(), links={}, folders={}
)


def seconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


class Others:
    """A context that tells how much of the processors other programs took meanwhile.

    `share` is of all processors: 0.0 where this process, and children that have ended, had the
    machine for themselves. Above `QUIET` the wall clock says little.
    """

    QUIET = 0.1

    def __enter__(self) -> Self:
        self._began = time.perf_counter(), _busy() - _own()
        return self

    def __exit__(self, *exception: object) -> None:
        start, before = self._began
        available = (time.perf_counter() - start) * (os.cpu_count() or 1)
        self.share = max(0.0, (_busy() - _own() - before) / available)

    @property
    def were_quiet(self) -> bool:
        """Whether the wall clock counts."""
        return self.share <= self.QUIET


def _busy() -> float:
    """Return the seconds that all processors have worked, for anybody."""
    user, nice, system, _, _, irq, soft, steal = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def in_own_process(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Return what `work` returns, from a process that ends with it.

    A program's most memory is at least that of the process which started it, so what takes much
    must not happen here.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(work, *arguments, **named).result()


def run(*words: object, environment: dict[str, str] | None = None) -> str:
    """Run a program to its end and return its output; its failure ends the benchmark."""
    done = subprocess.run(
        [str(word) for word in words],
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        command = " ".join(map(str, words))
        raise SystemExit(f"{command} gave {done.returncode}:\n{done.stderr[-3000:]}")
    return done.stdout


@dataclass(frozen=True, slots=True)
class Shipped:
    """A command's wall clock, its processor's seconds, result, and the most memory it had."""

    seconds: float
    cpu: float  # seconds, of all threads and children; other work on the machine matters less
    result: dict[str, Any]
    memory: int  # bytes


@dataclass(frozen=True, slots=True)
class Ours:
    """The command line with folders of its own."""

    folder: Path
    cache: Path

    @property
    def environment(self) -> dict[str, str]:
        """What makes it ours."""
        return {
            "JUPYTER_DATA_DIR": str(self.folder / "jupyter"),
            "KERNEL_CONTAINERS_CACHE": str(self.cache),
            "DOCKER_CONFIG": str(self.folder / "docker"),
            "PYTHONDONTWRITEBYTECODE": "",  # as an installed package, which has its byte code
        }

    def add_kernel(self, name: str, prefix: Path) -> None:
        """Make a kernelspec of an environment."""
        run(PROGRAM, "kernel", "add", name, "--prefix", prefix, environment=self.environment)

    def ship(self, notebook: Path, kernel: str, to: str) -> Shipped:
        """Containerize a notebook."""
        words = (PROGRAM, "containerize", notebook, "--kernel", kernel, "--to", to, "--yes")
        start = time.perf_counter()
        process = subprocess.Popen(
            [*map(str, words), "--json"],
            env={**os.environ, **self.environment},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        assert process.stderr
        told: list[str] = []
        # Its progress would fill the pipe.
        reader = threading.Thread(
            target=lambda stream: told.append(stream.read()), args=(process.stderr,)
        )
        reader.start()
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        taken = time.perf_counter() - start
        reader.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        process.stderr.close()
        if process.returncode:
            raise SystemExit(f"containerize gave {process.returncode}:\n{told[0][-3000:]}")
        return Shipped(
            taken, usage.ru_utime + usage.ru_stime, json.loads(output), usage.ru_maxrss * 1024
        )


def write_notebook(path: Path, source: str) -> Path:
    """Write a notebook of one cell."""
    cell = {
        "id": "cell-0",
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": source,
    }
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    path.write_text(json.dumps(notebook))
    return path


def entries(prefix: Path) -> int:
    """Return the number of files and folders below a folder."""
    return sum(len(folders) + len(files) for _, folders, files in os.walk(prefix))


def size(prefix: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(
        os.lstat(f"{parent}/{name}").st_size
        for parent, _, names in os.walk(prefix)
        for name in names
    )
