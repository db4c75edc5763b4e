"""Changes inside of a process that has imported everything, as the server is one."""

from __future__ import annotations

import json
import sys
import time
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.common import run, write_notebook
from benchmarks.environments import one_more

if TYPE_CHECKING:
    from benchmarks.common import Ours
    from kernel_containers.engine import Engine

REPEATS = 5
LOCAL = "kernel-containers/benchmark:inside"
Taken = tuple[float, float]  # seconds: of the wall clock, and of the processor


def changed_inside(
    ours: Ours, notebook: Path, kernel: str, host: str, far: str
) -> dict[str, float]:
    """Return median seconds to the registry, to the engine and to the registry far away."""
    return _in_own_process(ours, "changed", notebook, kernel, host, far)


def package_inside(
    ours: Ours, notebook: Path, kernel: str, prefix: Path, host: str
) -> dict[str, float]:
    """Return the seconds that one package more in a kernel's environment takes to the registry."""
    return _in_own_process(ours, "package", notebook, kernel, host, prefix)


def _in_own_process(ours: Ours, *words: object) -> dict[str, float]:
    told = run(sys.executable, "-m", "benchmarks.inside", *words, environment=ours.environment)
    found: dict[str, float] = json.loads(told.splitlines()[-1])
    return found


def _ship(engine: Engine, notebook: Path, kernel: str, where: str) -> Taken:
    """Containerize a cell that the notebook never had, as a job of the server does it."""
    from kernel_containers.core.progress import silent  # noqa: PLC0415 - the process's own work
    from kernel_containers.core.reference import ToRegistry, parse_destination  # noqa: PLC0415
    from kernel_containers.workflow.images.containerize import containerize  # noqa: PLC0415
    from kernel_containers.workflow.images.look_ahead import LookAhead  # noqa: PLC0415
    from kernel_containers.workflow.images.plan import ContainerizeRequest, make_plan  # noqa: PLC0415
    from kernel_containers.workflow.registries import Registries  # noqa: PLC0415
    from kernel_containers.workflow.settings import read_settings  # noqa: PLC0415

    settings, to = read_settings(), parse_destination(where)
    write_notebook(notebook, f"y = '{where} {time.time_ns()}'")
    start, used = time.perf_counter(), time.process_time()
    request = ContainerizeRequest(notebook=notebook, kernel=kernel, destination=to)
    with Registries(settings) as registries:
        looked = LookAhead(registries, to.reference) if isinstance(to, ToRegistry) else None
        plan = make_plan(request, engine, settings, silent)
        if looked:
            state = looked.result()
            registries.prepare(looked.to, silent, create=False, overwrite=False, state=state)
        containerize(plan, engine, registries, settings, silent)
    return time.perf_counter() - start, time.process_time() - used


def _changed(engine: Engine, notebook: Path, kernel: str, host: str, far: str) -> dict[str, Taken]:
    from kernel_containers.engine import images  # noqa: PLC0415 - as above

    found: dict[str, Taken] = {}
    places = {
        "to the registry": f"{host}/ours/inside:{{}}",
        "to the engine": f"docker:{LOCAL}",
        "100 ms away": f"{far}/ours/far:{{}}",
    }
    for place, where in places.items():
        # The first one brings the environment there.
        _ship(engine, notebook, kernel, where.format("first"))
        taken = [_ship(engine, notebook, kernel, where.format(n)) for n in range(REPEATS)]
        wall, used = zip(*taken, strict=True)
        found[f"changed inside, {place}"] = median(wall), median(used)
    images.remove(engine, LOCAL)
    return found


def _package(
    engine: Engine, notebook: Path, kernel: str, host: str, prefix: str
) -> dict[str, Taken]:
    _ship(engine, notebook, kernel, f"{host}/ours/package:first")
    with one_more(Path(prefix), "toolz"):
        taken = _ship(engine, notebook, kernel, f"{host}/ours/package:more")
    return {"a package more inside": taken}


def _main(what: str, notebook: str, kernel: str, host: str, last: str) -> dict[str, float]:
    from kernel_containers.engine import connect  # noqa: PLC0415 - as above

    measure = {"changed": _changed, "package": _package}[what]
    with closing(connect()) as engine:
        found = measure(engine, Path(notebook), kernel, host, last)
    wall = {name: taken for name, (taken, _) in found.items()}
    return wall | {f"{name}, CPU": used for name, (_, used) in found.items()}


if __name__ == "__main__":
    print(json.dumps(_main(*sys.argv[1:])))
