"""What goes wrong around a running kernel."""

from __future__ import annotations

import contextlib
import gc
import os
import queue
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jupyter_client.manager import KernelManager

from kernel_containers.core.reference import ImageReference
from kernel_containers.engine import images
from kernel_containers.kernels.failures import KernelNotStarted
from tests.kernels.support import EngineDoor, engine_refuses, running, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kernel_containers.engine import Engine

DELAY = 0.02  # seconds on each way


@pytest.mark.parametrize("transport", ["ipc", pytest.param("stdio", marks=pytest.mark.full)])
def test_a_socket_folder_that_is_removed_is_made_anew_by_a_restart(
    install: Callable[..., str], workspace: Path, transport: str
) -> None:
    with running(install("cut", transport=transport), workspace) as started:
        before, folder = started.container, Path(started.manager.ip).parent
        shutil.rmtree(folder)

        started.restart(now=True)

        assert started.text("print('back')") == "back"
        assert started.container != before
        assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.full
@pytest.mark.skipif(os.getuid() != 0, reason="only root mounts a small disk")
def test_a_full_disk_is_told(
    install: Callable[..., str],
    workspace: Path,
    jupyter_folders: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = jupyter_folders / "small"
    small.mkdir()
    name = install("full", transport="ipc")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(small)], check=True)
    try:
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(small / "run"))
        (small / "run").mkdir()
        with contextlib.suppress(OSError):
            (small / "filling").write_bytes(bytes(16 * 1024))
        manager = KernelManager(kernel_name=name)
        with pytest.raises(KernelNotStarted, match=r"No space left on device(?s:.*)free some"):
            manager.start_kernel(cwd=str(workspace))
        manager.context.destroy(linger=0)
        left = list((small / "run").iterdir())
    finally:
        subprocess.run(["umount", str(small)], check=True)

    assert left == []


def test_an_image_that_loses_its_name_keeps_its_kernels(
    install: Callable[..., str], workspace: Path, engine: Engine, kernel_image: str
) -> None:
    name = "kernel-containers-test/moved:1"
    images.tag(engine, kernel_image, ImageReference.parse(name))
    with running(install("moved", image=name), workspace) as started:
        images.remove(engine, name)

        started.restart()

        assert started.text("print('alive')") == "alive"
    manager = KernelManager(kernel_name="moved")
    with pytest.raises(KernelNotStarted, match="kernel pull moved"):
        manager.start_kernel()
    manager.context.destroy(linger=0)


@engine_refuses
@pytest.mark.parametrize("transport", ["ipc", "stdio"])
def test_a_kernel_goes_on_when_the_connection_to_the_engine_is_lost(
    install: Callable[..., str], workspace: Path, jupyter_folders: Path, transport: str
) -> None:
    door = EngineDoor(jupyter_folders / "docker.sock")
    door.open()
    name = install("lost", docker_host=f"unix://{door.path}", transport=transport)
    with running(name, workspace) as started:
        started.execute("value = 42")
        held = started.provisioner._held.container
        assert held is not None

        door.shut()
        until(lambda: not held.is_connected)
        door.open()
        until(lambda: held.is_connected)
        started.client.wait_for_ready(timeout=30)  # its own connections were lost, too

        assert started.text("print(value)") == "42"
        started.manager.signal_kernel(signal.SIGKILL)
        until(lambda: not started.manager.is_alive())
        assert "SIGKILL" in str(started.provisioner.reason())
        started.restart(now=True)
        assert started.text("print('value' in globals())") == "False"
        assert started.provisioner._held.container is held
    door.shut()
    gc.collect()


def test_a_kernel_that_stops_its_container_can_be_restarted_at_once(
    install: Callable[..., str], workspace: Path
) -> None:
    with running(install("stopper"), workspace) as started:
        before = started.container
        started.client.execute("import os, signal; os.kill(1, signal.SIGTERM)")
        until(lambda: not started.manager.is_alive())

        started.restart(now=True)

        assert started.text("print('back')") == "back"
        assert started.container != before


@pytest.mark.full
def test_a_folder_that_is_made_anew_is_seen_after_a_restart(
    install: Callable[..., str], tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    with running(install("anew"), folder) as started:
        before = started.container
        shutil.rmtree(folder)
        with pytest.raises(KernelNotStarted, match=f"can.t work in {folder}"):
            started.restart(now=True)

        folder.mkdir()
        (folder / "new").touch()
        started.restart(now=True)

        assert started.text("import os; print(os.listdir())") == "['new']"
        assert started.container != before


class _Far:
    """An address from which the engine is DELAY away. Nothing is reordered, or slower than that."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.sockets = [self.listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            engine.connect("/var/run/docker.sock")
            self.sockets += [client, engine]
            for source, target in ((client, engine), (engine, client)):
                late: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
                threading.Thread(target=self._read, args=(source, late), daemon=True).start()
                threading.Thread(target=self._write, args=(target, late), daemon=True).start()

    def _read(self, source: socket.socket, late: queue.SimpleQueue[tuple[float, bytes]]) -> None:
        data = b"?"
        while data:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            late.put((time.monotonic() + DELAY, data))

    def _write(self, target: socket.socket, late: queue.SimpleQueue[tuple[float, bytes]]) -> None:
        while True:
            when, data = late.get()
            time.sleep(max(0.0, when - time.monotonic()))
            try:
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(data)
            except OSError:
                return


@contextmanager
def _far() -> Iterator[_Far]:
    far = _Far()
    try:
        yield far
    finally:
        far.listener.shutdown(socket.SHUT_RDWR)
        for one in far.sockets:
            one.close()


@pytest.mark.full
def test_a_kernel_of_a_far_engine_works(install: Callable[..., str], workspace: Path) -> None:
    with _far() as far:
        name = install("far", docker_host=far.address, workspace="none")
        with running(name, workspace) as started:
            assert started.transport == "stdio"

            def up() -> bool:
                with contextlib.suppress(queue.Empty):
                    told = started.client.get_iopub_msg(timeout=0.1)
                    return bool(told["content"].get("text", "").startswith("up"))
                return False

            code = "import time; print('up', flush=True); time.sleep(60)"
            error, _ = started.interrupt_when(up, code)
            result = started.execute("print('x' * 5_000_000)", timeout=60)
            started.restart()
            alive = started.text("print('alive')")

    assert error == "KeyboardInterrupt"
    assert (len(result.text), alive) == (5_000_001, "alive")


def test_a_far_engine_gets_no_folders_of_this_machine(
    install: Callable[..., str], workspace: Path
) -> None:
    with _far() as far:
        manager = KernelManager(kernel_name=install("far", docker_host=far.address))
        with pytest.raises(KernelNotStarted, match='"workspace": "none"'):
            manager.start_kernel(cwd=str(workspace))
        manager.context.destroy(linger=0)
