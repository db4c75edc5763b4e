"""Kernels that do not start: what is told, and that nothing is left."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import socket
import tarfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.manager import AsyncKernelManager, KernelManager

from kernel_containers.core import labels
from kernel_containers.engine import containers
from kernel_containers.errors import CannotWrite, InvalidInput, NotFound, Unavailable
from kernel_containers.kernels import failures
from kernel_containers.kernels.config import KernelConfig
from kernel_containers.kernels.death import Death
from kernel_containers.kernels.failures import KernelNotStarted
from tests.kernels.support import engine_refuses, until
from tests.support.engine_proxy import HeldEngine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kernel_containers.engine import Engine


@pytest.fixture
def refused(
    install: Callable[..., str], workspace: Path, engine: Engine, jupyter_folders: Path
) -> Callable[..., str]:
    """Start a kernel that does not start, and return the message; nothing may be left."""

    def start(**config: Any) -> str:
        manager = KernelManager(kernel_name=install("refused", **config))
        with pytest.raises(KernelNotStarted) as caught:
            manager.start_kernel(cwd=str(workspace))
        manager.context.destroy(linger=0)
        assert containers.find(engine, {labels.KERNEL_ID: manager.kernel_id}) == []
        assert not list(jupyter_folders.glob("runtime/kernel-*-*/"))
        message = str(caught.value)
        del caught
        gc.collect()
        return message

    return start


def test_an_image_that_is_not_there(refused: Callable[..., str]) -> None:
    message = refused(image="no/such:image")

    assert "image no/such:image is not on the Docker Engine" in message
    assert "kernel-containers kernel pull refused" in message
    assert "docker pull no/such:image" in message


def test_an_image_without_ipykernel(refused: Callable[..., str], base_image: str) -> None:
    message = refused(image=base_image)

    assert f"the image {base_image} has no ipykernel" in message
    assert "pip install ipykernel" in message


def test_an_image_without_python(refused: Callable[..., str], engine: Engine) -> None:
    name = "kernel-containers-test/empty:latest"
    # An image with one empty layer.
    engine.api.import_image_from_data(b"\0" * 10240, repository=name.partition(":")[0])
    try:
        message = refused(image=name)
    finally:
        engine.api.remove_image(name)

    assert "executable file not found" in message or "no such file" in message
    assert "Try: use an image with Python" in message


def test_an_image_for_another_processor(refused: Callable[..., str], engine: Engine) -> None:
    name = "kernel-containers-test/foreign:latest"
    program = b"\x7fELF\2\1\1".ljust(18, b"\0") + b"\xff\xff"  # the processor's number
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo("usr/bin/python3")
        member.size, member.mode = 64, 0o755
        tar.addfile(member, io.BytesIO(program.ljust(64, b"\0")))
    engine.api.import_image_from_data(archive.getvalue(), repository=name.partition(":")[0])
    try:
        message = refused(image=name)
    finally:
        engine.api.remove_image(name)

    assert "exec format error" in message
    assert "docker pull --platform" in message


def test_a_folder_that_does_not_exist(refused: Callable[..., str]) -> None:
    message = refused(mounts=[{"source": "/no/such/folder", "target": "/data"}])

    assert "/no/such/folder does not exist, so it can't be mounted at /data" in message


def test_an_environment_that_does_not_exist(refused: Callable[..., str]) -> None:
    message = refused(prefix="/no/such/venv")

    assert "/no/such/venv does not exist any more" in message
    assert "kernel-containers kernel add" in message


@engine_refuses
def test_an_engine_that_does_not_answer(refused: Callable[..., str]) -> None:
    message = refused(docker_host="unix:///no/such/docker.sock")

    assert "No Docker Engine answers at unix:///no/such/docker.sock" in message


def test_a_network_that_does_not_exist(refused: Callable[..., str]) -> None:
    message = refused(network="no-such-network")

    assert "no-such-network not found" in message
    assert "docker network ls" in message


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"tmpfs": {"/scratch": "size=lots"}}, "correct `tmpfs`"),
        ({"workdir": "/etc/passwd"}, "correct `workdir`"),
        ({"network": "container:no-such"}, "correct `network`"),
        ({"mounts": [{"source": "/tmp", "target": "/etc/passwd"}]}, "another `target`"),
        ({"tmpfs": {"/usr": ""}}, "Nothing can be mounted at /usr"),
        ({"mounts": [{"source": "/tmp", "target": "/proc/x"}]}, "at /proc/x in"),
        ({"pids": 1}, "raise `pids`"),
        ({"pids": 5}, "raise `pids`"),
        ({"docker_host": "tcp://127.0.0.1:1"}, "from docker_host in the kernel's kernel.json"),
    ],
)
def test_what_the_engine_does_not_take_is_told_with_what_to_do(
    refused: Callable[..., str], config: dict[str, Any], words: str
) -> None:
    assert words in refused(**config)


def test_gpus_that_the_engine_does_not_have(refused: Callable[..., str]) -> None:
    message = refused(gpus="all")

    assert "could not select device driver" in message
    assert "NVIDIA Container Toolkit" in message


def test_too_little_memory_to_start(refused: Callable[..., str]) -> None:
    message = refused(memory="24m")

    assert "more memory than its container may have (24m)" in message


def test_a_configuration_that_makes_no_sense(
    refused: Callable[..., str], install: Callable[..., str], jupyter_folders: Path
) -> None:
    install("typo")
    path = jupyter_folders / "data/kernels/typo/kernel.json"
    path.write_text(path.read_text().replace('"config": {', '"config": {"memori": "4g",'))
    manager = KernelManager(kernel_name="typo")

    with pytest.raises(KernelNotStarted, match="did you mean 'memory'"):
        manager.start_kernel()

    manager.context.destroy(linger=0)


@pytest.mark.parametrize(
    ("argv", "environment", "words"),
    [
        ([], {}, "`argv`"),
        (["python", 1, "{connection_file}"], {}, "`argv`"),
        (["", "{connection_file}"], {}, "`argv`"),
        (["python", "a\0", "{connection_file}"], {}, "`argv`"),
        (["python", "-m", "ipykernel_launcher"], {}, "{connection_file}"),
        (["python", "{connection_file}"], {"A": 1}, "'A': 1"),
        (["python", "{connection_file}"], {"A=B": "1"}, "without `=`"),
        (["python", "{connection_file}"], {"A": "1\0"}, "`env`"),
    ],
)
def test_a_command_that_starts_nothing(
    install: Callable[..., str],
    jupyter_folders: Path,
    argv: list[Any],
    environment: dict[str, Any],
    words: str,
) -> None:
    path = jupyter_folders / f"data/kernels/{install('edited')}/kernel.json"
    spec = json.loads(path.read_text())
    path.write_text(json.dumps({**spec, "argv": argv, "env": environment}))
    manager = KernelManager(kernel_name="edited")

    with pytest.raises(KernelNotStarted) as refused:
        manager.start_kernel()

    manager.context.destroy(linger=0)
    assert words in str(refused.value)


@contextmanager
def _argv(install: Callable[..., str], folders: Path, *argv: str) -> Iterator[KernelManager]:
    install("other", start_timeout=3)
    path = folders / "data/kernels/other/kernel.json"
    words = ", ".join(f'"{word}"' for word in (*argv, "{connection_file}"))
    text = path.read_text()
    start, end = text.index('"argv": ['), text.index("],")
    path.write_text(f'{text[:start]}"argv": [{words}{text[end:]}')
    manager = KernelManager(kernel_name="other")
    yield manager
    manager.context.destroy(linger=0)


def test_a_kernel_that_never_answers(
    install: Callable[..., str], jupyter_folders: Path, workspace: Path
) -> None:
    program = "import os, time; os.write(2, b'thinking'); time.sleep(60)"
    with (
        _argv(install, jupyter_folders, "python3", "-c", program) as manager,
        pytest.raises(KernelNotStarted) as caught,
    ):
        manager.start_kernel(cwd=str(workspace))

    assert "did not answer within 3 seconds" in str(caught.value)
    assert "thinking" in str(caught.value)


def test_a_kernel_that_fails_tells_its_last_words(
    install: Callable[..., str], jupyter_folders: Path, workspace: Path
) -> None:
    with (
        _argv(
            install, jupyter_folders, "python3", "-c", "raise SystemExit('no licence')"
        ) as manager,
        pytest.raises(KernelNotStarted) as caught,
    ):
        manager.start_kernel(cwd=str(workspace))

    assert "ended by itself with exit code 1" in str(caught.value)
    assert "no licence" in str(caught.value)


def test_a_program_that_is_not_in_the_image(
    install: Callable[..., str], jupyter_folders: Path, workspace: Path
) -> None:
    with (
        _argv(install, jupyter_folders, "no-such-kernel") as manager,
        pytest.raises(KernelNotStarted) as caught,
    ):
        manager.start_kernel(cwd=str(workspace))

    assert "no-such-kernel" in str(caught.value)
    assert "correct `argv`" in str(caught.value)


@pytest.mark.parametrize(
    "step", ["/images/", "/containers/create", "/attach", "/start ", "/archive", "kernel answers"]
)
def test_a_start_that_is_cancelled_at_any_step_leaves_nothing(
    install: Callable[..., str],
    workspace: Path,
    engine: Engine,
    jupyter_folders: Path,
    step: str,
) -> None:
    held = HeldEngine(jupyter_folders / "docker.sock", step.encode())
    # The last step is a program's that never answers, and says when it is there.
    up = workspace / "started"
    up.unlink(missing_ok=True)
    name = install("held", docker_host=f"unix://{held.path}", start_timeout=30)
    path = jupyter_folders / "data/kernels/held/kernel.json"
    if step == "kernel answers":
        argv = ["sh", "-c", f"touch '{up}'; sleep 60", "{connection_file}"]
        path.write_text(json.dumps({**json.loads(path.read_text()), "argv": argv}))

    async def start() -> str:
        manager = AsyncKernelManager(kernel_name=name)
        task = asyncio.ensure_future(manager.start_kernel(cwd=str(workspace)))
        await asyncio.to_thread(until, lambda: held.held.is_set() or up.exists())
        task.cancel()
        held.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        manager.context.destroy(linger=0)
        return manager.kernel_id

    with held:
        kernel_id = asyncio.run(start())

    until(lambda: not containers.find(engine, {labels.KERNEL_ID: kernel_id}))
    assert not list(jupyter_folders.glob("runtime/kernel-*-*/"))


@engine_refuses
def test_an_engine_that_has_stopped(refused: Callable[..., str], tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.close()  # nobody listens

    message = refused(docker_host=f"unix://{path}")

    assert "No Docker Engine answers" in message
    assert "refused" in message


CONFIG = KernelConfig.parse({"image": "env:1", "memory": "1g"})


@pytest.mark.parametrize(
    ("death", "sentence"),
    [
        (Death(cause="exit", code=3), "ended by itself with exit code 3."),
        (Death(cause="exit", code=-11), "ended by the signal SIGSEGV."),
        (Death(cause="out-of-memory", code=-9), "may have (1g). Raise `memory`"),
        (
            Death(cause="container", code=137),
            "stopped from outside, or its engine was (exit code 137).",
        ),
        (
            Death(cause="engine", code=137, detail="gone"),
            "Docker Engine stopped, and the kernel with it (gone).",
        ),
        (Death(cause="not-started", code=127, detail="no R"), "was not started: no R."),
    ],
)
def test_each_end_has_a_sentence(death: Death, sentence: str) -> None:
    assert sentence in failures.reason(death, CONFIG)


def test_137_alone_is_not_a_lack_of_memory() -> None:
    assert "memory" not in failures.reason(Death(cause="exit", code=-9), CONFIG)


def test_the_class_of_a_failed_start_says_who_is_to_blame() -> None:
    module = Death(cause="exit", code=1, tail="python3: No module named ipykernel_launcher\n")
    program = Death(cause="not-started", code=127, detail="no such file: R")
    other = Death(cause="exit", code=1, tail="boom")
    full = Death(cause="not-started", code=127, detail="[Errno 28] No space left on device")
    deaths = (module, program, other, full)

    errors = [failures.start_failed(death, CONFIG, "k") for death in deaths]

    assert [type(error) for error in errors] == [InvalidInput, NotFound, Unavailable, CannotWrite]
    assert "boom" in str(errors[2])


def test_a_message_reaches_jupyters_dialog_as_it_is() -> None:
    error = KernelNotStarted(NotFound("It is 100% gone.", todo="look at %s"))

    assert error.log_message == "It is 100% gone.\nTry: look at %s"
    assert str(error) == error.log_message
    assert error.status_code == 500


def test_warnings_of_the_debugger_are_not_last_words() -> None:
    assert failures.last_lines("0.00s - Debugger warning: frozen modules\nreal\n") == "real"


def test_only_the_last_lines_are_told() -> None:
    tail = "".join(f"line {number}\n\n" for number in range(100))

    assert failures.last_lines(tail, 2) == "line 98\nline 99"
