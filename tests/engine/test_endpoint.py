"""Which engine is talked to."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from typing import TYPE_CHECKING

import pytest

from kernel_containers.engine import connect
from kernel_containers.engine.endpoint import DEFAULT_HOST, find_endpoint
from kernel_containers.errors import InvalidInput, NotFound, Unavailable

if TYPE_CHECKING:
    from pathlib import Path


def write_context(folder: Path, name: str, host: str, *, tls: bool = False) -> None:
    key = hashlib.sha256(name.encode()).hexdigest()
    meta = folder / "contexts" / "meta" / key
    meta.mkdir(parents=True)
    value = {"Name": name, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False}}}
    (meta / "meta.json").write_text(json.dumps(value))
    if tls:
        (folder / "contexts" / "tls" / key / "docker").mkdir(parents=True)


def test_without_settings_it_is_the_local_socket(tmp_path: Path) -> None:
    assert find_endpoint({"HOME": str(tmp_path)}).host == DEFAULT_HOST


def test_the_current_context_is_followed(tmp_path: Path) -> None:
    write_context(tmp_path, "lab", "tcp://lab.example:2376", tls=True)
    (tmp_path / "config.json").write_text('{"currentContext": "lab"}')

    endpoint = find_endpoint({"DOCKER_CONFIG": str(tmp_path)})

    assert endpoint.host == "tcp://lab.example:2376"
    assert endpoint.certificates is not None
    assert endpoint.verify


def test_docker_context_wins_over_the_current_one_and_docker_host_over_both(tmp_path: Path) -> None:
    write_context(tmp_path, "lab", "tcp://lab.example:2375")
    write_context(tmp_path, "other", "tcp://other.example:2375")
    (tmp_path / "config.json").write_text('{"currentContext": "lab"}')
    environ = {"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "other"}

    assert find_endpoint(environ).host == "tcp://other.example:2375"
    assert find_endpoint({**environ, "DOCKER_HOST": "unix:///x.sock"}).host == "unix:///x.sock"


def test_the_context_default_is_the_local_socket(tmp_path: Path) -> None:
    environ = {"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "default"}

    assert find_endpoint(environ).host == DEFAULT_HOST


def test_an_unknown_context_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="'lab' does not exist"):
        find_endpoint({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "lab"})


def test_a_broken_config_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")

    with pytest.raises(InvalidInput, match=r"config\.json is not JSON"):
        find_endpoint({"DOCKER_CONFIG": str(tmp_path)})


@pytest.mark.parametrize("host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"])
def test_a_missing_engine_is_unavailable_with_advice(host: str) -> None:
    with pytest.raises(Unavailable) as caught:
        connect({"DOCKER_HOST": host})

    assert host in caught.value.what
    assert caught.value.todo


@pytest.mark.parametrize("host", ["tcp://here:port", "docker://here"])
def test_what_is_no_address_of_an_engine_is_told_with_its_origin(host: str) -> None:
    with pytest.raises(InvalidInput, match=rf"{host}' \(from DOCKER_HOST\) is not an engine's"):
        connect({"DOCKER_HOST": host})


def test_a_broken_password_in_dockers_config_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text('{"auths": {"r.example": {"auth": "x"}}}')
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    with pytest.raises(InvalidInput, match=r"config\.json"):
        connect()


@pytest.mark.skipif(
    importlib.util.find_spec("paramiko") is not None, reason="connections over SSH can be made"
)
def test_ssh_without_its_package_says_what_to_install() -> None:
    with pytest.raises(Unavailable, match="pip install paramiko"):
        connect({"DOCKER_HOST": "ssh://nobody@127.0.0.1:9"})
