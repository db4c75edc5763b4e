"""What is left over, and what is not."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core import labels
from kernel_containers.core.containers import ContainerSpec
from kernel_containers.core.owner import current_owner
from kernel_containers.engine import containers
from kernel_containers.workflow.clean import clean
from kernel_containers.workflow.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel_containers.engine import Engine


class Runs:
    """Containers of runs, removed at the end."""

    def __init__(self, engine: Engine, image: str) -> None:
        self.ids: list[str] = []
        self._engine = engine
        self._image = image

    def create(self, owner: str) -> str:
        name = f"kernel-containers-test-{uuid.uuid4().hex[:8]}"
        spec = ContainerSpec(
            image=self._image,
            command=("true",),
            name=name,
            labels={labels.KIND: "run", labels.OWNER: owner},
        )
        self.ids.append(containers.create(self._engine, spec))
        return name


@pytest.fixture
def runs(engine: Engine, base_image: str) -> Iterator[Runs]:
    made = Runs(engine, base_image)
    yield made
    for container in made.ids:
        containers.remove(engine, container)


def gone() -> str:
    """An owner on this machine that has ended: no process starts at the first tick."""
    return f"{current_owner().rpartition(':')[0]}:1"


def test_a_run_about_to_start_is_left_alone_and_that_of_a_dead_process_is_not(
    runs: Runs, engine: Engine, tmp_path: Path
) -> None:
    about_to_start = runs.create(current_owner())
    abandoned = runs.create(gone())

    found = clean(engine, Settings(cache=tmp_path, environ={}), dry_run=True)

    assert abandoned in found.containers
    assert about_to_start not in found.containers


def test_a_run_that_has_ended_is_named(runs: Runs, engine: Engine, tmp_path: Path) -> None:
    name = runs.create(current_owner())
    containers.start(engine, runs.ids[0])
    containers.wait(engine, runs.ids[0])

    assert name in clean(engine, Settings(cache=tmp_path, environ={}), dry_run=True).containers
