"""An engine that is stopped, is silent, and comes back: told at once, and nothing hangs."""

from __future__ import annotations

import socket
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.engine import containers, images
from kernel_containers.engine.endpoint import find_endpoint
from tests.acceptance.product import write_notebook
from tests.support.engine_proxy import EngineProxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from kernel_containers.engine import Engine
    from tests.server.api import Api

WAITING = "while True:\n    time.sleep(0.05)"
IMAGE = f"sha256:{'0' * 64}"
NEEDING_IT: dict[str, Callable[[Api], httpx.Response]] = {
    "images": lambda api: api.get("/images"),
    "an image": lambda api: api.delete(f"/images/{IMAGE}"),
    "a plan": lambda api: api.post("/plan", notebook="n.ipynb"),
    "a destination": lambda api: api.get("/destination", to="docker:a:1"),
    "a description": lambda api: api.get("/image", reference="a:1"),
    "a run": lambda api: api.post("/jobs", kind="run", image="a:1"),
}
JOBS: list[dict[str, Any]] = [
    {"kind": "pull", "image": "a:1"},
    {"kind": "push", "image": "a:1", "to": "docker.invalid/a:1"},
    {"kind": "add-kernel", "name": "away", "image": "a:1"},
    {"kind": "containerize", "plan": {"notebook": "n.ipynb"}},
]


@pytest.fixture
def engine_socket(tmp_path: Path) -> Path:
    """Where the server looks for the engine."""
    found = find_endpoint({}).socket
    assert found
    path = tmp_path / "docker.sock"
    path.symlink_to(found)
    return path


@pytest.fixture
def api(start_server: Callable[..., Api], engine_socket: Path) -> Api:
    """A server whose engine can be taken away."""
    made = start_server(DOCKER_HOST=f"unix://{engine_socket}")
    write_notebook(made.server.root / "n.ipynb", "a = 1")
    return made


def test_a_stopped_engine_is_told_by_each_route_and_is_used_when_it_is_back(
    api: Api, engine_socket: Path
) -> None:
    real = engine_socket.readlink()
    before = api.json("/health")["engine"]
    engine_socket.unlink()

    answers = {name: ask(api) for name, ask in NEEDING_IT.items()}
    ended = [api.finish(api.post("/jobs", **body).json()) for body in JOBS]
    told = api.json("/health")["engine"]
    checks = {check["name"]: check for check in api.json("/doctor")["checks"]}
    space = api.json("/space")
    engine_socket.symlink_to(real)
    after = api.json("/health")["engine"]

    assert (before, after) == (None, None)
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(
        NEEDING_IT, 503
    )
    for answer in answers.values():
        error = answer.json()
        assert error["code"] == "unavailable"
        assert str(engine_socket) in error["what"]
        assert error["why"]
        assert error["todo"]
    assert [(job["state"], job["error"]["code"]) for job in ended] == [
        ("failed", "unavailable")
    ] * len(JOBS)
    assert told["code"] == "unavailable"
    assert "problem" in {check["status"] for check in checks.values()}
    assert (space["containers"], space["images"]) == ([], 0)
    assert api.get("/images").status_code == 200


@pytest.mark.full
def test_an_engine_that_is_silent_keeps_nobody_waiting_for_what_does_not_need_it(
    api: Api, engine_socket: Path
) -> None:
    engine_socket.unlink()
    with socket.socket(socket.AF_UNIX) as silent, ThreadPoolExecutor(40) as users:
        silent.bind(str(engine_socket))
        silent.listen(200)
        waiting = [users.submit(api.get, "/images") for _ in range(30)]

        jobs = api.get("/jobs")
        overtaken = [future for future in waiting if not future.done()]
        told = api.json("/health")["engine"]
        answers: list[httpx.Response] = [future.result() for future in waiting]

    assert jobs.status_code == 200
    assert overtaken
    assert told["code"] == "unavailable"
    assert {answer.status_code for answer in answers} == {503}


@pytest.mark.full
def test_jobs_of_an_engine_that_stops_end_and_the_next_ones_succeed(
    start_server: Callable[..., Api], engine: Engine, kernel_image: str, tmp_path: Path
) -> None:
    found = find_endpoint({}).socket
    assert found
    name = f"away-{uuid.uuid4().hex[:10]}"
    with EngineProxy(tmp_path / "docker.sock", found) as proxy:
        api = start_server(DOCKER_HOST=f"unix://{proxy.path}")
        added = api.finish(api.start("add-kernel", name="team", image=kernel_image))
        assert added["state"] == "succeeded", added
        write_notebook(
            api.server.root / f"{name}.ipynb", "import time\nprint('begun', flush=True)", WAITING
        )
        plan = {"notebook": f"{name}.ipynb", "to": f"docker:{name}:1"}
        made = api.finish(api.start("containerize", plan=plan))
        assert made["state"] == "succeeded", made
        run = api.start("run", image=f"{name}:1")
        api.follow(run["id"], until=lambda event: "begun" in event.get("text", ""))

        proxy.stop()
        ended = api.finish(run)
        while_away = api.get("/images").status_code
        proxy.start()
        again = api.finish(api.start("containerize", plan=plan))

    # An engine that really stops ends its containers, too.
    for container in engine.api.containers(filters={"ancestor": f"{name}:1"}):
        containers.remove(engine, container["Id"])
    images.remove(engine, f"{name}:1")
    assert (ended["state"], ended["error"]["code"]) == ("failed", "unavailable")
    assert ended["error"]["todo"]
    assert while_away == 503
    assert again["state"] == "succeeded", again
