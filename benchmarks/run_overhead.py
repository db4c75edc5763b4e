"""What a run costs beside papermill and bare nbclient: per cell, until the first cell, in memory.

Run it in a checkout whose tests have run once:

    .venv/bin/python -m benchmarks.run_overhead

They take turns, and the order turns too: what counts is the median of the rounds' ratios, each of
one state of the machine. Cells are timed by the notebook itself, from its first to its last.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_containers.core.contract import RUNNER_HOME
from kernel_containers.engine import connect
from kernel_containers.snapshot.interpreter import inspect_image, inspect_local
from tests.runner.container import KERNEL, PYTHON, write_runner
from tests.runner.image import Image, code
from tests.support.images import ensure_kernel_image

if TYPE_CHECKING:
    from collections.abc import Callable

DOCKER = shutil.which("docker", path=f"/usr/bin:{os.environ['PATH']}") or "docker"
CELLS = 100
GIGABYTE = "for i in range(1000): print('x' * 999_999)"
NBCLIENT = """\
import sys
if len(sys.argv) > 3:
    sys.path.insert(0, sys.argv[3])
import nbformat
from nbclient import NotebookClient
from jupyter_client.manager import AsyncKernelManager
notebook = nbformat.read(sys.argv[1], as_version=4)
manager = AsyncKernelManager(kernel_name="python3")
if len(sys.argv) > 4:
    from jupyter_client.kernelspec import KernelSpec
    argv = sys.argv[4:]
    manager._kernel_spec = KernelSpec(argv=argv, language="python")
NotebookClient(notebook, km=manager).execute()
nbformat.write(notebook, sys.argv[2])
"""


def seconds_in(path: Path) -> float:
    """Return the number that a notebook has left in a file, and remove it."""
    text = path.read_text()
    path.unlink()
    return float(text)


def run(*words: object) -> None:
    """Run a program to its end; its failure ends the benchmark."""
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{words[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def per_cell(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of one trivial cell for each of the three."""
    runner = folder / "runner-here"
    write_runner(inspect_local(sys.executable), runner)
    said = folder / "seconds"
    sources = [
        "import time; begin = time.time()",
        *["x = 1"] * (CELLS - 1),
        f"open({str(said)!r}, 'w').write(str((time.time() - begin) / {CELLS}))",
    ]
    image = Image(root=folder / "cells", runner=runner, cells=[code(text) for text in sources])
    image.write()
    script = folder / "execute.py"
    script.write_text(NBCLIENT)
    out = folder / "out.ipynb"
    ways: dict[str, Callable[[], object]] = {
        "runner": lambda: run(*image.command()),
        "papermill": lambda: run(
            *(sys.executable, "-m", "papermill", "--no-progress-bar", "-k", "python3"),
            *(image.notebook_path, out),
        ),
        "nbclient": lambda: run(sys.executable, script, image.notebook_path, out),
    }
    return take_turns(ways, rounds, lambda: seconds_in(said))


def first_cell(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Return the seconds from `docker run` to the first cell."""
    engine = connect()
    name = ensure_kernel_image()
    runner = folder / "runner-there"
    write_runner(inspect_image(engine, name, PYTHON), runner)
    said = folder / "first" / "time"
    text = f"import time; open({str(said)!r}, 'w').write(str(time.time()))"
    image = Image(root=folder / "first", runner=runner, cells=[code(text)], argv=KERNEL)
    image.write()
    (folder / "first" / "execute.py").write_text(NBCLIENT)
    begun = [0.0]
    mounts = ("-v", f"{runner}:{RUNNER_HOME}:ro", "-v", f"{folder}:{folder}")

    def start(*words: object) -> None:
        begun[0] = time.time()
        run(DOCKER, "run", "--rm", *mounts, "--entrypoint", PYTHON, name, "-I", "-S", *words)

    ways: dict[str, Callable[[], object]] = {
        "runner": lambda: start(
            *(f"{RUNNER_HOME}/bootstrap.py", "--root", image.root),
            *("--output", f"file://{image.output}"),
        ),
        "nbclient": lambda: start(
            *(image.root / "execute.py", image.notebook_path, image.root / "out.ipynb"),
            *(f"{RUNNER_HOME}/site", *KERNEL),
        ),
    }
    try:
        return take_turns(ways, rounds, lambda: seconds_in(said) - begun[0])
    finally:
        engine.close()


def take_turns(
    ways: dict[str, Callable[[], object]], rounds: int, read: Callable[[], float]
) -> dict[str, list[float]]:
    """Return what `read` gives after each way, in rounds; one round to warm up is left out."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in list(ways.items())[:: -1 if number % 2 else 1]:
            way()
            found[name].append(read())
    return {name: values[1:] for name, values in found.items()}


def peak_memory(folder: Path) -> int:
    """Return the bytes of memory that the runner had at most while a cell printed a gigabyte."""
    image = Image(root=folder / "flood", runner=folder / "runner-here", cells=[code(GIGABYTE)])
    image.write()
    process = subprocess.Popen(image.command(), stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            break
        lines = [line.split() for line in status.splitlines() if line.startswith("VmHWM")]
        peak = max([peak, *(int(line[1]) * 1024 for line in lines)])
        time.sleep(0.05)
    if process.wait():
        sys.exit("the run that printed a gigabyte failed")
    return peak


def show(title: str, unit: float, found: dict[str, list[float]]) -> None:
    """Print medians, and the median of how a round's figures compare to the runner's."""
    print(title)
    for name, values in found.items():
        ratios = [ours / other for ours, other in zip(found["runner"], values, strict=True)]
        ratio = "" if name == "runner" else f"runner / {name} {statistics.median(ratios):.2f}"
        spread = f"{min(values) * unit:.2f} to {max(values) * unit:.2f}"
        print(f"  {name:10} {statistics.median(values) * unit:8.2f}   {spread:18} {ratio}")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        print(json.dumps({"cores": os.cpu_count(), "load": os.getloadavg(), "rounds": rounds}))
        show(f"milliseconds per cell, of {CELLS} trivial ones", 1000, per_cell(folder, rounds))
        show("seconds from `docker run` to the first cell", 1, first_cell(folder, rounds))
        print(f"peak memory of the runner, 1 GB of stdout: {peak_memory(folder) / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
