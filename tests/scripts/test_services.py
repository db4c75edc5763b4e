"""`scripts/services` in a checkout of its own, so that nothing of this one is touched."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SERVERS = ("registry", "s3")


class Checkout:
    """The scripts alone, beside the environment that has Swift."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "scripts", folder / "scripts")
        (folder / ".venv").symlink_to(sys.prefix)

    def services(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.folder / "scripts" / "services"), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def record(self, name: str) -> dict[str, str]:
        file = self.folder / ".services" / f"{name}.json"
        content: dict[str, str] = json.loads(file.read_text())
        return content


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    made = Checkout(tmp_path)
    yield made
    made.services("down", *SERVERS)


def test_what_was_started_answers_and_is_started_once(checkout: Checkout) -> None:
    first = checkout.services("up", *SERVERS)
    records = [checkout.record(name) for name in SERVERS]
    second = checkout.services("up", *SERVERS)

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert [checkout.record(name) for name in SERVERS] == records
    host = checkout.record("registry")["host"]
    assert host in second.stdout
    assert httpx.get(f"http://{host}/v2/").status_code == 200
    assert checkout.services("status", *SERVERS).returncode == 0


def test_the_printed_variables_open_the_s3_server(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.services("up", "s3")
    for line in checkout.services("env").stdout.splitlines():
        name, _, value = line.removeprefix("export ").partition("=")
        monkeypatch.setenv(name, value)

    with closing(boto3.client("s3")) as client:
        buckets = client.list_buckets()["Buckets"]

    assert [bucket["Name"] for bucket in buckets] == ["results"]
    assert (checkout.folder / ".services" / "s3-secret").stat().st_mode & 0o077 == 0


def test_a_process_that_only_has_the_same_id_is_spared(checkout: Checkout) -> None:
    checkout.services("up", "registry")
    host = checkout.record("registry")["host"]
    file = checkout.folder / ".services" / "registry.json"
    record = file.read_text()

    # The id is that of the registry, but of an earlier process.
    file.write_text(json.dumps({**json.loads(record), "started": "1"}))
    spared = checkout.services("down", "registry")
    status = httpx.get(f"http://{host}/v2/").status_code
    file.write_text(record)

    assert (spared.returncode, spared.stdout) == (0, "")
    assert status == 200


def test_after_down_nothing_answers(checkout: Checkout) -> None:
    checkout.services("up", "registry")
    host = checkout.record("registry")["host"]

    stopped = checkout.services("down", "registry")

    assert "registry" in stopped.stdout
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{host}/v2/")
    assert checkout.services("status", "registry").returncode == 1


def test_an_unknown_part_is_refused(checkout: Checkout) -> None:
    refused = checkout.services("up", "ceph")

    assert refused.returncode == 2
    assert "unknown parts: ceph" in refused.stderr
