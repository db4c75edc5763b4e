"""One fault at each request of a push: what passes is survived, what lasts ends in order."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from kernel_containers.core import oci
from kernel_containers.core.digest import Digest
from kernel_containers.core.reference import ImageReference, Repository
from kernel_containers.errors import KernelContainersError, TryAgain, Unauthorized, Unavailable
from kernel_containers.registry.connect import open_registry
from kernel_containers.registry.known import KnownBlobs
from kernel_containers.registry.push import push
from tests.registry.samples import login, make_image, make_layer, noise, settings
from tests.support.faultproxy import start_fault_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel_containers.core.oci import BuiltImage
    from kernel_containers.registry.client import Registry
    from tests.support.faultproxy import FaultProxy
    from tests.support.registry import RegistryServer

# One after the other, so that the requests of a push always come in the same order.
ONE_BY_ONE = {"concurrency": 1, "attempts": 8}
LARGE = 1_200_000  # bytes; more than what is sent with a PUT


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> BuiltImage:
    """A layer that is streamed, one that is not, and a config."""
    blobs = tmp_path_factory.mktemp("blobs")
    return make_image(
        blobs,
        make_layer(blobs, {"data": noise(LARGE, seed=2)}),
        make_layer(blobs, {"hello": b"hello"}),
    )


@pytest.fixture
def client(registry: RegistryServer) -> Iterator[httpx.Client]:
    """Questions to the registry itself."""
    with httpx.Client(base_url=registry.url, headers={"Accept": oci.MANIFEST}) as client:
        yield client


def new_reference(registry: Registry) -> ImageReference:
    return ImageReference(Repository(registry.host, f"tests/{uuid.uuid4().hex[:12]}"), "v1")


def cases(all_of_them: dict[str, Any], *always: str) -> list[Any]:
    """Return what `parametrize` takes; all cases but some are slow ones."""
    return [
        pytest.param(case, id=name, marks=() if name in always else pytest.mark.full)
        for name, case in all_of_them.items()
    ]


def recorded(proxy: FaultProxy, registry: Registry, image: BuiltImage) -> list[tuple[str, str]]:
    """Return method and kind of each request of a push that nothing disturbs."""
    proxy.clear()
    push(image, new_reference(registry), registry)
    found = [(seen.method, kind_of(seen.target)) for seen in proxy.seen]
    assert [method for method, _ in found].count("PATCH") == 1
    assert [kind for _, kind in found][-2:] == ["manifests", "manifests"]
    return found


def kind_of(target: str) -> str:
    return next(kind for kind in ("uploads", "blobs", "manifests") if f"/{kind}/" in target)


def stored(proxy: FaultProxy) -> set[str]:
    """Return the digests whose upload the client was told to have succeeded."""
    return {
        seen.target.rpartition("digest=")[2].replace("%3A", ":")
        for seen in proxy.seen
        if seen.method == "PUT" and "digest=" in seen.target and seen.status == 201
        if seen.fault is None
    }


def took_manifest(proxy: FaultProxy) -> bool:
    """Whether a manifest got to the registry, even where its answer was lost."""
    return any(
        seen.method == "PUT" and kind_of(seen.target) == "manifests" and seen.status == 201
        for seen in proxy.seen
    )


def check_whole(client: httpx.Client, to: ImageReference, image: BuiltImage) -> None:
    """See that the tag names the image and that every byte of it is there."""
    path = f"/v2/{to.repository.path}"
    assert client.get(f"{path}/manifests/{to.tag}").content == image.manifest_bytes
    for blob in (image.manifest.config, *image.manifest.layers):
        assert Digest.of(client.get(f"{path}/blobs/{blob.digest}").content) == blob.digest


def has_tag(client: httpx.Client, to: ImageReference) -> bool:
    path = f"/v2/{to.repository.path}/manifests/{to.tag}"
    return client.head(path).status_code == 200


PASSING: dict[str, dict[str, Any]] = {
    "429": {"kind": "status", "status": 429, "headers": {"Retry-After": "0"}},
    "500": {"kind": "status", "status": 500},
    "503": {"kind": "status", "status": 503},
    "a reset before the request": {"kind": "reset"},
    "a reset in the request": {"kind": "reset_body", "after": LARGE // 2},
    "a reset after the answer's head": {"kind": "cut_response", "after": 0},
    "a reset in the answer's head": {"kind": "lost"},
}


@pytest.mark.parametrize("fault", cases(PASSING, "503", "a reset in the answer's head"))
def test_a_fault_that_passes_is_survived_at_every_request(
    proxy: FaultProxy, client: httpx.Client, image: BuiltImage, fault: dict[str, Any]
) -> None:
    with open_registry(proxy.host, settings(**ONE_BY_ONE)) as opened:
        _survive(proxy, client, opened, image, fault)


@pytest.mark.full
def test_silence_is_survived_at_every_request(
    proxy: FaultProxy, client: httpx.Client, image: BuiltImage
) -> None:
    # The limit is one for every request; a slow machine that hits it elsewhere asks once more.
    with open_registry(proxy.host, settings(**ONE_BY_ONE, timeout=0.5)) as opened:
        _survive(proxy, client, opened, image, {"kind": "hang"})


def _survive(
    proxy: FaultProxy,
    client: httpx.Client,
    opened: Registry,
    image: BuiltImage,
    fault: dict[str, Any],
) -> None:
    for number, request in enumerate(recorded(proxy, opened, image)):
        proxy.clear()
        proxy.add(skip=number, **fault)
        to = new_reference(opened)

        result = push(image, to, opened)

        assert proxy.seen[number].fault, request
        assert result.descriptor.digest == image.digest, request
        check_whole(client, to, image)


LASTING: dict[str, tuple[dict[str, Any], type[KernelContainersError]]] = {
    "401": (
        {"kind": "status", "status": 401, "headers": {"WWW-Authenticate": 'Basic realm="t"'}},
        Unauthorized,
    ),
    "403": ({"kind": "status", "status": 403}, Unauthorized),
    "429": ({"kind": "status", "status": 429, "headers": {"Retry-After": "0"}}, TryAgain),
    "500": ({"kind": "status", "status": 500}, Unavailable),
    "503": ({"kind": "status", "status": 503}, Unavailable),
    "resets before the request": ({"kind": "reset"}, Unavailable),
    "resets in the request": ({"kind": "reset_body"}, Unavailable),
    "resets in the answer's head": ({"kind": "lost"}, Unavailable),
    "silence": ({"kind": "hang"}, Unavailable),
}


@pytest.mark.parametrize("case", cases(LASTING, "403"))
def test_a_fault_that_lasts_leaves_no_tag_and_the_next_push_sends_only_what_was_not_stored(
    proxy: FaultProxy,
    client: httpx.Client,
    image: BuiltImage,
    tmp_path: Path,
    case: tuple[dict[str, Any], type[KernelContainersError]],
) -> None:
    fault, expected = case
    limit = 1.0 if fault["kind"] == "hang" else 60.0  # seconds of silence
    with open_registry(proxy.host, settings(concurrency=1, attempts=2, timeout=limit)) as opened:
        requests = recorded(proxy, opened, image)
        if fault["kind"] == "reset_body":
            del requests[-1]  # it has none, and no request with one follows
        for number, request in enumerate(requests):
            known = KnownBlobs(tmp_path / f"known-{number}.json")
            proxy.clear()
            proxy.add(skip=number, times=None, **fault)
            to = new_reference(opened)

            with pytest.raises(expected) as caught:
                push(image, to, opened, known=known)

            assert type(caught.value) is expected, request
            assert has_tag(client, to) == took_manifest(proxy), request
            confirmed = stored(proxy)
            proxy.clear()
            push(image, to, opened, known=known)
            assert confirmed.isdisjoint(stored(proxy)), request
            check_whole(client, to, image)


def test_a_login_that_expires_is_renewed_at_every_request(
    token_registry: RegistryServer, image: BuiltImage, tmp_path: Path
) -> None:
    tokens = token_registry.tokens
    assert tokens
    challenge = f'Bearer realm="{tokens.realm}",service="{tokens.service}",error="invalid_token"'
    with start_fault_proxy(token_registry.host) as proxy:
        config = login(
            tmp_path / "config.json", proxy.host, token_registry.username, token_registry.password
        )
        with open_registry(proxy.host, settings(docker_config=config, **ONE_BY_ONE)) as opened:
            scope_is_new = {401}  # each repository's first request is refused and sent again
            to = new_reference(opened)
            push(image, to, opened)
            proxy.clear()
            push(image, new_reference(opened), opened)
            statuses = [seen.status for seen in proxy.seen]
            first = next(n for n, status in enumerate(statuses) if status not in scope_is_new)
            for number in range(first + 1, len(statuses)):
                proxy.clear()
                tokens.grants.clear()
                proxy.add(
                    "status", skip=number, status=401, headers={"WWW-Authenticate": challenge}
                )

                result = push(image, new_reference(opened), opened)

                assert proxy.seen[number].fault
                assert result.descriptor.digest == image.digest
                assert len(tokens.grants) == 2
