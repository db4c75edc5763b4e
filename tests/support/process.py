"""Servers as child processes that end with the tests."""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

START_TIMEOUT = 120.0  # seconds; the slowest needs 4 on an idle machine, 30 on a busy one
STOP_TIMEOUT = 30.0  # seconds; a Jupyter server ends its kernels first


@dataclass(frozen=True, slots=True)
class Server:
    """A running server process; what it writes goes to `log`."""

    process: subprocess.Popen[bytes]
    log: Path

    def stop(self) -> None:
        """End the process; a second call does nothing."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def start_server(
    command: Sequence[str], log: Path, ready: str, environment: Mapping[str, str] | None = None
) -> tuple[Server, re.Match[str]]:
    """Start a server and return it with the match of `ready`, a pattern that its output must show.

    Raises:
        RuntimeError: it ended, or did not get ready in time; the message holds its output.
    """
    with log.open("wb") as output:
        # Its own session: Ctrl-C reaches pytest only, which stops the server when tests are done.
        # Where pytest is killed, the kernel ends the server.
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *command],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=None if environment is None else dict(environment),
            start_new_session=True,
        )
    server = Server(process, log)
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(ready, log.read_text(errors="replace"))
        if found:
            return server, found
        time.sleep(0.02)
    server.stop()
    raise RuntimeError(f"{command[0]} did not start:\n{log.read_text(errors='replace')}")
