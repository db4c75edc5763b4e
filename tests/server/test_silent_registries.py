"""A registry that takes connections and says nothing, or a byte at a time: told, and no more."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, get_args

import pytest

from kernel_containers.registry.connect import PROBE_TIMEOUT
from kernel_containers.registry.watching import LONGEST_QUESTION
from tests.support.drip import Dripping, Manner

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.server.api import Api

pytestmark = pytest.mark.full

# Plain and TLS are tried on the loopback before the question; the rest is a busy machine's.
LONGEST = 2 * PROBE_TIMEOUT + LONGEST_QUESTION + 20
ASKING: dict[str, Callable[[Api, str], httpx.Response]] = {
    "repositories": lambda api, host: api.get(f"/registries/{host}/repositories"),
    "a destination": lambda api, host: api.get("/destination", to=f"{host}/a:1"),
    "a description": lambda api, host: api.get("/image", reference=f"{host}/a:1"),
    "a run": lambda api, host: api.post("/jobs", kind="run", image=f"{host}/a:1"),
    "credentials": lambda api, host: api.post(
        f"/registries/{host}/sign-in", username="ana", password="secret"
    ),
}


def test_each_route_gives_a_registry_up_that_says_too_little(api: Api) -> None:
    with ExitStack() as stack:
        hosts = {kind: stack.enter_context(Dripping(kind)).host for kind in get_args(Manner)}
        users = stack.enter_context(ThreadPoolExecutor(len(ASKING) * len(hosts) + len(hosts)))
        begun = time.monotonic()
        asked = {
            (name, kind): users.submit(ask, api, host)
            for name, ask in ASKING.items()
            for kind, host in hosts.items()
        }
        states = {
            kind: users.submit(api.json, f"/registries/{host}") for kind, host in hosts.items()
        }
        others = [api.get("/jobs"), api.get("/images"), api.get("/results")]
        overtaken = [future for future in asked.values() if not future.done()]
        answers = {key: future.result() for key, future in asked.items()}
        told = {kind: future.result() for kind, future in states.items()}
        took = time.monotonic() - begun

    assert [answer.status_code for answer in others] == [200] * 3
    assert overtaken
    assert {key: answer.status_code for key, answer in answers.items()} == dict.fromkeys(asked, 503)
    for (name, kind), answer in answers.items():
        error = answer.json()
        assert error["code"] == "unavailable", (name, kind)
        assert hosts[kind] in error["what"], (name, kind)
        assert error["why"], (name, kind)
        assert error["todo"], (name, kind)
    assert {kind: state["state"] for kind, state in told.items()} == dict.fromkeys(
        hosts, "unreachable"
    )
    assert took < 2 * LONGEST  # some of the requests wait for a thread first
