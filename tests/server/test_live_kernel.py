"""A request that names a running kernel: its values, and what it changed in its container."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from tests.acceptance.product import write_notebook
from tests.server.api import BASE_URL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.server.api import Api

NOTEBOOK = "live.ipynb"


@contextmanager
def running(api: Api, name: str) -> Iterator[str]:
    """Start a kernel that has executed the notebook's cell, and something more."""
    jupyter = httpx.Client(base_url=f"{api.server.url}{BASE_URL}", headers=api.headers, timeout=120)
    with jupyter:
        answer = jupyter.post("api/kernels", json={"name": name})
        assert answer.status_code == 201, answer.text
        kernel_id = answer.json()["id"]
        try:
            execute(api, kernel_id, 'weeks = 30; region = "north"; api_token = "hunter2-live"')
            execute(api, kernel_id, "import pathlib; (pathlib.Path.home() / 'made').touch()")
            yield kernel_id
        finally:
            jupyter.delete(f"api/kernels/{kernel_id}")


def execute(api: Api, kernel_id: str, code: str) -> None:
    client = BlockingKernelClient()
    path = api.server.prefix / "runtime" / f"kernel-{kernel_id}.json"
    client.load_connection_info(json.loads(path.read_text()))
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        assert client.execute(code, reply=True, timeout=60)["content"]["status"] == "ok"
    finally:
        client.stop_channels()


@pytest.fixture
def notebook(api: Api) -> str:
    """A notebook whose kernel went on since it was saved."""
    write_notebook(
        api.server.root / NOTEBOOK, 'weeks = 26\nregion = "south"\napi_token = ""', kernel="team"
    )
    return NOTEBOOK


def inspected(api: Api, kernel_id: str) -> dict[str, Any]:
    """Ask until the kernel is idle for Jupyter, too."""
    found: dict[str, Any] = {}
    for _ in range(100):
        found = api.post("/inspect", path=NOTEBOOK, kernel_id=kernel_id).json()
        if found["live"]["read"]:
            break
    return found


def test_a_kernel_in_a_container_tells_its_values_and_is_captured(api: Api, notebook: str) -> None:
    with running(api, "team") as kernel_id:
        found = inspected(api, kernel_id)
        plan = api.post("/plan", notebook=notebook, kernel_id=kernel_id).json()

    variables = {item["name"]: item for item in found["variables"]}
    assert found["live"] == {"read": True, "remark": None}
    assert variables["weeks"]["default"] == 26
    assert variables["weeks"]["current"] == {"type": "int", "value": 30}
    assert variables["region"]["current"] == {"type": "str", "value": "north"}
    assert variables["api_token"]["current"] is None
    assert "hunter2-live" not in json.dumps(found)
    assert any(note.startswith("What the live kernel changed") for note in plan["notes"]), plan
    assert f"--kernel-id {kernel_id}" in plan["command"]


def test_without_a_kernel_nothing_is_said_about_one(api: Api, notebook: str) -> None:
    found = api.post("/inspect", path=notebook).json()

    assert found["live"] is None
    assert {item["current"] for item in found["variables"]} == {None}


def test_a_kernel_that_does_not_run_is_told(api: Api, notebook: str) -> None:
    body = {"kernel_id": "00000000-0000-0000-0000-000000000000"}

    asked = api.post("/inspect", path=notebook, **body)
    planned = api.post("/plan", notebook=notebook, **body)

    assert (asked.status_code, planned.status_code) == (404, 404)
    assert "No kernel" in planned.json()["what"]
