"""Kernels in containers against kernels without, in paired rounds of random order.

    .venv/bin/python -m benchmarks.kernel_start --rounds 11 --peers ~/peers

`--peers` is a venv that has envkernel and dockernel; without it they are left out. Times are from
the request for a kernel to the first reply to code, seen by one client of a process that holds
all kernels, as a server does. What counts are the ratios, each of two times of the same round.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
from docker.errors import APIError
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME
from jupyter_client.multikernelmanager import MultiKernelManager

from kernel_containers.kernels import kernelspecs
from kernel_containers.kernels.config import KernelConfig
from kernel_containers.kernels.pool import pool
from tests.support.images import ensure_kernel_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOCAL = "local"
EMPTY = "container alone"  # what the engine takes to create and start one that does nothing
OURS: dict[str, dict[str, Any]] = {
    "cold": {"pool": "off"},
    "cold, stdio": {"pool": "off", "transport": "stdio"},
    "cold, publish": {"pool": "off", "transport": "publish"},
    "warm": {"pool": "warm"},
    "hot": {"pool": "hot"},
}
PROMPT = 30.0  # seconds for a container that waits
TRIPS = 200  # execute requests per round trip figure
FLOOD = 20_000_000  # characters

Times = dict[str, list[float]]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--peers", type=Path, help="a venv with envkernel and dockernel")
    options = parser.parse_args()
    image = ensure_kernel_image()
    with tempfile.TemporaryDirectory(prefix="kc-bench-") as folder:
        for name in ("DATA", "RUNTIME", "CONFIG"):
            os.environ[f"JUPYTER_{name}_DIR"] = f"{folder}/{name.lower()}"
        os.environ["IPYTHONDIR"] = f"{folder}/ipython"
        names = {LOCAL: NATIVE_KERNEL_NAME}
        for title, config in OURS.items():
            names[title] = title.replace(", ", "-")
            kernelspecs.install(names[title], KernelConfig.parse({"image": image, **config}))
        with _peers(options.peers, image, Path(folder)) as peers:
            names |= peers
            manager = MultiKernelManager(connection_dir=folder)
            try:
                starts, restarts, trips, floods = measure(manager, names, options.rounds, image)
            finally:
                pool().close()
                manager.shutdown_all(now=True)
                manager.context.destroy(linger=0)
    show("first reply", starts, "s")
    show("restart to first reply", restarts, "s")
    show("execute round trip", trips, "s")
    show("20 MB of output", floods, "s")


def measure(
    manager: MultiKernelManager, names: dict[str, str], rounds: int, image: str
) -> tuple[Times, Times, Times, Times]:
    """Return seconds by kernel: to start, restart, answer, and carry much output."""
    starts, restarts, trips, floods = ({name: [] for name in names} for _ in range(4))
    starts[EMPTY] = []
    for title in ("warm", "hot"):  # the first start of a kind finds nobody waiting
        with _kernel(manager, names[title]):
            pass
    for number in range(-1, rounds):  # one round to warm up caches
        _wait_for_pool()
        starts[EMPTY] += [_start_container(image)] * (number >= 0)
        order = list(names)
        random.shuffle(order)
        for title in order:
            _wait_for_pool()
            began = time.monotonic()
            with _kernel(manager, names[title]) as (kernel, client):
                started = time.monotonic() - began
                trip = seconds(lambda client=client: _execute(client, "1", TRIPS)) / TRIPS
                flood = seconds(lambda client=client: _flood(client))
                if title in (LOCAL, *OURS):  # peers' often fail: their ports are still taken
                    again = seconds(lambda kernel=kernel, client=client: _restart(kernel, client))
                    restarts[title] += [again] * (number >= 0)
            if number >= 0:
                starts[title].append(started)
                trips[title].append(trip)
                floods[title].append(flood)
    return starts, restarts, trips, floods


def _start_container(image: str) -> float:
    with closing(docker.from_env()) as engine:
        began = time.monotonic()
        container = engine.containers.create(image, ["true"])
        container.start()
        taken = time.monotonic() - began
        container.remove(force=True)
    return taken


def seconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def show(what: str, times: Times, unit: str) -> None:
    """Print medians, extremes, and medians of the ratios to `local` of the same round."""
    print(f"\n{what:24} {'median':>9} {'min':>9} {'max':>9} {'of local':>9}")
    for title, values in times.items():
        if not values:
            continue
        ratio = statistics.median(
            value / local for value, local in zip(values, times[LOCAL], strict=True)
        )
        row = (statistics.median(values), min(values), max(values))
        cells = " ".join(f"{value:8.4f}{unit}" for value in row)
        print(f"{title:24} {cells} {ratio:8.2f}×")


@contextmanager
def _kernel(manager: MultiKernelManager, name: str) -> Iterator[tuple[Any, Any]]:
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    kernel_id = manager.start_kernel(kernel_name=name, **silent)
    kernel = manager.get_kernel(kernel_id)
    client = kernel.client()
    client.start_channels(hb=False)
    try:
        _execute(client, "1")
        yield kernel, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(kernel_id, now=True)
        _remove_left(kernel.connection_file)


def _remove_left(connection_file: str) -> None:
    """Remove the container that a peer leaves behind when its kernel is ended at once."""
    with closing(docker.from_env()) as engine:
        for container in engine.containers.list(all=True, ignore_removed=True):
            sources = {mount.get("Source") for mount in container.attrs["Mounts"]}
            if connection_file in sources:
                with suppress(APIError):  # it is being removed
                    container.remove(force=True)


def _wait_for_pool() -> None:
    """Let the pool be full: filling it would take the processors from what is measured."""
    deadline = time.monotonic() + PROMPT
    while len(pool()) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)


def _execute(client: Any, code: str, times: int = 1) -> None:
    for _ in range(times):
        message = client.execute(code)
        while client.get_shell_msg(timeout=60)["parent_header"].get("msg_id") != message:
            pass


def _flood(client: Any) -> None:
    message = client.execute(f"print('x' * {FLOOD})")
    received = 0
    while received < FLOOD:
        part = client.get_iopub_msg(timeout=60)
        if part["parent_header"].get("msg_id") == message:
            received += len(part["content"].get("text", ""))


def _restart(kernel: Any, client: Any) -> None:
    kernel.restart_kernel()
    # A request to a kernel that is not listening yet may be lost, whatever the kernel is.
    client.wait_for_ready(timeout=60)


@contextmanager
def _peers(venv: Path | None, image: str, folder: Path) -> Iterator[dict[str, str]]:
    """Install kernelspecs of envkernel and dockernel for the same image."""
    if venv is None:
        yield {}
        return
    python = str(venv.expanduser().absolute() / "bin" / "python")
    wanted = "kernel-containers/benchmark-dockernel:latest"
    start = ["python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    commands = {
        "envkernel": [
            *(python, "-m", "envkernel", "docker", "run"),
            *("--connection-file", "{connection_file}", image, "--", *start),
        ],
        "dockernel": [python, "-m", "dockernel", "start", wanted, "{connection_file}"],
    }
    for name, argv in commands.items():
        (folder / "data" / "kernels" / name).mkdir(parents=True)
        spec = {"argv": argv, "display_name": name, "language": "python"}
        (folder / "data" / "kernels" / name / "kernel.json").write_text(json.dumps(spec))
    with closing(docker.from_env()) as engine:
        container = engine.containers.create(image)
        inner = "exec python3 -m ipykernel_launcher -f $DOCKERNEL_CONNECTION_FILE"
        container.commit(*wanted.split(":"), changes=f'CMD ["sh", "-c", "{inner}"]')
        container.remove()
        try:
            yield {name: name for name in commands}
        finally:
            engine.images.remove(wanted, force=True)


if __name__ == "__main__":
    sys.exit(main())
