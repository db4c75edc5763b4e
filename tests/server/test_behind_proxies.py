"""Behind nginx and under JupyterHub: the same API by cookie, below whatever prefix."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.acceptance.product import write_notebook
from tests.server.browser import Page
from tests.support.jupyter import TOKEN
from tests.support.process import Server, start_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.server.api import Api

pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]

NGINX = """
daemon off; pid {folder}/nginx.pid; error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
  server {{
    listen 127.0.0.1:{port};
    location /user/ana/ {{
      proxy_pass {upstream};
      proxy_set_header Host $http_host;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
    }}
  }}
}}
"""
HUB = """
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.DummyAuthenticator.password = "{password}"
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/{{username}}"
c.Spawner.cmd = ["{python}", "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root", "--ServerApp.allow_unauthenticated_access=False"]
c.Spawner.environment = {environment}
c.Spawner.start_timeout = c.Spawner.http_timeout = 240
c.JupyterHub.bind_url = "http://127.0.0.1:{port}/hubs/one/"
c.JupyterHub.hub_port = {hub_port}
c.ConfigurableHTTPProxy.command = ["{proxy}"]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{folder}/secret"
"""
PASSWORD = "of-all-users"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def use(page: Page, notebook: str) -> None:
    """Do what the front end does: read, write with XSRF, follow a job, look at it again."""
    found = page.post("/inspect", path=notebook)
    assert found.status_code == 200, found.text
    assert found.json()["variables"][0]["name"] == "weeks"
    forged = page.browser.post(f"{page.api}/inspect", json={"path": notebook})
    assert forged.status_code == 403

    made = page.post("/jobs", kind="pull", image="never-made", token="once")
    assert made.status_code == 201, made.text
    events = page.follow(made.json()["id"])
    assert events[-1]["state"] == "failed"
    assert page.get(f"/jobs/{made.json()['id']}").json()["error"]["code"] == "not-found"
    foreign = page.handshake(made.json()["id"], "http://elsewhere.example")
    assert foreign.status_code == 403


@pytest.fixture
def behind_nginx(start_server: Callable[..., Api], tmp_path: Path) -> Iterator[Page]:
    """A page that reached Jupyter through nginx."""
    api = start_server()
    port = free_port()
    config = tmp_path / "nginx.conf"
    config.write_text(NGINX.format(folder=tmp_path, port=port, upstream=api.server.url))
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    proxy = subprocess.Popen([nginx, "-c", str(config), "-p", str(tmp_path)])
    origin = f"http://127.0.0.1:{port}"
    write_notebook(api.server.root / "weeks.ipynb", "weeks = 26")
    try:
        with httpx.Client(timeout=60, follow_redirects=True) as browser:
            deadline = time.monotonic() + 60
            while True:
                try:
                    browser.get(f"{origin}/user/ana/lab?token={TOKEN}")
                    break
                except httpx.TransportError:
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            yield Page(browser, origin, "/user/ana/")
    finally:
        proxy.terminate()
        proxy.wait()


def test_all_works_by_cookie_through_nginx(behind_nginx: Page) -> None:
    use(behind_nginx, "weeks.ipynb")

    health = behind_nginx.get("/health")

    assert health.status_code == 200
    assert health.json()["user"]


@pytest.fixture(scope="module")
def hub_proxy(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The program that JupyterHub puts before its users' servers."""
    found = shutil.which("configurable-http-proxy")
    if found:
        return found
    folder = tmp_path_factory.mktemp("node")
    package = "configurable-http-proxy@5"
    command = ["npm", "install", "--silent", "--prefix", str(folder), package]
    subprocess.run(command, check=True)
    return str(folder / "node_modules" / ".bin" / "configurable-http-proxy")


@pytest.fixture(scope="module")
def hub(
    hub_proxy: str, tmp_path_factory: pytest.TempPathFactory, server_environment: dict[str, str]
) -> Iterator[tuple[str, Path]]:
    """The origin of a hub below a prefix, and the folder of its users' homes."""
    folder = tmp_path_factory.mktemp("hub")
    for name in ("ana", "ben"):
        (folder / name).mkdir()
        write_notebook(folder / name / f"of-{name}.ipynb", "weeks = 26")
    port = free_port()
    config = folder / "hub.py"
    config.write_text(
        HUB.format(
            folder=folder,
            port=port,
            hub_port=free_port(),
            proxy_port=free_port(),
            proxy=hub_proxy,
            python=sys.executable,
            password=PASSWORD,
            environment=repr(server_environment),
        )
    )
    command = [sys.executable, "-m", "jupyterhub", "-f", str(config)]
    log = folder / "hub.log"
    server: Server
    server, _ = start_server(command, log, "JupyterHub is now running", {**os.environ})
    yield f"http://127.0.0.1:{port}", folder
    server.stop()


def sign_in(origin: str, name: str) -> Page:
    """Return a user's page, once the hub has started a server for it."""
    browser = httpx.Client(timeout=120, follow_redirects=True)
    form = browser.get(f"{origin}/hubs/one/hub/login")
    token = str(browser.cookies.get("_xsrf", path="/hubs/one/hub/"))
    assert form.status_code == 200
    answer = browser.post(
        f"{origin}/hubs/one/hub/login",
        data={"username": name, "password": PASSWORD, "_xsrf": token},
    )
    base = f"/hubs/one/user/{name}/"
    deadline = time.monotonic() + 300
    while not str(answer.url).startswith(f"{origin}{base}"):
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.5)
        answer = browser.get(f"{origin}{base}lab")
    assert answer.status_code == 200, answer.text
    return Page(browser, origin, base)


def test_two_users_of_a_hub_have_a_server_and_jobs_of_their_own(hub: tuple[str, Path]) -> None:
    origin, folder = hub
    with ThreadPoolExecutor() as threads:
        ana, ben = threads.map(lambda name: sign_in(origin, name), ("ana", "ben"))
    use(ana, "of-ana.ipynb")
    use(ben, "of-ben.ipynb")

    health: list[dict[str, Any]] = [page.get("/health").json() for page in (ana, ben)]
    jobs = [page.get("/jobs").json()["jobs"] for page in (ana, ben)]
    foreign = ben.browser.get(f"{ana.api}/jobs")
    stranger = httpx.get(f"{ana.api}/jobs")

    assert [said["user"] for said in health] == ["ana", "ben"]
    assert [said["root_dir"] for said in health] == [str(folder / "ana"), str(folder / "ben")]
    assert len(jobs[0]) == len(jobs[1]) == 1
    assert jobs[0][0]["id"] != jobs[1][0]["id"]
    assert foreign.status_code == stranger.status_code == 403
    assert foreign.json()["code"] == "unauthorized"
    for page in (ana, ben):
        page.browser.close()
