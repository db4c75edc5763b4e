"""Kernels in containers under a real Jupyter Server, through its REST API."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import websocket
from jupyter_client.blocking import BlockingKernelClient

from kernel_containers.core import labels
from kernel_containers.engine import containers
from kernel_containers.kernels import reaper
from kernel_containers.kernels.connection import Heartbeat, remove_stale_folders
from kernel_containers.kernels.events import SCHEMA_ID
from kernel_containers.kernels.live import find_live
from tests.kernels.support import kernel_containers, until
from tests.support.process import Server, start_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kernel_containers.engine import Engine


@dataclass
class Events:
    """What a server tells."""

    connection: websocket.WebSocket

    def receive(self) -> dict[str, Any]:
        """Return the next event."""
        self.connection.settimeout(20)
        event: dict[str, Any] = json.loads(self.connection.recv())
        return event

    def close(self) -> None:
        """Hear no more."""
        self.connection.close()


@dataclass
class JupyterServer:
    """A running server and a client for it."""

    process: Server
    http: httpx.Client
    runtime: Path

    def start(self, name: str, path: str = "") -> httpx.Response:
        """Ask for a kernel."""
        return self.http.post("/api/kernels", json={"name": name, "path": path}, timeout=60)

    def kernel(self, kernel_id: str) -> dict[str, Any]:
        """Return a kernel's model."""
        model: dict[str, Any] = self.http.get(f"/api/kernels/{kernel_id}").json()
        return model

    def events(self) -> Events:
        """Listen to the event bus."""
        url = str(self.http.base_url).replace("http", "ws") + "/api/events/subscribe"
        return Events(websocket.create_connection(url, header=["Authorization: token secret"]))

    def answers(self, kernel_id: str) -> bool:
        """Whether a kernel answers."""
        connection = json.loads((self.runtime / f"kernel-{kernel_id}.json").read_text())
        heartbeat = Heartbeat(connection)
        time.sleep(0.2)
        try:
            return heartbeat.answered()
        finally:
            heartbeat.close()

    def execute(self, kernel_id: str, code: str) -> str:
        """Run code in a kernel and return what it prints."""
        client = BlockingKernelClient()
        client.load_connection_file(str(self.runtime / f"kernel-{kernel_id}.json"))
        client.start_channels(hb=False)  # a busy machine misses beats
        texts: list[str] = []
        try:
            client.wait_for_ready(timeout=30)
            client.execute_interactive(
                code,
                timeout=30,
                output_hook=lambda message: texts.append(message["content"].get("text", "")),
            )
        finally:
            client.stop_channels()
            client.context.destroy(linger=0)
        return "".join(texts).strip()

    def stop(self) -> None:
        """End it."""
        self.http.close()
        self.process.stop()


def _start(folder: Path, log: Path, runtime: Path) -> JupyterServer:
    command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root"]
    command += ["--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", f"--ServerApp.root_dir={folder}"]
    command += ["--IdentityProvider.token=secret", "--ServerApp.log_level=INFO"]
    command += ["--ServerApp.jpserver_extensions=kernel_containers=True"]
    process, found = start_server(
        command, log, r"http://127\.0\.0\.1:(\d+)/", {**os.environ, "JUPYTER_NO_CONFIG": "1"}
    )
    http = httpx.Client(
        base_url=f"http://127.0.0.1:{found[1]}", headers={"Authorization": "token secret"}
    )
    until(lambda: _answers(http))
    return JupyterServer(process, http, runtime)


def _answers(http: httpx.Client) -> bool:
    try:
        return http.get("/api/status").is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def runtime(jupyter_folders: Path) -> Path:
    """Where connection files and sockets lie."""
    return jupyter_folders / "runtime"


@pytest.fixture(scope="module")
def server(
    jupyter_folders: Path, workspace: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[JupyterServer]:
    """A server whose root folder is the workspace."""
    log = tmp_path_factory.mktemp("log") / "server.log"
    started = _start(workspace, log, jupyter_folders / "runtime")
    yield started
    started.stop()


def test_a_kernel_starts_restarts_and_ends_over_rest(
    server: JupyterServer, install: Callable[..., str], workspace: Path, engine: Engine
) -> None:
    (workspace / "sub").mkdir(exist_ok=True)

    started = server.start(install("rest"), "sub")
    kernel_id = started.json()["id"]
    place = server.execute(kernel_id, "import os; print(os.getcwd(), os.path.exists('..'))")
    (before,) = kernel_containers(engine, kernel_id)
    restarted = server.http.post(f"/api/kernels/{kernel_id}/restart", timeout=60)
    (after,) = kernel_containers(engine, kernel_id)
    alive = server.execute(kernel_id, "print('alive')")
    deleted = server.http.delete(f"/api/kernels/{kernel_id}", timeout=60)

    assert (started.status_code, restarted.status_code, deleted.status_code) == (201, 200, 204)
    assert place == f"{workspace / 'sub'} True"
    assert (before.id, alive) == (after.id, "alive")
    assert kernel_containers(engine, kernel_id) == []


def test_a_session_tells_the_container_its_notebook(
    server: JupyterServer, install: Callable[..., str], workspace: Path, engine: Engine
) -> None:
    name = install("rest")

    session = server.http.post(
        "/api/sessions",
        json={
            "path": "report.ipynb",
            "name": "report.ipynb",
            "type": "notebook",
            "kernel": {"name": name},
        },
        timeout=60,
    ).json()
    (found,) = find_live(engine, notebook=str(workspace / "report.ipynb"))
    others = find_live(engine, notebook=str(workspace / "other.ipynb"))
    same = kernel_containers(engine, session["kernel"]["id"])
    server.http.delete(f"/api/sessions/{session['id']}", timeout=60)

    assert [found.id] == [container.id for container in same]
    assert others == []


def test_a_killed_container_is_replaced_and_the_reason_is_kept(
    server: JupyterServer, install: Callable[..., str], engine: Engine
) -> None:
    kernel_id = server.start(install("rest")).json()["id"]
    (old,) = kernel_containers(engine, kernel_id)

    with closing(server.events()) as events:
        containers.kill(engine, old.id)
        event = next(one for one in iter(events.receive, None) if one["schema_id"] == SCHEMA_ID)
    until(lambda: [c for c in kernel_containers(engine, kernel_id) if c.id != old.id])
    until(lambda: server.answers(kernel_id))
    alive = server.execute(kernel_id, "print('back')")
    reason = server.kernel(kernel_id).get("reason", "")
    server.http.delete(f"/api/kernels/{kernel_id}", timeout=60)

    assert alive == "back"
    assert "stopped from outside" in reason
    assert event["reason"] == reason
    assert (event["kernel_id"], event["kernel_name"]) == (kernel_id, "rest")


def test_a_failed_start_is_told_in_the_answer(
    server: JupyterServer, install: Callable[..., str], base_image: str
) -> None:
    missing = server.start(install("missing", image="no/such:image")).json()
    bare = server.start(install("bare", image=base_image)).json()

    assert missing["message"].startswith("The kernel's image no/such:image is not on the Docker")
    assert "kernel-containers kernel pull missing" in missing["message"]
    assert "has no ipykernel" in bare["message"]
    assert server.http.get("/api/kernels").json() == []


@pytest.mark.full
def test_a_failed_autorestart_ends_the_kernel(
    server: JupyterServer, install: Callable[..., str], workspace: Path, engine: Engine
) -> None:
    extra = workspace / "extra"
    extra.mkdir()
    name = install("doomed", mounts=[{"source": str(extra), "target": "/extra"}])
    kernel_id = server.start(name).json()["id"]
    (container,) = kernel_containers(engine, kernel_id)
    connection = json.loads((server.runtime / f"kernel-{kernel_id}.json").read_text())
    folder = Path(connection["ip"]).parent

    extra.rmdir()
    containers.kill(engine, container.id)

    until(lambda: server.http.get(f"/api/kernels/{kernel_id}").status_code == 404)
    assert kernel_containers(engine, kernel_id) == []
    assert not folder.exists()


@pytest.mark.parametrize(
    "how",
    [(signal.SIGTERM, "ipc"), pytest.param((signal.SIGKILL, "stdio"), marks=pytest.mark.full)],
    ids=["ended", "killed"],
)
def test_a_kernel_that_may_outlive_its_server_is_taken_over_by_the_next_one(
    install: Callable[..., str], runtime: Path, tmp_path: Path, engine: Engine, how: tuple[int, str]
) -> None:
    number, transport = how
    name = install("lasting", outlive=120, pool="off", transport=transport)
    notebook = {"path": "report.ipynb", "name": "report.ipynb", "type": "notebook"}
    first = _start(tmp_path, tmp_path / "first", runtime)
    wanted = {**notebook, "kernel": {"name": name}}
    session = first.http.post("/api/sessions", json=wanted, timeout=60).json()
    kernel_id = session["kernel"]["id"]
    first.execute(kernel_id, "value = 42")
    (before,) = kernel_containers(engine, kernel_id)
    first.process.process.send_signal(number)
    first.process.process.wait(60)
    first.stop()

    reaper.sweep()
    second = _start(tmp_path, tmp_path / "second", runtime)
    until(lambda: second.http.get("/api/sessions").json())
    (found,) = second.http.get("/api/sessions").json()
    value = second.execute(kernel_id, "print(value)")
    second.http.post(f"/api/kernels/{kernel_id}/restart", timeout=60)
    forgotten = second.execute(kernel_id, "print('value' in globals())")
    (after,) = kernel_containers(engine, kernel_id)
    second.http.delete(f"/api/sessions/{found['id']}", timeout=60)
    second.stop()

    assert (found["path"], found["kernel"]["id"]) == ("report.ipynb", kernel_id)
    assert (value, forgotten, after.id) == ("42", "False", before.id)
    assert kernel_containers(engine, kernel_id) == []
    assert not list(runtime.glob(f"kernel-{second.process.process.pid}-*"))
    remove_stale_folders()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_that_ends_leaves_no_container(
    install: Callable[..., str], jupyter_folders: Path, tmp_path: Path, engine: Engine, number: int
) -> None:
    own = _start(tmp_path, tmp_path / "log", jupyter_folders / "runtime")
    kernel_id = own.start(install("rest")).json()["id"]
    failed = own.start(install("missing", image="no/such:image"))
    assert failed.status_code == 500  # Jupyter's server never ended after one

    own.process.process.send_signal(number)

    began = time.monotonic()
    own.process.process.wait(60)
    until(lambda: not kernel_containers(engine, kernel_id))
    own.stop()
    assert time.monotonic() - began < 60
    mark = f":{own.process.process.pid}:"
    until(
        lambda: (
            not [
                found
                for found in containers.find(engine, {labels.OWNER: None})
                if mark in found.labels[labels.OWNER]
            ]
        )
    )
    remove_stale_folders()
    assert not list((jupyter_folders / "runtime").glob(f"kernel-{own.process.process.pid}-*"))
