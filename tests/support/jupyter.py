"""A real Jupyter server with JupyterLab and Notebook, with settings of its own."""

from __future__ import annotations

import os
import socket
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from tests.support.process import START_TIMEOUT, Server, start_server

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

TOKEN = "tests"


@dataclass(frozen=True, slots=True, kw_only=True)
class JupyterServer:
    """A running server whose files are those below `root`."""

    url: str
    token: str
    root: Path
    prefix: Path  # kernelspecs go below share/jupyter/kernels
    log: Path
    server: Server

    def client(self) -> httpx.Client:
        """Return a client that is signed in; the caller closes it."""
        headers = {"Authorization": f"token {self.token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60)

    def stop(self) -> None:
        """End the server with its kernels."""
        self.server.stop()


def start_jupyter(
    folder: Path,
    environment: Mapping[str, str] | None = None,
    *,
    program: str = "lab",
    options: Sequence[str] = (),
    port: int = 0,
) -> JupyterServer:
    """Start a server with an own home below `folder`, and with `environment` besides this one.

    A second one with the same folder finds what the first one left. Without a port, a free one.
    """
    root, home = folder / "root", folder / "home"
    for made in (root, home):
        made.mkdir(parents=True, exist_ok=True)
    settings = home / "config" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True, exist_ok=True)
    # Else a notice about news covers what a test clicks on.
    notices = '{"fetchNews": "false", "checkForUpdates": false}'
    (settings / "notification.jupyterlab-settings").write_text(notices)
    if not port:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log = folder / "jupyter.log"
    always = ["--no-browser", "--allow-root", f"--port={port}", "--ServerApp.port_retries=0"]
    always += [f"--ServerApp.root_dir={root}", f"--IdentityProvider.token={TOKEN}"]
    server, _ = start_server(
        [sys.executable, "-m", "jupyter", program, *always, *options],
        log,
        "is running at",
        {
            **os.environ,
            "HOME": str(home),
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_DATA_DIR": str(home / "share" / "jupyter"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            **(environment or {}),
        },
    )
    _wait_until_it_answers(url)
    return JupyterServer(url=url, token=TOKEN, root=root, prefix=home, log=log, server=server)


def _wait_until_it_answers(url: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            httpx.get(f"{url}/api")
            return
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
