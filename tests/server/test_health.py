"""The server extension, inside a real Jupyter server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from kernel_containers._version import __version__
from tests.support.jupyter import JupyterServer, start_jupyter

if TYPE_CHECKING:
    from collections.abc import Iterator

HEALTH = "/kernel-containers/api/health"


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    server = start_jupyter(tmp_path_factory.mktemp("jupyter"))
    yield server
    server.stop()


def test_the_extension_says_its_version_and_folder(jupyter: JupyterServer) -> None:
    with jupyter.client() as client:
        answer = client.get(HEALTH)

    assert answer.status_code == 200, jupyter.log.read_text()
    assert answer.json() == {"version": __version__, "rootDir": str(jupyter.root)}


def test_nobody_is_answered_without_a_token(jupyter: JupyterServer) -> None:
    assert httpx.get(f"{jupyter.url}{HEALTH}").status_code == 403
