"""Pushes through networks and registries that fail."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import httpx
import pytest

from kernel_containers.core.reference import ImageReference, Repository
from kernel_containers.errors import NotFound, Refused, TryAgain, Unauthorized, Unavailable
from kernel_containers.registry.connect import open_registry
from kernel_containers.registry.push import push
from kernel_containers.registry.tags import tag_digest
from tests.registry.samples import Recorder, login, sessions, settings, sizes
from tests.support.faultproxy import start_fault_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel_containers.core.oci import BuiltImage
    from kernel_containers.registry.client import Registry
    from tests.support.faultproxy import FaultProxy
    from tests.support.registry import RegistryServer

LARGE = 3_000_000  # bytes; the image's layer has a few more


def to(registry: Registry, path: str) -> ImageReference:
    return ImageReference(Repository(registry.host, path), "v1")


def errors(code: str, message: str = "", detail: object = None) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message, "detail": detail}]}).encode()


PASSING = {
    "503 at the start of uploads": {"kind": "status", "method": "POST", "times": 3},
    "500 in a stream": {"kind": "status", "method": "PATCH", "status": 500, "times": 2},
    "502 at the end": {"kind": "status", "method": "PUT", "status": 502, "path": "digest="},
    "429 with a wait": {
        "kind": "status",
        "method": "PATCH",
        "status": 429,
        "headers": {"Retry-After": "0"},
    },
    "408": {"kind": "status", "method": "PATCH", "status": 408},
    "a reset before anything": {"kind": "reset", "method": "POST"},
    "a reset in the stream": {"kind": "reset_body", "method": "PATCH", "after": LARGE // 2},
    "a lost upload": {
        "kind": "status",
        "method": "PATCH",
        "status": 404,
        "body": errors("BLOB_UPLOAD_UNKNOWN"),
    },
    "bytes that were changed on the way": {
        "kind": "status",
        "method": "PUT",
        "path": "digest=",
        "status": 400,
        "body": errors("DIGEST_INVALID"),
    },
    "a cut answer to HEAD": {"kind": "reset", "method": "HEAD", "path": "/blobs/"},
    "500 at the manifest": {"kind": "status", "method": "PUT", "path": "manifests", "status": 500},
    "429 at the manifest": {"kind": "status", "method": "PUT", "path": "manifests", "status": 429},
    "a reset at the manifest": {"kind": "reset", "method": "PUT", "path": "manifests"},
    "a lost answer to the manifest": {
        "kind": "cut_response",
        "method": "PUT",
        "path": "manifests",
        "after": 0,
    },
    "503 at reading back": {"kind": "status", "method": "HEAD", "path": "/manifests/"},
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_what_passes_is_waited_for(
    proxy: FaultProxy,
    through_proxy: Registry,
    image: BuiltImage,
    path: str,
    fault: dict[str, object],
) -> None:
    proxy.add(**fault)  # type: ignore[arg-type]

    result = push(image, to(through_proxy, path), through_proxy)

    assert any(seen.fault for seen in proxy.seen)
    assert result.descriptor.digest == image.digest
    assert tag_digest(through_proxy, to(through_proxy, path)) == image.digest


def test_a_cut_blob_starts_anew_and_its_bytes_are_counted_twice(
    proxy: FaultProxy, through_proxy: Registry, image: BuiltImage, path: str
) -> None:
    proxy.add("reset_body", method="PATCH", after=LARGE // 2)

    result = push(image, to(through_proxy, path), through_proxy)

    large = image.manifest.layers[0].size
    patches = [seen for seen in proxy.seen if seen.method == "PATCH"]
    assert [seen.received == large for seen in patches] == [False, True]
    assert sizes(image) + LARGE // 2 < result.bytes_sent <= sizes(image) + large + 10_000


def test_a_session_whose_stream_was_refused_is_deleted(
    proxy: FaultProxy,
    through_proxy: Registry,
    registry: RegistryServer,
    image: BuiltImage,
    path: str,
) -> None:
    proxy.add("status", method="PATCH", times=2)

    push(image, to(through_proxy, path), through_proxy)

    assert sessions(registry, path) == []


LASTING = {
    "always 429": ({"kind": "status", "method": "PATCH", "status": 429}, TryAgain),
    "a wait that is too long": (
        {"kind": "status", "method": "PATCH", "status": 429, "headers": {"Retry-After": "3600"}},
        TryAgain,
    ),
    "always 500": ({"kind": "status", "method": "PATCH", "status": 500}, Unavailable),
    "always 507": ({"kind": "status", "method": "PATCH", "status": 507}, Unavailable),
    "always a reset": ({"kind": "reset_body", "method": "PATCH", "after": 1000}, Unavailable),
    "a reset at the manifest": ({"kind": "reset", "method": "PUT", "path": "manif"}, Unavailable),
    "429 at the manifest": (
        {"kind": "status", "method": "PUT", "path": "manif", "status": 429},
        TryAgain,
    ),
    "403": (
        {"kind": "status", "method": "POST", "status": 403, "body": errors("DENIED", "no")},
        Unauthorized,
    ),
    "no such repository": (
        {"kind": "status", "method": "POST", "status": 404, "body": errors("NAME_UNKNOWN", "?")},
        NotFound,
    ),
    "too large": ({"kind": "status", "method": "PATCH", "status": 413}, Refused),
    "an invalid manifest": (
        {
            "kind": "status",
            "method": "PUT",
            "path": "manif",
            "status": 400,
            "body": errors("MANIFEST_INVALID", "no"),
        },
        Refused,
    ),
    "a fixed tag": (
        {
            "kind": "status",
            "method": "PUT",
            "path": "manif",
            "status": 400,
            "body": errors("TAG_INVALID", "The image tag 'v1' already exists"),
        },
        Refused,
    ),
    "an upload that is nowhere": ({"kind": "status", "method": "POST", "status": 202}, Unavailable),
    "an upload that was not asked for": (
        {"kind": "status", "method": "POST", "status": 201},
        Unavailable,
    ),
    "a manifest that is gone": (
        {"kind": "status", "method": "HEAD", "path": "/manifests/", "status": 404},
        Unavailable,
    ),
}


@pytest.mark.parametrize("case", LASTING.values(), ids=LASTING.keys())
def test_what_lasts_is_an_error_of_its_kind(
    proxy: FaultProxy,
    through_proxy: Registry,
    image: BuiltImage,
    path: str,
    case: tuple[dict[str, object], type[Exception]],
) -> None:
    fault, expected = case
    proxy.add(times=None, **fault)  # type: ignore[arg-type]

    with pytest.raises(expected) as caught:
        push(image, to(through_proxy, path), through_proxy)

    assert type(caught.value) is expected
    assert through_proxy.host in str(caught.value)


@pytest.mark.parametrize("status", [403, 404, 413])
def test_a_no_is_not_asked_for_again(
    proxy: FaultProxy, through_proxy: Registry, image: BuiltImage, path: str, status: int
) -> None:
    proxy.add("status", method="PATCH", status=status, times=None)

    with pytest.raises((Refused, NotFound)):
        push(image, to(through_proxy, path), through_proxy)

    assert [seen.method for seen in proxy.seen].count("PATCH") == 1


def test_attempts_are_limited(
    proxy: FaultProxy, through_proxy: Registry, image: BuiltImage, path: str
) -> None:
    proxy.add("status", method="PATCH", status=503, times=None)

    with pytest.raises(Unavailable):
        push(image, to(through_proxy, path), through_proxy)

    attempts = [seen.method for seen in proxy.seen].count("PATCH")
    assert attempts == through_proxy.settings.attempts


def test_a_manifest_whose_blobs_are_unknown_has_them_sent_once_more(
    proxy: FaultProxy, through_proxy: Registry, image: BuiltImage, path: str
) -> None:
    push(image, to(through_proxy, path), through_proxy)
    named = image.manifest.layers[1].digest
    body = errors("MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", {"digest": str(named)})
    proxy.add("status", method="PUT", path="manifests", status=400, body=body)

    result = push(image, to(through_proxy, path), through_proxy)

    assert result.blobs_sent == (named,)


def test_a_registry_that_never_knows_the_blobs_is_not_asked_for_ever(
    proxy: FaultProxy, through_proxy: Registry, image: BuiltImage, path: str
) -> None:
    body = errors("MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
    proxy.add("status", method="PUT", path="manifests", status=400, body=body, times=None)

    with pytest.raises(Refused, match="MANIFEST_BLOB_UNKNOWN"):
        push(image, to(through_proxy, path), through_proxy)

    manifests = [seen for seen in proxy.seen if "manifests" in seen.target and seen.method == "PUT"]
    assert len(manifests) == 2


@pytest.fixture
def logged_in(
    password_registry: RegistryServer, tmp_path: Path
) -> Iterator[tuple[FaultProxy, Registry]]:
    """A registry with a password, behind faults."""
    with start_fault_proxy(password_registry.host) as proxy:
        config = login(
            tmp_path / "config.json",
            proxy.host,
            password_registry.username,
            password_registry.password,
        )
        with open_registry(proxy.host, settings(docker_config=config)) as opened:
            yield proxy, opened


def test_a_login_that_expires_in_the_middle_is_renewed_once(
    token_registry: RegistryServer, image: BuiltImage, path: str, tmp_path: Path
) -> None:
    tokens = token_registry.tokens
    assert tokens
    challenge = f'Bearer realm="{tokens.realm}",service="{tokens.service}",error="invalid_token"'
    with start_fault_proxy(token_registry.host) as proxy:
        config = login(
            tmp_path / "config.json", proxy.host, token_registry.username, token_registry.password
        )
        with open_registry(proxy.host, settings(docker_config=config)) as opened:
            tokens.grants.clear()
            proxy.add("status", method="PATCH", status=401, headers={"WWW-Authenticate": challenge})

            push(image, to(opened, path), opened)

            assert tag_digest(opened, to(opened, path)) == image.digest
            assert [seen.status for seen in proxy.seen if seen.method == "PATCH"] == [401, 202]
            assert len(tokens.grants) == 2


def test_a_login_that_is_refused_again_and_again_is_an_error(
    logged_in: tuple[FaultProxy, Registry], image: BuiltImage, path: str
) -> None:
    proxy, opened = logged_in
    proxy.add(
        "status",
        method="PATCH",
        status=401,
        headers={"WWW-Authenticate": 'Basic realm="tests"'},
        times=None,
    )

    with pytest.raises(Unauthorized, match=f"docker login {proxy.host}"):
        push(image, to(opened, path), opened)

    # The same password would be refused again, so it is not even sent.
    assert [seen.method for seen in proxy.seen].count("PATCH") == 1


def test_an_error_that_repeats_the_password_is_masked(
    logged_in: tuple[FaultProxy, Registry],
    password_registry: RegistryServer,
    image: BuiltImage,
    path: str,
) -> None:
    proxy, opened = logged_in
    pair = f"{password_registry.username}:{password_registry.password}".encode()
    encoded = base64.b64encode(pair).decode()
    body = errors("DENIED", f"Authorization: Basic {encoded} of {password_registry.password}")
    proxy.add("status", method="PATCH", status=403, body=body, times=None)

    with pytest.raises(Unauthorized) as caught:
        push(image, to(opened, path), opened)

    assert "DENIED: Authorization: Basic ******** of ********" in str(caught.value)
    assert encoded not in str(caught.value)


def test_credentials_do_not_go_to_another_host(
    logged_in: tuple[FaultProxy, Registry], image: BuiltImage, path: str
) -> None:
    proxy, opened = logged_in
    with Recorder(201, {"Docker-Content-Digest": ""}) as elsewhere:
        location = f"http://{elsewhere.host}/store/1?state=a%2Fb&x=1"
        proxy.add("status", method="POST", status=202, headers={"Location": location}, times=None)
        body = errors("MANIFEST_BLOB_UNKNOWN")
        proxy.add("status", method="PUT", path="manifests", status=400, body=body, times=None)

        with pytest.raises(Refused):
            push(image, to(opened, path), opened)

    assert {method for method, _, _ in elsewhere.requests} == {"PATCH", "PUT"}
    for _, target, headers in elsewhere.requests:
        assert target.startswith("/store/1?state=a%2Fb&x=1")
        assert "Authorization" not in headers


def test_an_upload_may_be_sent_to_another_host(
    proxy: FaultProxy,
    through_proxy: Registry,
    registry: RegistryServer,
    image: BuiltImage,
    path: str,
) -> None:
    with start_fault_proxy(registry.host) as elsewhere:
        for _ in (image.manifest.config, *image.manifest.layers):
            started = httpx.post(f"{registry.url}/v2/{path}/blobs/uploads/")
            location = f"{elsewhere.url}{started.headers['Location']}"
            proxy.add("status", method="POST", status=202, headers={"Location": location})

        push(image, to(through_proxy, path), through_proxy)

        assert elsewhere.sent("PATCH") == image.manifest.layers[0].size
    assert tag_digest(through_proxy, to(through_proxy, path)) == image.digest


def test_a_registry_that_redirects_a_blob_to_a_store_is_believed(
    proxy: FaultProxy,
    through_proxy: Registry,
    registry: RegistryServer,
    image: BuiltImage,
    path: str,
) -> None:
    push(image, to(through_proxy, path), through_proxy)
    layer = image.manifest.layers[0].digest
    location = f"{registry.url}/v2/{path}/blobs/{layer}"
    proxy.add("status", method="HEAD", path=str(layer), status=307, headers={"Location": location})

    result = push(image, to(through_proxy, path), through_proxy)

    assert result.blobs_sent == ()


def test_redirects_without_end_are_given_up(
    proxy: FaultProxy, through_proxy: Registry, image: BuiltImage, path: str
) -> None:
    proxy.add("status", method="HEAD", status=307, headers={"Location": "?again"}, times=None)

    with pytest.raises(Unavailable, match="redirects without end"):
        push(image, to(through_proxy, path), through_proxy)
