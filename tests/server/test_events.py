"""Jupyter's event bus tells each job's states, by the schema that is registered for them."""

from __future__ import annotations

import json
import uuid
from contextlib import closing
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jsonschema
import requests
import websocket
import yaml

from kernel_containers.kernels import events as kernel_events
from kernel_containers.server.events import SCHEMA_ID
from tests.acceptance.product import write_notebook
from tests.server.api import BASE_URL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.server.api import Api

SECRET = "hunter2-bus"
FINAL = {"succeeded", "failed", "cancelled", "lost"}


def listen(api: Api) -> websocket.WebSocket:
    """Return a socket at the server's event bus."""
    address = f"{api.server.url.replace('http', 'ws', 1)}{BASE_URL}api/events/subscribe"
    return websocket.create_connection(
        address, header=[f"Authorization: {api.headers['Authorization']}"], timeout=120
    )


def test_each_jobs_end_is_on_the_bus_with_the_registered_schema(api: Api) -> None:
    schema = yaml.safe_load(
        files("kernel_containers.server").joinpath("job_event.yaml").read_text("utf-8")
    )
    bus = listen(api)
    name = f"bus-{uuid.uuid4().hex[:8]}"
    write_notebook(api.server.root / f"{name}.ipynb", f'db_password = "{SECRET}"')
    plan = {"notebook": f"{name}.ipynb", "kernel": "nowhere"}
    wanted = {
        api.start(kind, **body)["id"]: kind
        for kind, body in (
            ("pull", {"image": "never-made"}),
            ("push", {"image": "never-made", "to": "127.0.0.1:9/a:1"}),
            ("add-kernel", {"name": name, "image": "never-made"}),
            ("containerize", {"plan": plan}),
        )
    }

    events: list[dict[str, Any]] = []
    ended: dict[str, str] = {}
    try:
        while set(ended) != set(wanted):
            event = json.loads(bus.recv())
            if event["schema_id"] == SCHEMA_ID and event["job_id"] in wanted:
                events.append(event)
                if event["state"] in FINAL:
                    ended[event["job_id"]] = event["state"]
    finally:
        bus.close()

    assert ended == dict.fromkeys(wanted, "failed")
    rules = {key: schema[key] for key in ("type", "required", "properties")}
    for event in events:
        data = {key: value for key, value in event.items() if key in schema["properties"]}
        jsonschema.validate(data, rules)
        rest = {key for key in event if not key.startswith("__")} - set(data)
        assert rest <= {"schema_id", "schema_version"}, rest
        assert event["kind"] == wanted[event["job_id"]]
    assert SECRET not in json.dumps(events)


def test_a_page_that_was_there_before_any_kernel_hears_why_one_ended(
    start_server: Callable[..., Api],
) -> None:
    api = start_server()
    data = {"kernel_id": "1", "kernel_name": "team", "reason": "It ran out of memory."}
    told = {"schema_id": kernel_events.SCHEMA_ID, "version": "1", "data": data}

    with closing(listen(api)) as bus:
        answer = requests.post(
            f"{api.server.url}{BASE_URL}api/events", json=told, headers=api.headers, timeout=60
        )
        event = json.loads(bus.recv())

    assert answer.status_code == 204, answer.text
    assert {name: event.get(name) for name in data} == data
