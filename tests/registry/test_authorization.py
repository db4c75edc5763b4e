"""Passwords, tokens and who may do what."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.reference import ImageReference, Repository
from kernel_containers.errors import Refused, Unauthorized, Unavailable
from kernel_containers.registry.connect import open_registry
from kernel_containers.registry.pull import pull
from kernel_containers.registry.push import push
from kernel_containers.registry.repositories import list_repositories
from kernel_containers.registry.tags import tag_digest
from tests.registry.samples import Recorder, known_at, list_tags, login, settings
from tests.support import token_server

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.core.oci import BuiltImage
    from kernel_containers.registry.client import Registry
    from tests.support.registry import RegistryServer
    from tests.support.token_server import TokenServer


def to(host: str, path: str) -> ImageReference:
    return ImageReference(Repository(host, path), "v1")


@pytest.fixture
def tokens(token_registry: RegistryServer) -> TokenServer:
    assert token_registry.tokens
    token_registry.tokens.grants.clear()
    return token_registry.tokens


def test_a_password_and_a_certificate_open_a_registry(
    secure_registry: RegistryServer, image: BuiltImage, path: str, tmp_path: Path
) -> None:
    server = secure_registry
    config = login(tmp_path / "config.json", server.host, server.username, server.password)
    here = settings(docker_config=config, ca_file=server.ca)

    with open_registry(server.host, here) as opened:
        push(image, to(server.host, path), opened)

        assert tag_digest(opened, to(server.host, path)) == image.digest


def test_a_helper_on_path_opens_a_registry(
    password_registry: RegistryServer,
    image: BuiltImage,
    path: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = tmp_path / "docker-credential-tests"
    answer = {"Username": password_registry.username, "Secret": password_registry.password}
    program.write_text(f"#!/bin/sh\nread -r server\necho '{json.dumps(answer)}'\n")
    program.chmod(0o755)
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "tests"}))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    with open_registry(password_registry.host, settings()) as opened:
        push(image, to(opened.host, path), opened)

        assert list_tags(opened, path) == ("v1",)


@pytest.mark.parametrize("mode", ["password", "token"])
def test_a_wrong_password_is_refused_without_being_shown(
    mode: str,
    password_registry: RegistryServer,
    token_registry: RegistryServer,
    image: BuiltImage,
    tmp_path: Path,
) -> None:
    server = token_registry if mode == "token" else password_registry
    config = login(tmp_path / "config.json", server.host, server.username, "wr0ng-passw0rd")

    with (
        open_registry(server.host, settings(docker_config=config)) as opened,
        pytest.raises(Unauthorized) as caught,
    ):
        push(image, to(server.host, "tests/denied"), opened)

    assert f"docker login {server.host}" in str(caught.value)
    assert "wr0ng-passw0rd" not in str(caught.value)


@pytest.mark.parametrize("mode", ["password", "token"])
def test_who_did_not_log_in_is_told_how_to(
    mode: str,
    password_registry: RegistryServer,
    token_registry: RegistryServer,
    image: BuiltImage,
) -> None:
    server = token_registry if mode == "token" else password_registry

    with (
        open_registry(server.host, settings()) as opened,
        pytest.raises(Unauthorized, match=f"docker login {server.host}"),
    ):
        push(image, to(server.host, "tests/denied"), opened)


def test_an_identity_token_does_not_open_a_registry_that_wants_a_password(
    password_registry: RegistryServer, tmp_path: Path
) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"auths": {password_registry.host: {"identitytoken": "t0ken"}}}))

    with (
        open_registry(password_registry.host, settings(docker_config=config)) as opened,
        pytest.raises(Unauthorized, match="takes passwords"),
    ):
        list_tags(opened, "tests/denied")


def test_one_token_serves_a_whole_push(
    with_token: Registry, tokens: TokenServer, image: BuiltImage, path: str
) -> None:
    push(image, to(with_token.host, path), with_token)

    assert [(grant.user, grant.scopes) for grant in tokens.grants] == [
        ("analyst", [f"repository:{path}:pull,push"])
    ]


def test_a_mount_asks_for_the_right_to_pull_its_source(
    with_token: Registry, tokens: TokenServer, image: BuiltImage, path: str, tmp_cache: Path
) -> None:
    base = to(with_token.host, f"{path}/base")
    push(image, base, with_token)
    tokens.grants.clear()
    layer = image.manifest.layers[0].digest

    result = push(
        image,
        to(with_token.host, f"{path}/report"),
        with_token,
        known=known_at(tmp_cache, base, {layer}),
    )

    assert result.blobs_mounted == (layer,)
    assert [f"repository:{path}/base:pull", f"repository:{path}/report:pull,push"] in [
        sorted(grant.scopes) for grant in tokens.grants
    ]


def test_an_identity_token_buys_access_tokens(
    token_registry: RegistryServer,
    tokens: TokenServer,
    image: BuiltImage,
    path: str,
    tmp_path: Path,
) -> None:
    entry = {"identitytoken": token_server.IDENTITY_TOKEN}
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"auths": {token_registry.host: entry}}))

    with open_registry(token_registry.host, settings(docker_config=config)) as opened:
        push(image, to(opened.host, path), opened)

    assert [grant.method for grant in tokens.grants] == ["POST"]


def test_an_expired_token_is_renewed_once_and_not_for_ever(
    with_token: Registry, tokens: TokenServer, path: str
) -> None:
    tokens.stale = 1

    with pytest.raises(Unauthorized):  # a new token that is refused is no reason to get another
        tag_digest(with_token, to(with_token.host, path))
    grants = len(tokens.grants)
    tag_digest(with_token, to(with_token.host, path))  # begins with the token that has expired

    assert (grants, len(tokens.grants)) == (1, 2)


def test_a_token_is_renewed_before_its_time_is_over(
    with_token: Registry, tokens: TokenServer, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "lifetime", 1)
    tag_digest(with_token, to(with_token.host, path))

    time.sleep(1.0)  # the registry itself forgives a minute, so it would still take the old one
    tag_digest(with_token, to(with_token.host, path))

    assert len(tokens.grants) == 2


def test_who_may_only_read_pulls_and_does_not_push(
    with_token: Registry,
    token_registry: RegistryServer,
    image: BuiltImage,
    path: str,
    tmp_path: Path,
) -> None:
    push(image, to(with_token.host, path), with_token)
    config = login(
        tmp_path / "reader.json", token_registry.host, token_server.READER, token_server.PASSWORD
    )

    with open_registry(token_registry.host, settings(docker_config=config)) as opened:
        pulled = pull(to(opened.host, path), opened, tmp_path / "pulled")
        with pytest.raises(Unauthorized, match="with an account that may do this"):
            push(image, to(opened.host, f"{path}/denied"), opened)

    assert pulled.digest == image.digest


def test_the_catalog_needs_a_right_of_its_own(
    with_token: Registry, tokens: TokenServer, image: BuiltImage, path: str
) -> None:
    push(image, to(with_token.host, path), with_token)

    assert path in list_repositories(with_token)
    assert tokens.grants[-1].scopes == ["registry:catalog:*"]


BAD_CHALLENGES = {
    "no realm": ('Bearer service="x"', Unavailable, "does not say whose"),
    "an unknown scheme": ("Negotiate", Unauthorized, "not supported"),
    "nothing": ("", Unauthorized, "refused to list the tags"),
    "a token service that is not there": (
        'Bearer realm="http://127.0.0.1:1/token"',
        Unavailable,
        "Connection refused",
    ),
}


@pytest.mark.parametrize("case", BAD_CHALLENGES.values(), ids=BAD_CHALLENGES.keys())
def test_a_challenge_that_can_not_be_met_is_an_error(
    case: tuple[str, type[Exception], str],
) -> None:
    challenge, expected, message = case
    with (
        Recorder(401, {"WWW-Authenticate": challenge} if challenge else {}) as server,
        open_registry(server.host, settings()) as opened,
        pytest.raises(expected, match=message),
    ):
        list_tags(opened, "team/report")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"token": 1}', b"hunter2"])
def test_a_token_service_without_a_token_is_an_error(body: bytes) -> None:
    with Recorder(200, {}, body) as service:
        challenge = f'Bearer realm="http://{service.host}/token"'
        with (
            Recorder(401, {"WWW-Authenticate": challenge}) as server,
            open_registry(server.host, settings()) as opened,
            pytest.raises(Unavailable, match="did not answer with a token") as caught,
        ):
            list_tags(opened, "team/report")

    assert "hunter2" not in str(caught.value)


def test_a_password_does_not_go_to_a_realm_without_encryption(tmp_path: Path) -> None:
    challenge = 'Bearer realm="http://tokens.example.com/token"'
    with Recorder(401, {"WWW-Authenticate": challenge}) as server:
        config = login(tmp_path / "config.json", server.host, "ann", "secret")
        with (
            open_registry(server.host, settings(docker_config=config)) as opened,
            pytest.raises(Refused, match="without encryption"),
        ):
            list_tags(opened, "team/report")
