"""The server extension, inside a real Jupyter server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from kernel_containers._version import __version__

if TYPE_CHECKING:
    from tests.server.api import Api


def test_the_extension_says_its_version_and_folder(api: Api) -> None:
    answer = api.get("/health")

    assert answer.status_code == 200, api.server.log.read_text()
    said = answer.json()
    assert (said["version"], said["root_dir"]) == (__version__, str(api.server.root))
    assert (said["results"], said["gallery"], said["at_once"]) == ("runs", None, 2)


def test_nobody_is_answered_without_a_token(api: Api) -> None:
    answer = httpx.get(f"{api.url}/health")

    assert answer.status_code == 403
    assert answer.json()["code"] == "unauthorized"
