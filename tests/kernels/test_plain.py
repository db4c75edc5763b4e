"""Kernels of images that have no Python for a supervisor."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.manager import KernelManager

from kernel_containers.engine import containers
from kernel_containers.kernels import kernelspecs
from kernel_containers.kernels.config import KernelConfig
from kernel_containers.kernels.connection import remove_stale_folders
from kernel_containers.kernels.container import RETURN
from kernel_containers.kernels.failures import KernelNotStarted
from tests.kernels.support import (
    HOLD_A_KERNEL,
    EngineDoor,
    Running,
    engine_refuses,
    kernel_containers,
    running,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kernel_containers.engine import Engine

# ipykernel under another name stands for a program that is no Python.
ARGV = ("interpreter", "-m", "ipykernel_launcher", "-f", "{connection_file}")
HIDE = "cd /opt/venv/bin && ln -s /usr/bin/python3.?? interpreter && rm -f python* /usr/bin/python3"


@pytest.fixture(scope="module")
def image(engine: Engine, kernel_image: str) -> Iterator[str]:
    """An image in which nothing is named like Python."""
    name = f"kernel-containers-test/plain:{uuid.uuid4().hex[:8]}"
    made = engine.api.create_container(kernel_image, ["sh", "-c", HIDE])
    engine.api.start(made)
    assert engine.api.wait(made)["StatusCode"] == 0
    engine.api.commit(made, *name.split(":"))
    engine.api.remove_container(made)
    yield name
    engine.api.remove_image(name)


@pytest.fixture(scope="module")
def add(image: str, jupyter_folders: Path) -> Callable[..., str]:
    """Install a kernelspec of this image."""

    def write(name: str, argv: tuple[str, ...] = ARGV, **config: Any) -> str:
        parsed = KernelConfig.parse({"image": image, "env_passthrough": ["GIVEN"], **config})
        return kernelspecs.install(name, parsed, argv=argv, language="other").name

    return write


@pytest.fixture(scope="module")
def kernel(add: Callable[..., str], workspace: Path) -> Iterator[Running]:
    """A kernel that tests share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIVEN", "it's $HOME")
        with running(add("plain"), workspace) as started:
            yield started


def test_it_works_in_its_folder_with_its_variables(
    kernel: Running, workspace: Path, engine: Engine
) -> None:
    text = kernel.text("import os; print(os.getcwd(), os.environ['GIVEN'], os.getpid() != 1)")
    description = containers.inspect(engine, kernel.container)
    ports = description["HostConfig"]["PortBindings"]

    assert text == f"{workspace} it's $HOME True"
    assert "GIVEN" not in str(description["Config"]["Env"])
    assert {one["HostIp"] for bound in ports.values() for one in bound} == {"127.0.0.1"}


def test_an_interrupt_reaches_it_and_its_children(kernel: Running, workspace: Path) -> None:
    path = workspace / "up"
    code = f"import subprocess\nsubprocess.run(['sh', '-c', 'touch {path}; sleep 60'])"

    error, seconds = kernel.interrupt_when(path.exists, code)

    assert error == "KeyboardInterrupt"
    assert seconds < 20


@pytest.mark.full
def test_a_restart_is_a_new_container_at_the_same_address(kernel: Running) -> None:
    before = (kernel.container, kernel.manager.get_connection_info())

    kernel.restart()

    assert kernel.text("print('back')") == "back"
    assert kernel.container != before[0]
    assert kernel.manager.get_connection_info() == before[1]


def test_its_end_has_a_reason_and_leaves_nothing(
    add: Callable[..., str], workspace: Path, engine: Engine
) -> None:
    with running(add("plain"), workspace) as started:
        started.client.execute("import os; os._exit(3)")
        until(lambda: not started.manager.is_alive())

        assert started.provisioner.reason() == "The kernel ended by itself with exit code 3."
        until(lambda: not kernel_containers(engine, started.manager.kernel_id))


@pytest.mark.full
def test_it_ends_with_the_process_that_started_it(
    add: Callable[..., str], workspace: Path, engine: Engine
) -> None:
    command = [sys.executable, "-c", HOLD_A_KERNEL, add("plain"), str(workspace)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        kernel_id = process.stdout.readline().strip()
        assert kernel_containers(engine, kernel_id)
        process.kill()
        process.wait()

    until(lambda: not kernel_containers(engine, kernel_id))
    remove_stale_folders()


def test_it_ends_when_everybody_has_forgotten_it(
    add: Callable[..., str], workspace: Path, engine: Engine
) -> None:
    manager = KernelManager(kernel_name=add("plain"))
    manager.start_kernel(cwd=str(workspace))
    kernel_id = manager.kernel_id

    manager.context.destroy(linger=0)
    del manager
    gc.collect()

    until(lambda: not kernel_containers(engine, kernel_id))


@engine_refuses
@pytest.mark.full
def test_it_goes_on_when_the_connection_to_the_engine_is_lost_for_a_moment(
    add: Callable[..., str], workspace: Path, jupyter_folders: Path, engine: Engine
) -> None:
    door = EngineDoor(jupyter_folders / "docker.sock")
    door.open()
    with running(add("lost", docker_host=f"unix://{door.path}"), workspace) as started:
        started.execute("value = 42")
        held = started.provisioner._held.container
        assert held is not None
        until(lambda: held.is_connected)

        for _ in range(2):
            door.shut()
            until(lambda: not held.is_connected)
            door.open()
            until(lambda: held.is_connected)
            time.sleep(RETURN + 2)  # who held the lease before has given it up
            assert started.text("print(value)") == "42"
        started.execute("import os; os.write(1, b'last words')")
        until(lambda: "last words" in held.tail)

        door.shut()  # for good

        until(lambda: not kernel_containers(engine, started.manager.kernel_id))
        until(lambda: not started.manager.is_alive())
        assert "The Docker Engine stopped" in str(started.provisioner.reason())
    gc.collect()


def test_what_is_missing_is_told(add: Callable[..., str], workspace: Path, engine: Engine) -> None:
    missing = ("no-such-program", "{connection_file}")
    for name, message in (
        (add("missing", argv=missing), "no-such-program"),
        (add("alone", network="none"), "needs a network"),
    ):
        manager = KernelManager(kernel_name=name)
        with pytest.raises(KernelNotStarted) as refused:
            manager.start_kernel(cwd=str(workspace))
        manager.context.destroy(linger=0)
        assert message in str(refused.value)
        assert kernel_containers(engine, manager.kernel_id) == []
