"""Pulls from a registry that wants to know who asks."""

from __future__ import annotations

import base64
import json
import uuid
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.progress import silent
from kernel_containers.core.reference import ImageReference
from kernel_containers.engine import connect, images
from kernel_containers.errors import Interrupted, NotFound, Unauthorized, Unavailable
from tests.support.faultproxy import FaultProxy
from tests.support.registry import RegistryServer, start_registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel_containers.core.progress import Progress
    from kernel_containers.engine import Engine
    from kernel_containers.engine.images import EngineImage


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    server = start_registry(tmp_path_factory.mktemp("private"), "htpasswd")
    yield server
    server.stop()


def auth(private: RegistryServer, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{private.username}:{password}".encode()).decode()}


def pull(
    name: str, folder: Path, config: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> EngineImage:
    """Pull as a user with this config.json, which docker-py reads when it connects."""
    (folder / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    with closing(connect()) as engine:
        return images.pull(engine, ImageReference.parse(name), silent)


def test_nobody_is_sent_to_docker_login(
    private: RegistryServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unauthorized, match=f"docker login {private.host}"):
        pull(f"{private.host}/a:1", tmp_path, {}, monkeypatch)


def test_a_wrong_password_is_unauthorized_too(
    private: RegistryServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config: dict[str, object] = {"auths": {private.host: auth(private, "wrong")}}

    with pytest.raises(Unauthorized, match="docker login"):
        pull(f"{private.host}/a:1", tmp_path, config, monkeypatch)


def test_dockers_own_login_is_used(
    private: RegistryServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config: dict[str, object] = {"auths": {private.host: auth(private, private.password)}}

    with pytest.raises(NotFound, match="manifest unknown"):
        pull(f"{private.host}/{uuid.uuid4().hex}:1", tmp_path, config, monkeypatch)


@pytest.mark.filterwarnings("ignore:docker-credential-never")
def test_a_missing_credential_helper_is_not_blamed_on_the_engine(
    private: RegistryServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config: dict[str, object] = {"credHelpers": {private.host: "never-installed"}}

    with pytest.raises(Unavailable) as raised:
        pull(f"{private.host}/a:1", tmp_path, config, monkeypatch)

    assert "docker-credential-never-installed" in str(raised.value.why)
    assert "docker info" not in str(raised.value.todo)


def test_who_cancels_is_heard_while_the_engine_waits_for_a_registry(engine: Engine) -> None:
    asked: list[str] = []

    def cancel(progress: Progress) -> None:
        asked.append(progress.message)
        raise Interrupted("enough")

    with FaultProxy("127.0.0.1:9") as proxy:
        proxy.add("hang", times=None)
        with pytest.raises(Interrupted, match="enough"):
            images.pull(engine, ImageReference.parse(f"{proxy.host}/a:1"), cancel)

    assert asked == ["waiting for the engine"]
