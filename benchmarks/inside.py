"""A changed cell inside of a process that has imported everything, as the server is one."""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.common import run, write_notebook

if TYPE_CHECKING:
    from benchmarks.common import Ours

REPEATS = 5


def changed_inside(
    ours: Ours, notebook: Path, kernel: str, host: str, far: str
) -> dict[str, float]:
    """Return median seconds to the registry, to the engine and to the registry far away."""
    words = (sys.executable, "-m", "benchmarks.inside", notebook, kernel, host, far)
    told = run(*words, environment=ours.environment)
    found: dict[str, float] = json.loads(told.splitlines()[-1])
    return found


def _measure(notebook: Path, kernel: str, host: str, far: str) -> dict[str, float]:
    from kernel_containers.core.progress import silent  # noqa: PLC0415 - the process's own work
    from kernel_containers.core.reference import ToRegistry, parse_destination  # noqa: PLC0415
    from kernel_containers.engine import connect, images  # noqa: PLC0415
    from kernel_containers.workflow.images.containerize import containerize  # noqa: PLC0415
    from kernel_containers.workflow.images.look_ahead import LookAhead  # noqa: PLC0415
    from kernel_containers.workflow.images.plan import ContainerizeRequest, make_plan  # noqa: PLC0415
    from kernel_containers.workflow.registries import Registries  # noqa: PLC0415
    from kernel_containers.workflow.settings import read_settings  # noqa: PLC0415

    settings = read_settings()
    local = "kernel-containers/benchmark:inside"
    places = {
        "to the registry": f"{host}/ours/inside",
        "to the engine": f"docker:{local}",
        "100 ms away": f"{far}/ours/far",
    }
    taken: dict[str, list[float]] = defaultdict(list)
    with closing(connect()) as engine:
        for number in range(REPEATS + 1):
            for place, where in places.items():
                write_notebook(notebook, f"y = '{place} {number}'")
                start, used = time.perf_counter(), time.process_time()
                to = parse_destination(where if place == "to the engine" else f"{where}:{number}")
                request = ContainerizeRequest(notebook=notebook, kernel=kernel, destination=to)
                # As a job of the server does it.
                with Registries(settings) as registries:
                    looked = (
                        LookAhead(registries, to.reference) if isinstance(to, ToRegistry) else None
                    )
                    plan = make_plan(request, engine, settings, silent)
                    if looked:
                        state = looked.result()
                        registries.prepare(
                            looked.to, silent, create=False, overwrite=False, state=state
                        )
                    containerize(plan, engine, registries, settings, silent)
                taken[place].append(time.perf_counter() - start)
                taken[f"{place}, CPU"].append(time.process_time() - used)
        images.remove(engine, local)
    # The first of each brought the environment there.
    return {f"changed inside, {name}": median(values[1:]) for name, values in taken.items()}


if __name__ == "__main__":
    print(json.dumps(_measure(Path(sys.argv[1]), *sys.argv[2:])))
