from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core import labels
from kernel_containers.core.containers import ContainerSpec
from kernel_containers.core.owner import current_owner
from kernel_containers.engine import containers
from kernel_containers.kernels import reaper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kernel_containers.engine import Engine

DEAD = f"{socket.gethostname()}:4194305:1"


@pytest.fixture
def create(engine: Engine, base_image: str) -> Iterator[Callable[[str, str], str]]:
    """Create a container of a kind and owner, and return its id."""
    made: list[str] = []

    def make(kind: str, owner: str) -> str:
        spec = ContainerSpec(
            image=base_image, network="none", labels={labels.KIND: kind, labels.OWNER: owner}
        )
        made.append(containers.create(engine, spec))
        return made[-1]

    yield make
    for container in made:
        containers.remove(engine, container)


def test_a_server_that_starts_removes_what_dead_ones_left(
    engine: Engine, create: Callable[[str, str], str]
) -> None:
    dead, alive = create("pool", DEAD), create("pool", current_owner())

    reaper.sweep()

    left = {found.id for found in containers.find(engine, {labels.KIND: "pool"})}
    assert (dead in left, alive in left) == (False, True)


def test_without_an_engine_nothing_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///no/such/docker.sock")

    reaper.sweep()


def test_only_containers_of_the_dead_are_removed(
    engine: Engine, create: Callable[[str, str], str]
) -> None:
    dead = create("kernel", DEAD)
    kept = [
        create("kernel", current_owner()),
        create("kernel", "another-machine:4194305:1"),
        create("run", DEAD),
    ]

    found = {container.id for container in reaper.leftovers(engine)}
    removed = {container.id for container in reaper.remove_leftovers(engine)}

    left = {container.id for container in containers.find(engine, {labels.KIND: None})}
    assert dead in found
    assert dead in removed
    assert dead not in left
    assert set(kept) <= left


def test_a_container_that_nobody_has_started_is_given_up_after_a_while(
    engine: Engine, create: Callable[[str, str], str]
) -> None:
    kernel, build = (create(kind, current_owner()) for kind in ("kernel", "build"))

    now = {container.id for container in reaper.leftovers(engine)}
    later = {container.id for container in reaper.leftovers(engine, abandoned=-5)}

    assert (kernel in now, build in now) == (False, False)
    assert (kernel in later, build in later) == (True, False)
