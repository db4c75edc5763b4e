"""A server that ends, in order or killed, with jobs in every phase."""

from __future__ import annotations

import re
import signal
import time
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from kernel_containers.core import labels
from kernel_containers.core.runs import RunRequest, new_run_id
from kernel_containers.dispatch.docker import DockerBackend
from kernel_containers.engine import containers, images
from kernel_containers.workflow.jobs.run_job import find_again
from tests.acceptance.product import write_notebook
from tests.server.api import LONGEST
from tests.support.faultproxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kernel_containers.engine import Engine
    from kernel_containers.engine.containers import Found
    from tests.server.api import Api
    from tests.support.registry import RegistryServer

HELD = {  # what of a registry's answers a job waits for in which phase
    "look": {"method": "GET|HEAD", "path": r"/look/manifests/"},
    "push": {"method": "PATCH|PUT", "path": r"/push/blobs/uploads/"},
    "tag": {"method": "PUT", "path": r"/tag/manifests/"},
}


def test_a_run_that_was_never_started_goes_with_its_server(engine: Engine, base_image: str) -> None:
    asked = RunRequest(image=base_image, run_id=new_run_id(), secrets={"KEY": "x"})
    run = DockerBackend(engine).create(asked)

    found = find_again(run.run_id, "file:///x", "", {})

    assert found is None
    assert containers.find(engine, {labels.RUN_ID: run.run_id}) == []


@pytest.fixture
def name() -> str:
    return f"end-{uuid.uuid4().hex[:10]}"


def wait_until_held(proxy: FaultProxy, what: str) -> None:
    pattern = re.compile(HELD[what]["path"])
    deadline = time.monotonic() + LONGEST
    while not any(seen.fault and pattern.search(seen.target) for seen in proxy.seen):
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def of_process(engine: Engine, pid: int) -> list[Found]:
    """Return the containers that a process has made."""
    found = containers.find(engine, {labels.OWNER: None})
    return [item for item in found if f":{pid}:" in item.labels[labels.OWNER]]


def begin(api: Api, proxy: FaultProxy, name: str) -> dict[str, dict[str, Any]]:
    """Return jobs that have come to a phase each and stay there, and one that waits."""
    jobs: dict[str, dict[str, Any]] = {}
    jobs["run"] = api.start("run", image=f"{name}:1", output="results")
    api.follow(jobs["run"]["id"], until=lambda event: "begun" in event.get("text", ""))
    for phase, fault in HELD.items():
        proxy.add("hang", times=None, **fault)
        plan = {"notebook": "long.ipynb", "to": f"{proxy.host}/{name}/{phase}:1"}
        jobs[phase] = api.start("containerize", plan=plan)
    for phase in HELD:
        wait_until_held(proxy, phase)
    jobs["waiting"] = api.start("pull", image="never-made")
    return jobs


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_that_ends_leaves_nothing_but_runs(  # noqa: PLR0917 - its parts are fixtures
    start_server: Callable[..., Api],
    engine: Engine,
    registry: RegistryServer,
    kernel_image: str,
    name: str,
    tmp_path: Path,
    how: signal.Signals,
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    first = start_server("--KernelContainersApp.at_once=4", TMPDIR=str(scratch))
    first.finish(first.start("add-kernel", name="team", image=kernel_image))
    write_notebook(
        first.server.root / "long.ipynb",
        "import time\nfrom pathlib import Path",
        "print('begun', flush=True)\nwhile not Path('/tmp/go').exists():\n    time.sleep(0.05)",
    )
    plan = {"notebook": "long.ipynb", "to": f"docker:{name}:1"}
    assert first.finish(first.start("containerize", plan=plan))["state"] == "succeeded"
    with FaultProxy(registry.host) as proxy:
        jobs = begin(first, proxy, name)
        pid = first.server.server.process.pid
        first.server.server.process.send_signal(how)
        first.server.server.process.wait(60)
    left = [path.name for path in scratch.iterdir()]

    second = start_server("--KernelContainersApp.at_once=4", TMPDIR=str(scratch))
    ended = {phase: second.finish(jobs[phase]) for phase in jobs if phase != "run"}
    (container,) = of_process(engine, pid)
    engine.api.exec_start(engine.api.exec_create(container.id, ["touch", "/tmp/go"])["Id"])
    found = second.finish(jobs["run"])

    expected = "lost" if how == signal.SIGKILL else "cancelled"
    assert {phase: job["state"] for phase, job in ended.items()} == dict.fromkeys(ended, expected)
    assert found["state"] == "succeeded", found
    for phase in HELD:
        answer = httpx.head(f"{registry.url}/v2/{name}/{phase}/manifests/1")
        assert answer.status_code == 404
    assert left == []
    assert of_process(engine, pid) == []
    images.remove(engine, f"{name}:1")
