"""What tests of all packages share: real servers, images and the engine, started once per run."""

from __future__ import annotations

import uuid
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import hypothesis
import pytest

from tests.support.images import ensure_base_image, ensure_kernel_image
from tests.support.registry import RegistryServer, start_registry
from tests.support.s3 import S3Server, start_s3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kernel_containers.engine import Engine

LABEL = "io.kernel-containers"
TESTS = Path(__file__).parent
BROWSER = TESTS / "browser"
LONGEST = ("scripts", "acceptance")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add this suite's options."""
    parser.addoption("--full", action="store_true", help="run the tests marked `full` too")
    parser.addoption(
        "--own-engine",
        action="store_true",
        help="nobody else uses the engine meanwhile: a container left behind fails the run",
    )
    parser.addoption(
        "--browser",
        choices=("only", "none"),
        help="run nothing but the tests in a browser, or none",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Draw the same few examples in each run; `--full` looks for many new ones."""
    full = config.getoption("--full")
    hypothesis.settings.register_profile(
        "here",
        derandomize=not full,
        max_examples=300 if full else 30,
        deadline=None,  # a busy machine is slow, and that is no failure
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
    hypothesis.settings.load_profile("here")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import only what runs: all files together take longer than many a test."""
    wanted = config.getoption("--browser")
    if not wanted or collection_path.parent != TESTS:
        return None
    return None if _is_wanted(collection_path, wanted) else True


def _is_wanted(path: Path, wanted: str) -> bool:
    return path.is_relative_to(BROWSER) == (wanted == "only")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out slow tests, unless asked for or named, and those in a browser or all others."""
    # Files named on the command line are read in any case.
    if wanted := config.getoption("--browser"):
        _keep(config, items, lambda item: _is_wanted(item.path, wanted))
    # The longest files first: the worker that took one of them last would end alone. By folders,
    # so that a worker's next file mostly shares a server with the one before.
    items.sort(key=lambda item: (item.path.parent.name not in LONGEST, item.path.parent.name))
    if config.getoption("--full") or config.option.markexpr:
        return
    _keep(config, items, lambda item: item.get_closest_marker("full") is None)


def _keep(
    config: pytest.Config, items: list[pytest.Item], wanted: Callable[[pytest.Item], bool]
) -> None:
    left_out = [item for item in items if not wanted(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if wanted(item)]


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Iterator[None]:
    """Fail a run that leaves a container behind; in its workers, others' containers come and go."""
    config = session.config
    if not config.getoption("--own-engine") or hasattr(config, "workerinput"):
        return (yield)
    before = _containers()
    done = yield
    if left := _containers() - before:
        session.shouldfail = f"containers were left behind: {', '.join(sorted(left))}"
        raise session.Failed(session.shouldfail)
    return done


def _containers() -> set[str]:
    """Return the names of the containers that carry our label; none where no engine answers."""
    try:
        engine = docker.from_env(timeout=10)
    except docker.errors.DockerException:
        return set()
    with closing(engine):
        found = engine.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True)
        return {container.name for container in found}


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """A registry that asks nobody who they are. Tests use repository names of their own."""
    server = start_registry(tmp_path_factory.mktemp("registry"), "none")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def secure_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """A registry with a certificate that signs itself, a user and a password."""
    server = start_registry(tmp_path_factory.mktemp("secure-registry"), "tls-htpasswd")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server that checks signatures. Tests make buckets of their own, see `bucket`."""
    server = start_s3(tmp_path_factory.mktemp("s3"))
    yield server
    server.stop()


@pytest.fixture
def bucket(s3: S3Server) -> str:
    """The name of a new, empty bucket."""
    name = f"tests-{uuid.uuid4().hex[:12]}"
    with closing(s3.client()) as client:
        client.create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The machine's engine."""
    from kernel_containers.engine import connect  # noqa: PLC0415  # tests of core need no engine

    connected = connect()
    yield connected
    connected.close()


@pytest.fixture(scope="session")
def shared_cache(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that tests of all workers share, so that the base and the runner are made once."""
    of_worker = tmp_path_factory.getbasetemp()
    folder = of_worker.parent if hasattr(request.config, "workerinput") else of_worker
    cache = folder / "product-cache"
    cache.mkdir(exist_ok=True)
    return cache


@pytest.fixture(scope="session")
def base_image() -> str:
    """The name of an image with Debian 12 and Python 3.11, and no packages from PyPI."""
    return ensure_base_image()


@pytest.fixture(scope="session")
def kernel_image() -> str:
    """The name of an image with ipykernel, ipywidgets, pandas and matplotlib in `/opt/venv`."""
    return ensure_kernel_image()


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """A folder that any user may enter."""
    # pytest's folders are for their owner only.
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == tmp_path.owner():
            folder.chmod(folder.stat().st_mode | 0o055)
    return tmp_path


@pytest.fixture
def tmp_cache(tmp_path: Path) -> Path:
    """An empty folder for what the product caches."""
    folder = tmp_path / "cache"
    folder.mkdir()
    return folder
