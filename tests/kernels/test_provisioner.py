"""Kernels in containers, with jupyter_client and nothing else."""

from __future__ import annotations

import gc
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbclient
import nbformat
import pytest
from jupyter_client.manager import KernelManager
from jupyter_client.multikernelmanager import MultiKernelManager

from kernel_containers.core import labels
from kernel_containers.engine import containers
from kernel_containers.kernels.connection import remove_stale_folders
from tests.kernels.support import (
    HOLD_A_KERNEL,
    EngineDoor,
    Running,
    engine_refuses,
    kernel_containers,
    running,
    tiny_wheel,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kernel_containers.engine import Engine


@pytest.fixture(scope="module")
def kernel(install: Callable[..., str], workspace: Path) -> Iterator[Running]:
    """A kernel that tests share; each leaves it alive and idle."""
    with running(install("shared", environment={"GIVEN": "here"}), workspace) as started:
        yield started


def test_the_kernel_runs_in_its_container(kernel: Running, engine: Engine) -> None:
    inside = kernel.text("import socket; print(socket.gethostname())")

    description = containers.inspect(engine, kernel.container)
    assert inside == description["Config"]["Hostname"]
    assert kernel.manager.kernel_id in description["Name"]
    assert description["HostConfig"]["PortBindings"] in ({}, None)


def test_the_container_says_whose_it_is(kernel: Running, engine: Engine) -> None:
    (found,) = kernel_containers(engine, kernel.manager.kernel_id)

    assert found.labels[labels.KIND] == "kernel"
    assert f":{os.getpid()}:" in found.labels[labels.OWNER]


def test_the_kernel_is_not_process_1_and_leads_its_group(kernel: Running) -> None:
    text = kernel.text("import os; print(os.getpid() == 1, os.getpgrp() == os.getpid())")

    assert text == "False True"


def test_the_folder_has_the_same_path_and_files_belong_to_the_user(
    kernel: Running, workspace: Path
) -> None:
    kernel.text("import pathlib; pathlib.Path('made.txt').write_text('inside')")

    made = workspace / "made.txt"
    assert kernel.text("import os; print(os.getcwd())") == str(workspace)
    assert made.read_text() == "inside"
    assert (made.stat().st_uid, made.stat().st_gid) == (os.getuid(), os.getgid())
    assert kernel.provisioner.resolve_path("made.txt") == str(made)


def test_only_listed_variables_pass(
    install: Callable[..., str],
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    engine: Engine,
) -> None:
    monkeypatch.setenv("PASSED", "yes")
    monkeypatch.setenv("SECRET", "no")
    monkeypatch.setenv("JPY_PARENT_PID", "1")
    name = install(
        "env", environment={"GIVEN": "at ${PASSED}"}, env_passthrough=["PASSED", "ABSENT"]
    )

    with running(name, workspace) as started:
        seen = json.loads(started.text("import os, json; print(json.dumps(dict(os.environ)))"))
        shown = containers.inspect(engine, started.container)

    assert (seen["GIVEN"], seen["PASSED"]) == ("at yes", "yes")
    assert not {"GIVEN", "PASSED"} & {text.partition("=")[0] for text in shown["Config"]["Env"]}
    assert not {"SECRET", "ABSENT", "JPY_PARENT_PID"} & set(seen)
    assert seen["PATH"].startswith("/opt/venv/bin:")


def test_a_signal_reaches_the_kernel(kernel: Running) -> None:
    kernel.text("import signal; signal.signal(signal.SIGUSR1, lambda *_: globals().update(got=1))")

    kernel.manager.signal_kernel(signal.SIGUSR1)
    until(lambda: kernel.text("print(globals().get('got'))") == "1")


def test_twenty_megabytes_arrive_whole(kernel: Running) -> None:
    result = kernel.execute("print('x' * 20_000_000)", timeout=60)

    assert (len(result.text), set(result.text)) == (20_000_001, {"x", "\n"})


@pytest.mark.full
def test_two_hundred_megabytes_arrive_whole_and_cost_no_memory(
    kernel: Running, engine: Engine
) -> None:
    pid = containers.inspect(engine, kernel.container)["State"]["Pid"]
    code = "for i in range(2000): print(chr(97 + i % 26) * 100_000)"

    result = kernel.execute(code, timeout=300)

    supervisor = Path(f"/proc/{pid}/status").read_text()
    peak = int(supervisor.split("VmHWM:")[1].split()[0])  # kB
    assert len(result.text) == 2000 * 100_001
    assert peak < 60_000


def test_a_restart_keeps_the_container_and_the_connection(kernel: Running) -> None:
    before = (kernel.container, kernel.manager.get_connection_info())
    kernel.text("import subprocess; other = subprocess.Popen(['setsid', 'sleep', '97'])")
    kernel.text("import pathlib; pathlib.Path('/var/tmp/kept').touch()")

    kernel.restart()

    assert (kernel.container, kernel.manager.get_connection_info()) == before
    assert kernel.text("print('other' in globals())") == "False"
    code = (
        "import pathlib\n"
        "lines = [p.read_text() for p in pathlib.Path('/proc').glob('[0-9]*/cmdline')]\n"
        "print(any('sleep' in line for line in lines), pathlib.Path('/var/tmp/kept').exists())"
    )
    assert kernel.text(code) == "False True"
    assert kernel.provisioner.reason() is None


def test_output_right_after_a_restart_arrives(kernel: Running) -> None:
    for attempt in range(3):
        kernel.manager.restart_kernel()
        message = kernel.client.execute(f"print('first {attempt}')")

        texts = []
        while not any("first" in text for text in texts):
            received = kernel.client.get_iopub_msg(timeout=10)
            if received["parent_header"].get("msg_id") == message:
                texts.append(received["content"].get("text", ""))
    kernel.client.wait_for_ready(timeout=30)


def test_a_fresh_restart_is_a_new_container(
    install: Callable[..., str], workspace: Path, engine: Engine
) -> None:
    with running(install("fresh", restart="fresh"), workspace) as started:
        before = (started.container, started.manager.get_connection_info())
        started.restart()
        after = (started.container, started.manager.get_connection_info())

        assert len(kernel_containers(engine, started.manager.kernel_id)) == 1
        assert started.text("print(1)") == "1"
    assert before[0] != after[0]
    assert before[1] == after[1]


def test_a_kernel_that_was_killed_with_its_container_can_be_restarted(
    install: Callable[..., str], workspace: Path, engine: Engine
) -> None:
    with running(install("plain"), workspace) as started:
        old = started.container
        containers.kill(engine, old)
        until(lambda: not started.manager.is_alive())

        assert "stopped from outside" in (started.provisioner.reason() or "")
        started.restart(now=True)

        assert started.text("print('back')") == "back"
        assert started.container != old
        assert "stopped from outside" in (started.provisioner.reason() or "")


def test_a_kernel_that_ends_itself_leaves_a_reason(
    install: Callable[..., str], workspace: Path
) -> None:
    with running(install("plain"), workspace) as started:
        started.client.execute("import os; os.write(2, b'last words'); os._exit(3)")
        until(lambda: not started.manager.is_alive())

        assert started.provisioner.reason() == "The kernel ended by itself with exit code 3."
        assert started.manager.reason == started.provisioner.reason()  # type: ignore[attr-defined]


def test_a_kernel_without_memory_says_so_and_how_much_it_had(
    install: Callable[..., str], workspace: Path
) -> None:
    with running(install("small", memory="256m"), workspace) as started:
        limit = started.container
        started.client.execute("data = b'x' * 400_000_000")
        until(lambda: not started.manager.is_alive())
        reason = started.provisioner.reason() or ""
        started.restart(now=True)

        assert "more memory than its container may have (256m)" in reason
        assert started.container == limit
        assert started.text("print('back')") == "back"


@pytest.mark.parametrize("now", [False, True])
def test_nothing_is_left_after_shutdown(
    install: Callable[..., str], workspace: Path, engine: Engine, now: bool, jupyter_folders: Path
) -> None:
    with running(install("plain"), workspace) as started:
        kernel_id = started.manager.kernel_id
        folder = Path(started.manager.ip).parent
        mode = stat.S_IMODE(folder.stat().st_mode)

        started.manager.shutdown_kernel(now=now)

        assert kernel_containers(engine, kernel_id) == []
        assert not folder.exists()
        assert mode == 0o700


def test_a_kernel_that_holds_on_is_killed(
    install: Callable[..., str], workspace: Path, engine: Engine
) -> None:
    with running(install("plain"), workspace) as started:
        up = workspace / "holding"
        started.client.execute(
            "import re, pathlib, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            f"pathlib.Path({str(up)!r}).touch()\n"
            "re.match('(a?){40}a{40}', 'a' * 40)"  # holds the interpreter for hours
        )
        until(up.exists)
        started.manager.shutdown_wait_time = 1.0
        began = time.monotonic()

        started.manager.shutdown_kernel()

        assert time.monotonic() - began < 8
        assert kernel_containers(engine, started.manager.kernel_id) == []


def test_a_process_that_is_killed_leaves_no_container(
    install: Callable[..., str], workspace: Path, engine: Engine, jupyter_folders: Path
) -> None:
    command = [sys.executable, "-c", HOLD_A_KERNEL, install("plain"), str(workspace)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        kernel_id = process.stdout.readline().strip()
        (found,) = kernel_containers(engine, kernel_id)
        assert found.state == "running"

        process.kill()
        process.wait()
        until(lambda: not kernel_containers(engine, kernel_id))

    assert [path.parent for path in remove_stale_folders()] == [jupyter_folders / "runtime"]


def test_a_kernel_that_everybody_has_forgotten_ends(
    install: Callable[..., str], workspace: Path, engine: Engine
) -> None:
    manager = KernelManager(kernel_name=install("plain"))
    manager.start_kernel(cwd=str(workspace))
    kernel_id, folder = manager.kernel_id, Path(manager.ip).parent

    manager.context.destroy(linger=0)
    del manager
    gc.collect()

    until(lambda: not kernel_containers(engine, kernel_id))
    assert not folder.exists()


@pytest.mark.full
@engine_refuses
def test_a_kernel_comes_back_with_its_engine(
    install: Callable[..., str], workspace: Path, engine: Engine, jupyter_folders: Path
) -> None:
    door = EngineDoor(jupyter_folders / "docker.sock")
    door.open()
    with running(install("door", docker_host=f"unix://{door.path}"), workspace) as started:
        kernel_id = started.manager.kernel_id
        door.shut()
        until(lambda: not started.manager.is_alive())
        reason = started.provisioner.reason() or ""
        until(lambda: not kernel_containers(engine, kernel_id))

        again = threading.Timer(1, door.open)
        again.start()
        started.restart(now=True)

        assert "Docker Engine stopped" in reason
        assert started.text("print('back')") == "back"
    door.shut()
    gc.collect()


def test_another_user_has_a_home_and_a_place_for_packages(
    install: Callable[..., str], workspace: Path
) -> None:
    wheel = tiny_wheel(workspace)

    with running(install("user", user="1234:100"), workspace) as started:
        identity = started.text("import os; print(os.getuid(), os.getgid(), os.environ['HOME'])")
        started.text("import pathlib; (pathlib.Path.home() / 'x').touch()")
        installed = started.execute(f"%pip install --no-index {wheel.name}", timeout=120)
        started.restart()
        value = started.execute("import kctiny; print(kctiny.value, kctiny.__file__)")

    assert identity == "1234 100 /var/lib/kernel-containers/home"
    assert value.text.split() == [
        "42",
        "/var/lib/kernel-containers/packages/kctiny.py",
    ], installed


def test_a_hardened_container_works(
    install: Callable[..., str], workspace: Path, tmp_path: Path
) -> None:
    (tmp_path / "table.csv").touch()
    name = install(
        "hard",
        mounts=[{"source": str(tmp_path), "target": "/data", "read_only": True}],
        user="1234:100",
        read_only=True,
        network="none",
        memory="512m",
        cpus=1,
        pids=200,
        shm_size="16m",
        tmpfs={"/scratch": "mode=1777"},
    )

    with running(name, workspace) as started:
        status = started.text("print(open('/proc/self/status').read())")
        places = started.text(
            "import os\n"
            "print([os.access(p, os.W_OK) for p in ('/', '/tmp', '/scratch', '/root', "
            "os.environ['HOME'], os.environ['PIP_TARGET'])])"
        )
        usage = _usage(started)
        resolved = [started.provisioner.resolve_path(f"/data/{n}") for n in ("table.csv", "no")]

    assert "NoNewPrivs:\t1" in status
    assert "CapBnd:\t0000000000000000" in status
    assert places == "[False, True, True, False, True, True]"
    assert usage["cpu_count"] == 1
    assert usage["host_virtual_memory"]["total"] == 512 * 1024**2
    assert 0 < usage["host_virtual_memory"]["used"] < 512 * 1024**2
    assert resolved == [str(tmp_path / "table.csv"), None]


def _usage(kernel: Running) -> dict[str, Any]:
    """What JupyterLab shows of a kernel."""
    client = kernel.client
    message = client.session.msg("usage_request", {})
    client.control_channel.send(message)
    content: dict[str, Any] = client.get_control_msg(timeout=20)["content"]
    return content


def test_an_idle_kernel_asks_nothing_of_the_engine(
    install: Callable[..., str], workspace: Path, jupyter_folders: Path
) -> None:
    door = EngineDoor(jupyter_folders / "quiet.sock")
    door.open()
    with running(install("quiet", docker_host=f"unix://{door.path}"), workspace) as started:
        started.text("1")
        before = door.carried

        alive = [started.manager.is_alive() for _ in range(100)]

        assert all(alive)
        # The kernel's last words of its start may still come; one request takes as much.
        assert door.carried < before + 5_000
    door.shut()
    gc.collect()


@pytest.mark.full
@pytest.mark.parametrize("transport", ["ipc", "stdio", "publish"])
def test_ten_idle_kernels_ask_nothing_of_the_engine(
    install: Callable[..., str], workspace: Path, jupyter_folders: Path, transport: str
) -> None:
    door = EngineDoor(jupyter_folders / "ten.sock")
    door.open()
    name = install("ten", docker_host=f"unix://{door.path}", pool="off", transport=transport)
    manager = MultiKernelManager()
    try:
        ids = [manager.start_kernel(kernel_name=name, cwd=str(workspace)) for _ in range(10)]
        asked, carried = -1, -1
        while (asked, carried) != (door.connections, door.carried):  # last words of the starts
            asked, carried = door.connections, door.carried
            time.sleep(1)

        for _ in range(50):  # as Jupyter's restarter asks, but 30 times as often
            assert all(manager.is_alive(kernel_id) for kernel_id in ids)
            time.sleep(0.1)

        assert (door.connections, door.carried) == (asked, carried)
    finally:
        manager.shutdown_all(now=True)
        manager.context.destroy(linger=0)
        door.shut()
        gc.collect()


def test_encrypted_connections_work_and_keep_their_keys(
    install: Callable[..., str], workspace: Path
) -> None:
    with running(install("plain"), workspace, transport_encryption="auto") as started:
        before = started.manager.get_connection_info()["curve_publickey"]
        started.restart()

        assert started.text("print('secret')") == "secret"
        assert started.manager.get_connection_info()["curve_publickey"] == before
        code = (
            "import json, ipykernel\n"
            "print('curve_secretkey' in json.load(open(ipykernel.get_connection_file())))"
        )
        assert started.text(code) == "True"


def test_a_kernel_in_another_language_may_know_tcp_only(
    install: Callable[..., str], workspace: Path
) -> None:
    # ipykernel stands for it: it listens where its connection file says.
    with running(install("other", language="other", network="none"), workspace) as started:
        code = "import json, ipykernel as k; print(json.load(open(k.get_connection_file()))['ip'])"
        before = started.text(code)
        started.restart()

        assert (before, started.text(code)) == ("127.0.0.1", "127.0.0.1")
        assert started.manager.transport == "ipc"


def test_nbclient_executes_a_notebook(install: Callable[..., str], workspace: Path) -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell("import socket; socket.gethostname()"),
            nbformat.v4.new_code_cell("open('from-nbclient.txt', 'w').write('done')"),
        ]
    )

    nbclient.NotebookClient(
        notebook,
        kernel_name=install("plain"),
        resources={"metadata": {"path": str(workspace)}},
    ).execute()

    assert (workspace / "from-nbclient.txt").read_text() == "done"
    assert len(notebook.cells[0].outputs[0]["data"]["text/plain"].strip("'")) == 12
