"""What goes wrong with the engine itself: each test of this file has one that it may harm."""

from __future__ import annotations

import gc
import signal
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import pytest
from jupyter_client.manager import KernelManager

from kernel_containers.cli.main import run
from kernel_containers.kernels.failures import KernelNotStarted
from tests.kernels.support import engine_refuses, running, until
from tests.support.private_engine import IMPOSSIBLE, PrivateEngine, private_engine
from tests.support.process import start_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.registry import RegistryServer

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(IMPOSSIBLE, reason="needs root and dockerd"),
    engine_refuses,
]
SIZE = 500 * 1024**2  # bytes; the base image has 155 MB
TRANSPORTS = ("ipc", "stdio")


@pytest.fixture(scope="module")
def own(base_image: str) -> Iterator[PrivateEngine]:
    """An engine with the base image."""
    folder = Path(tempfile.mkdtemp(prefix="kc-engine-"))
    with private_engine(folder, SIZE) as made:
        made.load(base_image)
        yield made


@pytest.fixture
def add(install: Callable[..., str], own: PrivateEngine, base_image: str) -> Callable[..., str]:
    """Install a kernelspec of this process's environment on that engine."""
    there = {"image": base_image, "docker_host": own.address, "network": "none"}
    python = {"prefix": sys.prefix, "prefix_mounts": [sys.base_prefix]}

    def write(name: str, **config: Any) -> str:
        return install(name, **{**there, **python, **config})

    return write


@pytest.fixture(autouse=True)
def _nothing_is_left(own: PrivateEngine, jupyter_folders: Path) -> Iterator[None]:
    yield
    gc.collect()
    with closing(docker.DockerClient(own.address)) as client:
        until(lambda: not client.containers.list(all=True))
    assert not list(jupyter_folders.glob("runtime/kernel-*-*/"))


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (signal.SIGTERM, "its engine was (exit code 143)"),
        (signal.SIGKILL, "The Docker Engine stopped, and the kernel with it"),
    ],
)
def test_a_kernel_whose_engine_was_restarted_says_so_and_starts_anew(  # noqa: PLR0917
    own: PrivateEngine,
    add: Callable[..., str],
    workspace: Path,
    number: signal.Signals,
    reason: str,
    transport: str,
) -> None:
    with running(add("restarted", transport=transport), workspace) as started:
        own.signal(number)
        own.start()
        until(lambda: not started.manager.is_alive())

        told = started.provisioner.reason() or ""
        started.restart(now=True)

        assert reason in told
        assert started.text("print('anew')") == "anew"


def test_an_engine_that_hangs_is_waited_for_only_so_long(
    own: PrivateEngine, add: Callable[..., str], workspace: Path
) -> None:
    with running(add("hangs", transport="ipc"), workspace) as started:
        started.execute("value = 42")
        own.signal(signal.SIGSTOP)
        try:
            second = KernelManager(kernel_name="hangs")
            with pytest.raises(KernelNotStarted, match=r"(?s)No Docker Engine answers.*timed out"):
                second.start_kernel(cwd=str(workspace))
            second.context.destroy(linger=0)
            value = started.text("print(value)")
        finally:
            own.signal(signal.SIGCONT)

        assert value == "42"
        assert started.text("print(value + 1)") == "43"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_restart_while_the_engine_hangs_is_refused_soon(
    own: PrivateEngine, add: Callable[..., str], workspace: Path, transport: str
) -> None:
    with running(add("refused", transport=transport), workspace) as started:
        started.execute("value = 42")
        own.signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            with pytest.raises(KernelNotStarted, match="the Docker Engine hangs"):
                started.manager.restart_kernel()
            seconds = time.monotonic() - began
        finally:
            own.signal(signal.SIGCONT)

        started.restart()

        assert started.text("print('value' in globals())") == "False"
        assert seconds < 30  # 13 and what a busy machine adds; an engine's requests have 60


# What is missing when the container is created, when it is started, and after that.
@pytest.mark.parametrize("free", [0, 16 * 1024, 40 * 1024])
def test_a_kernel_does_not_start_on_a_full_disk_of_the_engine(
    own: PrivateEngine, add: Callable[..., str], workspace: Path, free: int
) -> None:
    manager = KernelManager(kernel_name=add("full"))

    with (
        own.full(free),
        pytest.raises(KernelNotStarted, match=r"(?s)no space left on device.*docker system df"),
    ):
        manager.start_kernel(cwd=str(workspace))

    manager.context.destroy(linger=0)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_kernel_goes_on_and_is_restarted_on_a_full_disk_of_the_engine(
    own: PrivateEngine, add: Callable[..., str], workspace: Path, transport: str
) -> None:
    with running(add("filled", transport=transport), workspace) as started, own.full(0):
        wrote = started.execute("open('/var/tmp/x', 'wb').write(bytes(1_000_000))")
        started.restart(now=True)
        alive = started.text("print('alive')")

    assert wrote.error == "OSError"
    assert alive == "alive"


def test_an_image_that_finds_no_room_in_the_engine_is_told(  # noqa: PLR0917
    own: PrivateEngine,
    add: Callable[..., str],
    registry: RegistryServer,
    tmp_path: Path,
    base_image: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pushed = f"{registry.host}/private/base:1"
    with closing(docker.from_env(timeout=120)) as client:
        client.images.get(base_image).tag(pushed)
        client.images.push(pushed)
        client.images.remove(pushed)
    serve = [*own.entrance, "docker-registry", "serve", str(registry.folder / "config.json")]
    server, found = start_server(serve, tmp_path / "log", r"listening on (127\.0\.0\.1:\d+)")
    try:
        add("pulled", image=f"{found[1]}/private/base:1")
        with closing(docker.DockerClient(own.address)) as client:
            client.images.remove(base_image)  # else nothing would be pulled
            with own.full(20 * 1024**2):
                code = run(["kernel", "pull", "pulled"])
            images = client.images.list()
    finally:
        server.stop()
        own.load(base_image)

    said = capsys.readouterr().err
    assert code == 69
    assert "no space left on device" in said
    assert images == []
