"""Credentials are kept where `docker login` keeps them, once a registry has taken them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from kernel_containers.errors import InvalidInput, Unauthorized, Unavailable
from kernel_containers.registry.check import check
from kernel_containers.registry.connect import open_registry
from kernel_containers.registry.settings import RegistrySettings
from kernel_containers.registry.sign_in import sign_in

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.registry import RegistryServer

HELPER = """#!/bin/sh
case $1 in
  store) cat > "$KEPT" ;;
  get) sed 's/ServerURL/Server/' "$KEPT" ;;
esac
"""


@pytest.fixture
def settings(secure_registry: RegistryServer, tmp_path: Path) -> RegistrySettings:
    """Settings with a config.json of this test's own, which does not exist yet."""
    config = tmp_path / "docker" / "config.json"
    return RegistrySettings(ca_file=secure_registry.ca, docker_config=config)


def sign(registry: RegistryServer, settings: RegistrySettings, password: str | None) -> None:
    name = str(registry.username)
    sign_in(registry.host, name, str(password), settings, environ=dict(os.environ))


def lets_in(registry: RegistryServer, settings: RegistrySettings) -> bool:
    with open_registry(registry.host, settings) as opened:
        return bool(check(opened))


def test_what_the_registry_takes_is_kept_for_this_user_only(
    secure_registry: RegistryServer, settings: RegistrySettings
) -> None:
    path = settings.docker_config
    assert path
    path.parent.mkdir()
    path.write_text(json.dumps({"auths": {"other": {"auth": "eA=="}}, "HttpHeaders": {"a": "b"}}))

    sign(secure_registry, settings, secure_registry.password)

    kept = json.loads(path.read_text())
    assert set(kept["auths"]) == {"other", secure_registry.host}
    assert kept["HttpHeaders"] == {"a": "b"}
    assert path.stat().st_mode & 0o777 == 0o600
    assert lets_in(secure_registry, settings)


def test_a_wrong_password_is_not_kept(
    secure_registry: RegistryServer, settings: RegistrySettings
) -> None:
    with pytest.raises(Unauthorized) as refused:
        sign(secure_registry, settings, "hunter2-wrong")

    assert "hunter2" not in str(refused.value)
    assert settings.docker_config
    assert not settings.docker_config.exists()


def test_a_helper_keeps_them_where_docker_has_one(
    secure_registry: RegistryServer,
    settings: RegistrySettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = tmp_path / "docker-credential-tests"
    program.write_text(HELPER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("KEPT", str(tmp_path / "kept"))
    assert settings.docker_config
    settings.docker_config.parent.mkdir()
    settings.docker_config.write_text('{"credsStore": "tests"}')

    sign(secure_registry, settings, secure_registry.password)

    assert json.loads((tmp_path / "kept").read_text())["Secret"] == secure_registry.password
    assert str(secure_registry.password) not in settings.docker_config.read_text()
    assert lets_in(secure_registry, settings)


def test_a_helper_that_fails_is_named_without_the_password(
    secure_registry: RegistryServer, settings: RegistrySettings
) -> None:
    assert settings.docker_config
    settings.docker_config.parent.mkdir()
    settings.docker_config.write_text('{"credsStore": "never-made"}')

    with pytest.raises(Unavailable) as failed:
        sign(secure_registry, settings, secure_registry.password)

    assert "docker-credential-never-made" in str(failed.value)
    assert str(secure_registry.password) not in str(failed.value)


def test_a_name_with_a_colon_is_refused(
    secure_registry: RegistryServer, settings: RegistrySettings
) -> None:
    with pytest.raises(InvalidInput):
        sign_in(secure_registry.host, "a:b", "c", settings, environ={})
