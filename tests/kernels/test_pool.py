"""Kernels that were prepared before they were asked for."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.multikernelmanager import MultiKernelManager

from kernel_containers.core import labels
from kernel_containers.core.owner import current_owner
from kernel_containers.engine import containers
from kernel_containers.kernels.config import KernelConfig
from kernel_containers.kernels.container_spec import Place
from kernel_containers.kernels.launch import Launch
from kernel_containers.kernels.live import find_live
from kernel_containers.kernels.pool import Pool, pool
from kernel_containers.kernels.recipe import make_recipe
from tests.kernels.support import Running, kernel_containers, running, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kernel_containers.engine import Engine

# What a kernel sees of how it came to be.
SELF = """
import gc, json, os, sys
parts = dict(os.environ)
parts = {name: text for name, text in parts.items() if name not in ("HOSTNAME", "JPY_SESSION_NAME")}
print(json.dumps({
    "environment": parts, "path": sys.path, "argv": sys.argv, "folder": os.getcwd(),
    "main": sys.modules["__main__"].__name__, "stdin": sys.stdin.read(),
    "directories": list(map(str, _dh)), "leader": os.getpgrp() == os.getpid(),
    "umask": oct(os.umask(0o22)), "names": sorted(n for n in globals() if n[0] != "_"),
    "collector": (gc.isenabled(), gc.get_freeze_count()),
}))
"""


@pytest.fixture
def manager() -> Iterator[MultiKernelManager]:
    """Kernels of one process, as in a server."""
    made = MultiKernelManager()
    yield made
    made.shutdown_all(now=True)
    pool().close()
    made.context.destroy(linger=0)


@contextmanager
def _started(
    manager: MultiKernelManager, name: str, folder: Path, notebook: Path
) -> Iterator[Running]:
    """Start a kernel for a notebook, and end it."""
    kernel_id = manager.start_kernel(
        kernel_name=name, cwd=str(folder), env={"JPY_SESSION_NAME": str(notebook)}
    )
    kernel = manager.get_kernel(kernel_id)
    client = kernel.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=30)
        yield Running(kernel, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(kernel_id, now=True)


def _waiting(engine: Engine, name: str) -> list[str]:
    found = containers.find(
        engine, {labels.KIND: "pool", labels.KERNEL: name, labels.OWNER: current_owner()}
    )
    return [container.id for container in found if container.name.count("-") < 6]


@pytest.mark.parametrize("kind", ["warm", "hot"])
def test_a_kernel_from_the_pool_is_like_one_that_was_just_started(
    manager: MultiKernelManager,
    install: Callable[..., str],
    workspace: Path,
    engine: Engine,
    kind: str,
) -> None:
    name = install(f"pool-{kind}", environment={"GIVEN": "here"}, pool=kind)
    folder, first, second = workspace / "sub", workspace / "1.ipynb", workspace / "2.ipynb"
    folder.mkdir(exist_ok=True)
    with _started(manager, name, folder, first) as cold:
        expected = json.loads(cold.text(SELF))
        until(lambda: len(pool()) == 1)
        (waiting,) = _waiting(engine, name)

        with _started(manager, name, folder, second) as claimed:
            assert claimed.container == waiting
            assert json.loads(claimed.text(SELF)) == expected
            assert expected["collector"] == [True, 0]
            assert claimed.text("print(__session__)") == str(second)
            until(lambda: find_live(engine, notebook=str(second)))
            (found,) = find_live(engine, kernel_id=claimed.manager.kernel_id)
            assert found.id == waiting

            claimed.restart()
            assert claimed.container == waiting
            assert json.loads(claimed.text(SELF)) == expected

    assert kernel_containers(engine, claimed.manager.kernel_id) == []


def _launch(image: str, folder: Path, **config: Any) -> Launch:
    return Launch(
        kernel_id="",
        name="pooled",
        config=KernelConfig.parse({"image": image, **config}),
        argv=("python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"),
        language="python",
        environment={},
        place=Place(directory=str(folder)),
        connection={"key": "k", "signature_scheme": "hmac-sha256", "kernel_name": "pooled"},
        pool="warm",
    )


@pytest.fixture
def small_pool() -> Iterator[Pool]:
    """A pool for one container, which it prepares at once."""
    made = Pool(size=1, delay=0)
    yield made
    made.close()


def test_another_specification_or_folder_takes_the_place_of_what_waits(
    small_pool: Pool, kernel_image: str, tmp_path: Path, engine: Engine
) -> None:
    launch = _launch(kernel_image, tmp_path)
    small = _launch(kernel_image, tmp_path, memory="512m")
    recipe, other = make_recipe(engine, launch), make_recipe(engine, small)
    small_pool.refill(recipe, launch)
    small_pool.refill(recipe, launch)
    until(lambda: len(small_pool) == 1)
    assert len(_waiting(engine, "pooled")) == 1

    assert small_pool.take(other) is None
    small_pool.refill(other, small)
    assert len(small_pool) == 0
    until(lambda: len(small_pool) == 1)
    assert small_pool.take(recipe) is None
    until(lambda: len(_waiting(engine, "pooled")) == 1)


def test_a_folder_of_the_same_path_is_another_one(
    kernel_image: str, tmp_path: Path, engine: Engine
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    launch = _launch(kernel_image, folder)
    before = make_recipe(engine, launch)
    assert make_recipe(engine, launch) == before

    folder.rename(tmp_path / "old")
    folder.mkdir()

    assert make_recipe(engine, launch) != before


def test_what_waits_goes_when_nobody_comes_or_it_ends(
    kernel_image: str, tmp_path: Path, engine: Engine
) -> None:
    launch = _launch(kernel_image, tmp_path)
    recipe = make_recipe(engine, launch)
    idle, lasting = Pool(delay=0, idle=0.1), Pool(delay=0)

    idle.refill(recipe, launch)
    lasting.refill(recipe, launch)
    until(lambda: len(lasting) == 1)
    until(lambda: len(_waiting(engine, "pooled")) == 1)
    containers.kill(engine, _waiting(engine, "pooled")[0])
    until(lambda: len(lasting) == 0)

    assert lasting.take(recipe) is None
    until(lambda: not _waiting(engine, "pooled"))
    for one in (idle, lasting):
        one.close()


def test_a_program_with_one_kernel_prepares_no_other(
    install: Callable[..., str], workspace: Path, engine: Engine
) -> None:
    with running(install("single"), workspace):
        assert len(pool()) == 0
        assert _waiting(engine, "single") == []
