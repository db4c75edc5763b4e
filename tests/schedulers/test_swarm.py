"""Docker Swarm runs the script's job, on a swarm of one private engine."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.product import DOCKER
from tests.kernels.support import engine_refuses
from tests.schedulers.examples import OUTPUT, TOKEN
from tests.support.private_engine import IMPOSSIBLE, PrivateEngine, private_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.schedulers.examples import Site

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(IMPOSSIBLE, reason="a private engine needs root and dockerd"),
    engine_refuses,
]
SIZE = 3 * 1024**3  # bytes
ADDRESS = "10.99.0.1"  # on the engine's own loopback
PATIENCE = 300  # seconds


@pytest.fixture
def manager() -> Iterator[PrivateEngine]:
    """The only node of a swarm."""
    folder = Path(tempfile.mkdtemp(prefix="kc-"))
    try:
        with private_engine(folder, SIZE) as engine:
            address = ["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"]
            subprocess.run([*engine.entrance, *address], check=True)
            addresses = (f"--advertise-addr={ADDRESS}", f"--listen-addr={ADDRESS}")
            docker(engine, "swarm", "init", *addresses)
            gc.collect()
            yield engine
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def docker(engine: PrivateEngine, *arguments: str, text: str = "") -> str:
    finished = subprocess.run(
        [DOCKER, "--host", engine.address, *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_a_job_gets_its_secrets_and_runs_once(manager: PrivateEngine, site: Site) -> None:
    manager.load(site.image)
    for name in ("token", "aws-credentials"):
        docker(manager, "secret", "create", name, "-", text=(site.secrets / name).read_text())
    # The private engine has no network but its own loopback.
    script = site.fill_in("swarm.sh").replace("service create", "service create --network=host")
    script = script.replace(OUTPUT.replace("bucket", site.bucket), "file:///tmp/reports")

    subprocess.run(
        ["sh", "-c", script],
        env={**os.environ, "DOCKER_HOST": manager.address},
        check=True,
        timeout=PATIENCE,
        capture_output=True,
    )

    log = docker(manager, "service", "logs", "--raw", "report")
    end = json.loads(log.splitlines()[-1])
    assert (end["event"], end["status"]) == ("run-end", "succeeded"), log
    assert "north 13 orders.csv" in log
    assert TOKEN not in log
    tasks = docker(manager, "service", "ps", "--format", "{{.CurrentState}}", "report")
    assert [line.split()[0] for line in tasks.splitlines()] == ["Complete"]
