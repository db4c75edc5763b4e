"""An image's folder for tests of the runner."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.snapshot.interpreter import inspect_image, inspect_local
from tests.runner.container import PYTHON, Containers, write_runner
from tests.runner.image import Image, code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kernel_containers.engine import Engine


@pytest.fixture(scope="session")
def runner_here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an image with this Python has below `/opt/kernel-containers`."""
    folder = tmp_path_factory.mktemp("runner-here")
    write_runner(inspect_local(sys.executable), folder)
    return folder


@pytest.fixture
def make_image(tmp_path: Path, runner_here: Path) -> Callable[..., Image]:
    """Return a function that makes an image of cells; a string is a code cell."""

    def make(*cells: str | dict[str, Any], **fields: Any) -> Image:
        made = [code(cell) if isinstance(cell, str) else cell for cell in cells]
        return Image(root=tmp_path, runner=runner_here, cells=made, **fields)

    return make


@pytest.fixture(scope="session")
def runner_home(
    engine: Engine, kernel_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder that is `/opt/kernel-containers` in containers of the kernel image."""
    folder = tmp_path_factory.mktemp("runner-home")
    write_runner(inspect_image(engine, kernel_image, PYTHON), folder)
    folder.chmod(0o755)
    return folder


@pytest.fixture
def in_containers(engine: Engine, kernel_image: str, runner_home: Path) -> Iterator[Containers]:
    """What starts the runner in real containers."""
    made = Containers(engine=engine, image=kernel_image, runner=runner_home)
    yield made
    made.clean()
