"""Each operation is for those who are signed in, and allowed to do just that."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from tornado.web import RequestHandler

import kernel_containers.kernels
import kernel_containers.server
from kernel_containers.server.contract import Contract
from kernel_containers.server.handlers import Handler
from kernel_containers.server.routes import OPERATIONS, STREAM
from kernel_containers.server.stream import StreamHandler
from tests.server.authorizers import HEADER, KERNELS
from tests.server.conftest import start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.server.api import Api

ALL = sorted(Contract().operations())
VALUES = {
    "id": "0" * 12,
    "host": "127.0.0.1:1",
    "name": "none",
    "notebook": "none",
    "run": "none",
}


@pytest.fixture(scope="module")
def guarded(
    tmp_path_factory: pytest.TempPathFactory, server_environment: dict[str, str]
) -> Iterator[Api]:
    """A server whose authorizer goes by a header of each request."""
    authorizer = "--ServerApp.authorizer_class=tests.server.authorizers.ByHeader"
    environment = {**server_environment, "PYTHONPATH": str(Path(__file__).parents[2])}
    made = start(tmp_path_factory.mktemp("guarded"), environment, authorizer)
    yield made
    made.server.stop()


def ask(api: Api, path: str, verb: str, **headers: str) -> httpx.Response:
    return httpx.request(verb, api.url + path.format(**VALUES), headers=headers, timeout=60)


def test_the_contract_and_the_routes_have_the_same_operations() -> None:
    routes = {(path, verb) for path, verbs in OPERATIONS.items() for verb in verbs}

    assert routes | {(STREAM, "GET")} == set(ALL)


def test_no_other_handler_answers_than_those_that_are_asked_here() -> None:
    found: set[type[RequestHandler]] = set()
    for package in (kernel_containers.server, kernel_containers.kernels):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            members = vars(importlib.import_module(module.name)).values()
            found |= {member for member in members if _is_handler(member)}

    assert found == {Handler, StreamHandler}
    verbs = {name.upper() for name in vars(Handler)} & set(RequestHandler.SUPPORTED_METHODS)
    assert verbs == {verb for _, verb in Contract().operations()}


def _is_handler(member: object) -> bool:
    return (
        isinstance(member, type)
        and issubclass(member, RequestHandler)
        and member.__module__.startswith("kernel_containers")
    )


@pytest.mark.parametrize(("path", "verb"), ALL)
def test_a_stranger_is_refused(api: Api, path: str, verb: str) -> None:
    answer = ask(api, path, verb)

    assert answer.status_code == 403
    assert answer.json()["code"] == "unauthorized"


@pytest.mark.parametrize(("path", "verb"), ALL)
def test_a_user_without_rights_is_refused(guarded: Api, path: str, verb: str) -> None:
    other = "write" if verb == "GET" else "read"

    answers = [ask(guarded, path, verb, **guarded.headers)]
    answers.append(ask(guarded, path, verb, **guarded.headers, **{HEADER: other}))

    assert [answer.status_code for answer in answers] == [403, 403]
    assert answers[0].json()["code"] == "unauthorized"


@pytest.mark.parametrize("path", ["/jobs", "/space", "/registries/{host}/repositories"])
def test_who_may_read_may_not_write_whatever_was_asked_first(guarded: Api, path: str) -> None:
    reader = {**guarded.headers, HEADER: "read"}
    other = "DELETE" if path == "/space" else "POST"

    before = ask(guarded, path, "GET", **reader).json().get("what")
    refused = ask(guarded, path, other, **reader)

    assert before != "This user may not do that here."
    assert refused.status_code == 403


@pytest.mark.parametrize("path", ["/inspect", "/plan", "/jobs"])
def test_a_kernel_is_only_reached_by_who_may_use_kernels(guarded: Api, path: str) -> None:
    writer = {**guarded.headers, HEADER: "write"}
    plan = {"notebook": "none.ipynb", "kernel_id": "a"}
    body = {
        "/inspect": {"path": "none.ipynb", "kernel_id": "a"},
        "/plan": plan,
        "/jobs": {"kind": "containerize", "plan": plan},
    }[path]

    refused = httpx.post(guarded.url + path, json=body, headers={**writer, KERNELS: "1"})
    allowed = httpx.post(guarded.url + path, json=body, headers=writer)

    assert refused.status_code == 403
    assert "kernels" in refused.json()["what"]
    assert allowed.status_code != 403


def test_a_cookie_alone_does_not_write(api: Api) -> None:
    with httpx.Client(base_url=api.url, timeout=60) as browser:
        signed_in = browser.get(f"/health?token={api.server.token}")
        assert signed_in.status_code == 200
        browser.get(f"{api.server.url}/user/ana/lab")  # sets the cookie with the token
        token = browser.cookies.get("_xsrf")
        body = {"path": "none.ipynb"}

        forged = browser.post("/inspect", json=body)
        own = browser.post("/inspect", json=body, headers={"X-XSRFToken": str(token)})

    assert forged.status_code == 403
    assert own.status_code == 404
    assert own.json()["code"] == "not-found"
