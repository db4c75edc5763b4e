"""Layers that are sent while others are built: once, and left to the push where that fails."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.reference import ImageReference, Repository
from kernel_containers.errors import Unauthorized
from kernel_containers.registry.ahead import Ahead
from kernel_containers.registry.known import KnownBlobs
from kernel_containers.registry.push import push
from kernel_containers.registry.tags import tag_digest
from tests.registry.samples import sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kernel_containers.core.oci import BuiltImage, Descriptor
    from kernel_containers.registry.client import Registry
    from tests.support.faultproxy import FaultProxy
    from tests.support.registry import RegistryServer


@pytest.fixture
def to(through_proxy: Registry, path: str) -> ImageReference:
    return ImageReference(Repository(through_proxy.host, path), "v1")


@pytest.fixture
def large(image: BuiltImage) -> Descriptor:
    """The layer of 3 MB."""
    return image.manifest.layers[0]


def sending(image: BuiltImage, to: ImageReference, registry: Registry) -> Ahead:
    return Ahead(to.repository, lambda: nullcontext(registry), image.blob)


def wait_for(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_put(proxy: FaultProxy, blob: Descriptor) -> bool:
    return any(
        seen.method == "PUT" and blob.digest.hex in seen.target and seen.status == 201
        for seen in proxy.seen
    )


def no_threads() -> bool:
    return not any(t.name.startswith("registry-ahead") for t in threading.enumerate())


def test_what_was_sent_ahead_is_not_sent_again(
    proxy: FaultProxy,
    through_proxy: Registry,
    image: BuiltImage,
    large: Descriptor,
    to: ImageReference,
) -> None:
    with sending(image, to, through_proxy) as ahead:
        ahead.add(large)
        ahead.add(large)
        wait_for(lambda: is_put(proxy, large))
        result = push(image, to, through_proxy, ahead=ahead)

    assert tag_digest(through_proxy, to) == image.digest
    assert proxy.sent("PATCH") == large.size
    assert large.digest in result.blobs_sent
    assert result.bytes_sent >= large.size
    assert no_threads()


def test_a_push_waits_for_what_is_on_its_way(
    proxy: FaultProxy,
    through_proxy: Registry,
    image: BuiltImage,
    large: Descriptor,
    to: ImageReference,
) -> None:
    proxy.add("delay", method="PATCH", seconds=0.5)

    with sending(image, to, through_proxy) as ahead:
        ahead.add(large)
        wait_for(lambda: any(seen.method == "PATCH" for seen in proxy.seen))
        push(image, to, through_proxy, ahead=ahead)

    assert tag_digest(through_proxy, to) == image.digest
    assert proxy.sent("PATCH") == large.size


def test_small_and_known_blobs_are_left_to_the_push(
    image: BuiltImage, large: Descriptor, to: ImageReference, tmp_path: Path
) -> None:
    known = KnownBlobs(tmp_path / "known.json")
    known.remember(to.repository, [large.digest])

    @contextmanager
    def never() -> Iterator[Registry]:
        raise AssertionError
        yield

    with Ahead(to.repository, never, image.blob, known) as ahead:
        ahead.add(large)
        ahead.add(image.manifest.layers[1])

        assert no_threads()


def test_a_blob_that_fails_ahead_is_sent_by_the_push(
    proxy: FaultProxy,
    through_proxy: Registry,
    image: BuiltImage,
    to: ImageReference,
    registry: RegistryServer,
) -> None:
    large = image.manifest.layers[0]
    proxy.add("status", method="PATCH", status=403)

    with sending(image, to, through_proxy) as ahead:
        ahead.add(large)
        wait_for(lambda: any(seen.fault for seen in proxy.seen))
        push(image, to, through_proxy, ahead=ahead)

    assert tag_digest(through_proxy, to) == image.digest
    assert sessions(registry, to.repository.path) == []


def test_what_fails_in_both_is_said_by_the_push(
    proxy: FaultProxy,
    through_proxy: Registry,
    image: BuiltImage,
    large: Descriptor,
    to: ImageReference,
) -> None:
    proxy.add("status", method="POST", status=403, times=None)

    def build_and_push() -> None:
        with sending(image, to, through_proxy) as ahead:
            ahead.add(large)
            push(image, to, through_proxy, ahead=ahead)

    with pytest.raises(Unauthorized):
        build_and_push()

    assert no_threads()


def test_a_build_that_ends_early_leaves_no_session(
    proxy: FaultProxy,
    through_proxy: Registry,
    image: BuiltImage,
    to: ImageReference,
    registry: RegistryServer,
) -> None:
    large = image.manifest.layers[0]
    proxy.add("delay", method="POST", seconds=0.3)

    def build() -> None:
        with sending(image, to, through_proxy) as ahead:
            ahead.add(large)
            wait_for(lambda: any(seen.method == "POST" for seen in proxy.seen))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build()

    assert no_threads()
    assert sessions(registry, to.repository.path) == []
