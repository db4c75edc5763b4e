"""A changed cell inside of a process that has imported everything, as the server is one."""

from __future__ import annotations

import json
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.common import run, write_notebook

if TYPE_CHECKING:
    from benchmarks.common import Ours

REPEATS = 5


def changed_inside(ours: Ours, notebook: Path, kernel: str, host: str) -> dict[str, float]:
    """Return median seconds to the registry and to the engine."""
    told = run(
        sys.executable,
        "-m",
        "benchmarks.inside",
        notebook,
        kernel,
        host,
        environment=ours.environment,
    )
    found: dict[str, float] = json.loads(told.splitlines()[-1])
    return found


def _measure(notebook: Path, kernel: str, host: str) -> dict[str, float]:
    from kernel_containers.core.progress import silent  # noqa: PLC0415 - the process's own work
    from kernel_containers.core.reference import parse_destination  # noqa: PLC0415
    from kernel_containers.engine import connect, images  # noqa: PLC0415
    from kernel_containers.workflow.images.containerize import containerize  # noqa: PLC0415
    from kernel_containers.workflow.images.plan import ContainerizeRequest, make_plan  # noqa: PLC0415
    from kernel_containers.workflow.registries import Registries  # noqa: PLC0415
    from kernel_containers.workflow.settings import read_settings  # noqa: PLC0415

    settings = read_settings()
    local = "docker:kernel-containers/benchmark:inside"
    taken: dict[str, list[float]] = {"registry": [], "engine": []}
    processor: list[float] = []
    with closing(connect()) as engine, Registries(settings) as registries:
        for number in range(REPEATS + 1):
            write_notebook(notebook, f"y = {number}")
            for place, to in (("registry", f"{host}/ours/inside:{number}"), ("engine", local)):
                start, used = time.perf_counter(), time.process_time()
                request = ContainerizeRequest(
                    notebook=notebook, kernel=kernel, destination=parse_destination(to)
                )
                plan = make_plan(request, engine, settings, silent)
                containerize(plan, engine, registries, settings, silent)
                taken[place].append(time.perf_counter() - start)
                if place == "registry":
                    processor.append(time.process_time() - used)
        images.remove(engine, local.removeprefix("docker:"))
    # The first of each brought the environment there.
    registry, loaded = (sorted(values[1:])[REPEATS // 2] for values in taken.values())
    return {
        "changed inside, to the registry": registry,
        "changed inside, to the registry, CPU": sorted(processor[1:])[REPEATS // 2],
        "changed inside, to the engine": loaded,
    }


if __name__ == "__main__":
    print(json.dumps(_measure(Path(sys.argv[1]), sys.argv[2], sys.argv[3])))
