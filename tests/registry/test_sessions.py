"""Upload sessions that are opened before it is known what for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.reference import ImageReference, Repository
from kernel_containers.registry.push import push
from kernel_containers.registry.sessions import Sessions
from tests.registry.samples import make_image, make_layer, sessions

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.core.oci import BuiltImage
    from kernel_containers.registry.client import Registry
    from tests.support.faultproxy import FaultProxy
    from tests.support.registry import RegistryServer


@pytest.fixture
def small(tmp_path: Path) -> BuiltImage:
    """An image with two small blobs, a layer and its config."""
    return make_image(tmp_path / "blobs", make_layer(tmp_path / "blobs", {"hello": b"hello"}))


def asked(proxy: FaultProxy, method: str) -> int:
    return sum(seen.method == method for seen in proxy.seen)


def test_small_blobs_take_them_and_the_rest_is_deleted(
    proxy: FaultProxy,
    registry: RegistryServer,
    through_proxy: Registry,
    small: BuiltImage,
    path: str,
) -> None:
    to = ImageReference(Repository(through_proxy.host, path), "v1")

    with Sessions(through_proxy, path) as opened:
        pushed = push(small, to, through_proxy, opened=opened)

    assert len(pushed.blobs_sent) == 2
    assert (asked(proxy, "POST"), asked(proxy, "DELETE")) == (3, 1)
    assert sessions(registry, path) == []


@pytest.mark.parametrize(
    "fault",
    [
        {"method": "POST", "status": 500},
        {"method": "POST", "status": 403},
        {"method": "PUT", "status": 404, "body": b'{"errors": [{"code": "BLOB_UPLOAD_UNKNOWN"}]}'},
    ],
)
def test_what_goes_wrong_with_them_does_not_stop_a_push(  # noqa: PLR0917
    proxy: FaultProxy,
    registry: RegistryServer,
    through_proxy: Registry,
    small: BuiltImage,
    path: str,
    fault: dict[str, object],
) -> None:
    to = ImageReference(Repository(through_proxy.host, path), "v1")
    proxy.add("status", path="uploads", **fault)

    with Sessions(through_proxy, path, 1) as opened:
        pushed = push(small, to, through_proxy, opened=opened)

    assert len(pushed.blobs_sent) == 2
    assert sessions(registry, path) == []


def test_sessions_of_a_push_that_never_comes_are_deleted(
    registry: RegistryServer, opened: Registry, path: str
) -> None:
    with Sessions(opened, path):
        pass

    assert sessions(registry, path) == []
