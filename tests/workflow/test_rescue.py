"""The only copy of a run's outputs outlives its container."""

from __future__ import annotations

from typing import TYPE_CHECKING

import docker
import pytest

from kernel_containers.core.containers import Resources
from kernel_containers.core.runs import RunRequest
from kernel_containers.dispatch.docker import DockerBackend, DockerRun
from kernel_containers.engine import containers
from kernel_containers.workflow.runs.rescue import rescue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel_containers.engine import Engine

KEEPS = "f=/tmp/kernel-containers-$KERNEL_CONTAINERS_RUN_ID; mkdir $f; echo x > $f/report.json"


class Runs:
    """Runs of shell scripts, removed at the end."""

    def __init__(self, engine: Engine, image: str) -> None:
        self.backend = DockerBackend(engine)
        self.made: list[DockerRun] = []
        self._image = image

    def ended(self, script: str) -> DockerRun:
        """Return a run that has ended."""
        request = RunRequest(
            image=self._image,
            arguments=("sh", "-c", script),
            resources=Resources(memory=64 * 2**20),
        )
        run = self.backend.submit(request)
        self.made.append(run)
        self.backend.wait(run)
        return run


@pytest.fixture
def runs(engine: Engine, base_image: str) -> Iterator[Runs]:
    made = Runs(engine, base_image)
    yield made
    for run in made.made:
        made.backend.remove(run)


def exists(engine: Engine, run: DockerRun) -> bool:
    """Whether the run's container is still there."""
    try:
        engine.api.inspect_container(run.container)
    except docker.errors.NotFound:
        return False
    return True


def test_a_copy_in_the_container_is_saved_here_before_it_goes(
    runs: Runs, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = runs.ended(KEEPS)

    place = rescue(runs.backend, run)

    assert place == str(tmp_path / f"kernel-containers-{run.run_id}")
    assert (tmp_path / place / "report.json").read_text() == "x\n"
    assert not exists(engine, run)


def test_a_container_whose_copy_can_not_be_saved_stays(
    runs: Runs, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = runs.ended(KEEPS)
    (tmp_path / f"kernel-containers-{run.run_id}").touch()  # a file in its way

    place = rescue(runs.backend, run)

    assert place == f"{run.container[:12]}:/tmp/kernel-containers-{run.run_id}"
    assert exists(engine, run)


def test_a_container_without_a_copy_goes(runs: Runs, engine: Engine) -> None:
    run = runs.ended("true")

    assert rescue(runs.backend, run) is None
    assert not exists(engine, run)
    assert containers.find(engine, {"io.kernel-containers.run-id": run.run_id}) == []
