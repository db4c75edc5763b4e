"""Registries, images and open connections for these tests."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from kernel_containers.registry.connect import open_registry
from tests.registry.samples import login, make_image, make_layer, noise, settings
from tests.support.ecr_bridge import EcrBridge, start_ecr
from tests.support.faultproxy import FaultProxy, start_fault_proxy
from tests.support.registry import RegistryServer, start_registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel_containers.core.oci import BuiltImage
    from kernel_containers.registry.client import Registry


@pytest.fixture(autouse=True)
def _no_own_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "nobody"))


@pytest.fixture(scope="session")
def token_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """A registry with a token service."""
    server = start_registry(tmp_path_factory.mktemp("token-registry"), "token")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def password_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """A registry with a password and without TLS, so that faults can be put before it."""
    server = start_registry(tmp_path_factory.mktemp("password-registry"), "htpasswd")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def ecr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EcrBridge]:
    """An ECR; tests create repositories of their own."""
    server = start_ecr(tmp_path_factory.mktemp("ecr"))
    yield server
    server.stop()


@pytest.fixture
def proxy(registry: RegistryServer) -> Iterator[FaultProxy]:
    """The open registry with faults before it."""
    with start_fault_proxy(registry.host) as proxy:
        yield proxy


@pytest.fixture
def path() -> str:
    """A repository that nobody has used."""
    return f"tests/{uuid.uuid4().hex[:12]}"


@pytest.fixture
def opened(registry: RegistryServer) -> Iterator[Registry]:
    """A connection to the open registry."""
    with open_registry(registry.host, settings()) as opened:
        yield opened


@pytest.fixture
def through_proxy(proxy: FaultProxy) -> Iterator[Registry]:
    """A connection to the open registry through its proxy."""
    with open_registry(proxy.host, settings()) as opened:
        proxy.clear()
        yield opened


@pytest.fixture
def with_token(token_registry: RegistryServer, tmp_path: Path) -> Iterator[Registry]:
    """A connection to the registry with a token service, logged in."""
    config = login(
        tmp_path / "config.json",
        token_registry.host,
        token_registry.username,
        token_registry.password,
    )
    assert token_registry.tokens
    token_registry.tokens.grants.clear()
    with open_registry(token_registry.host, settings(docker_config=config)) as opened:
        yield opened


@pytest.fixture
def image(tmp_path: Path) -> BuiltImage:
    """A small image: a layer of 3 MB below one of 100 bytes."""
    blobs = tmp_path / "blobs"
    return make_image(
        blobs,
        make_layer(blobs, {"data": noise(3_000_000, seed=1)}),
        make_layer(blobs, {"hello": b"hello"}),
    )
