"""A Jupyter server with the extension, a containerized kernel, and the store's credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.server.api import BASE_URL, Api
from tests.support.jupyter import start_jupyter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.support.s3 import S3Server

OPTIONS = (
    f"--ServerApp.base_url={BASE_URL}",
    "--ServerApp.allow_unauthenticated_access=False",
    "--KernelContainersApp.at_once=2",
)


def start(folder: Path, environment: Mapping[str, str], *options: str) -> Api:
    """Start a server with the extension; one on the same folder takes over what it left."""
    everything = (*OPTIONS, *options)
    return Api(start_jupyter(folder, environment, program="server", options=everything))


@pytest.fixture(scope="session")
def server_environment(
    shared_cache: Path, s3: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """What servers of these tests find in their environment."""
    return {
        **s3.environment(),
        "KERNEL_CONTAINERS_CACHE": str(shared_cache),
        "DOCKER_CONFIG": str(tmp_path_factory.mktemp("docker")),
    }


@pytest.fixture(scope="package")
def api(
    tmp_path_factory: pytest.TempPathFactory, server_environment: dict[str, str], kernel_image: str
) -> Iterator[Api]:
    """A server that these tests share, with the kernel `team` of the image with pandas."""
    made = start(tmp_path_factory.mktemp("jupyter"), server_environment)
    job = made.finish(made.start("add-kernel", name="team", image=kernel_image))
    assert job["state"] == "succeeded", job
    yield made
    made.server.stop()


@pytest.fixture
def start_server(
    tmp_path: Path, server_environment: dict[str, str]
) -> Iterator[Callable[..., Api]]:
    """Start servers of this test's own, all with the same folders."""
    started: list[Api] = []

    def begin(*options: str, **environment: str) -> Api:
        made = start(tmp_path / "jupyter", {**server_environment, **environment}, *options)
        started.append(made)
        return made

    yield begin
    for made in started:
        made.server.stop()
