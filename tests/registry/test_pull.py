"""Images out of a registry."""

from __future__ import annotations

import resource
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from kernel_containers.core import oci
from kernel_containers.core.digest import Digest
from kernel_containers.core.oci import Platform
from kernel_containers.core.oci_json import canonical, descriptor_to_json
from kernel_containers.core.reference import ImageReference, Repository
from kernel_containers.errors import CannotWrite, InvalidInput, NotFound, Unavailable
from kernel_containers.registry.pull import pull, pull_config
from kernel_containers.registry.push import push
from tests.registry.samples import make_image, make_layer, sizes

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.core.oci import BuiltImage
    from kernel_containers.core.progress import Progress
    from kernel_containers.registry.client import Registry
    from tests.support.faultproxy import FaultProxy
    from tests.support.registry import RegistryServer


def at(registry: Registry, path: str) -> ImageReference:
    return ImageReference(Repository(registry.host, path), "v1")


def put(server: RegistryServer, path: str, tag: str, manifest: object, media_type: str) -> None:
    httpx.put(
        f"{server.url}/v2/{path}/manifests/{tag}",
        content=canonical(manifest),
        headers={"Content-Type": media_type},
    ).raise_for_status()


def test_a_pulled_image_is_the_one_that_was_pushed(
    opened: Registry, image: BuiltImage, path: str, tmp_path: Path
) -> None:
    push(image, at(opened, path), opened)
    told: list[Progress] = []

    pulled = pull(at(opened, path), opened, tmp_path / "pulled", told.append)

    # Fields that are only carried along are not part of what was pushed.
    assert replace(pulled.config, raw={}) == image.config
    assert (pulled.manifest, pulled.layers) == (image.manifest, image.layers)
    assert (pulled.digest, pulled.config_bytes) == (image.digest, image.config_bytes)
    for layer in pulled.layers:
        digest = layer.descriptor.digest
        assert pulled.blob(digest).read_bytes() == image.blob(digest).read_bytes()
    assert (told[-1].done, told[-1].total) == (sizes(image), sizes(image))


def test_the_config_alone_can_be_had(opened: Registry, image: BuiltImage, path: str) -> None:
    push(image, at(opened, path), opened)

    assert replace(pull_config(at(opened, path), opened), raw={}) == image.config


def test_blobs_that_lie_there_are_not_fetched_again(
    proxy: FaultProxy, through_proxy: Registry, image: BuiltImage, path: str
) -> None:
    push(image, at(through_proxy, path), through_proxy)
    proxy.clear()

    pull(at(through_proxy, path), through_proxy, image.blobs)

    assert [seen.target for seen in proxy.seen] == [f"/v2/{path}/manifests/v1"]


def test_of_an_index_the_image_for_the_platform_is_taken(
    opened: Registry, registry: RegistryServer, image: BuiltImage, path: str, tmp_path: Path
) -> None:
    other = make_image(tmp_path, make_layer(tmp_path, {"other": b"other"}), title="arm")
    for each in (image, other):
        push(each, ImageReference(Repository(opened.host, path), None, each.digest), opened)
    arm = replace(other.descriptor, platform=Platform("linux", "arm64", "v8"))
    attestation = replace(other.descriptor, platform=Platform("unknown", "unknown"))
    members = [descriptor_to_json(each) for each in (attestation, arm, image.descriptor)]
    index = {"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": members}
    put(registry, path, "v1", index, oci.INDEX)

    default = pull(at(opened, path), opened, tmp_path / "a")
    named = pull(at(opened, path), opened, tmp_path / "b", platform=Platform("linux", "arm64"))

    assert (default.digest, named.digest) == (image.digest, other.digest)
    with pytest.raises(NotFound, match=r"no image for linux/s390x.*\n.*linux/amd64, linux/arm64"):
        pull(at(opened, path), opened, tmp_path / "c", platform=Platform("linux", "s390x"))


def test_what_is_not_an_image_is_refused(
    opened: Registry, registry: RegistryServer, image: BuiltImage, path: str, tmp_path: Path
) -> None:
    push(image, at(opened, path), opened)
    chart = {
        "schemaVersion": 2,
        "mediaType": oci.MANIFEST,
        "config": descriptor_to_json(image.manifest.config),
        "layers": [descriptor_to_json(image.manifest.layers[0])],
    }
    put(registry, path, "chart", chart, oci.MANIFEST)

    with pytest.raises(InvalidInput, match="does not belong to its layers"):
        pull(replace(at(opened, path), tag="chart"), opened, tmp_path / "pulled")


def test_an_absent_image_is_not_found(opened: Registry, path: str, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        pull(at(opened, path), opened, tmp_path)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "cut_response", "after": 1_000_000},
        {"kind": "status", "status": 503},
        {"kind": "status", "status": 429, "headers": {"Retry-After": "0"}},
        {"kind": "reset"},
    ],
    ids=lambda fault: fault["kind"],
)
def test_a_download_that_fails_once_is_begun_again(
    proxy: FaultProxy,
    through_proxy: Registry,
    image: BuiltImage,
    path: str,
    fault: dict[str, object],
) -> None:
    push(image, at(through_proxy, path), through_proxy)
    large = image.manifest.layers[0].digest
    proxy.add(method="GET", path=str(large), **fault)  # type: ignore[arg-type]

    pulled = pull(at(through_proxy, path), through_proxy, image.blobs.with_name("pulled"))

    assert Digest.of(pulled.blob(large).read_bytes()) == large


def test_other_bytes_than_the_digest_names_are_not_kept(
    proxy: FaultProxy, through_proxy: Registry, image: BuiltImage, path: str, tmp_path: Path
) -> None:
    push(image, at(through_proxy, path), through_proxy)
    small = image.manifest.layers[1]
    proxy.add(
        "status",
        method="GET",
        path=str(small.digest),
        status=200,
        body=bytes(small.size),
        times=None,
    )

    with pytest.raises(Unavailable, match=f"other bytes than those of {small.digest}"):
        pull(at(through_proxy, path), through_proxy, tmp_path / "pulled")

    left = [file.name for file in (tmp_path / "pulled").rglob("*") if file.is_file()]
    assert small.digest.hex not in left
    assert not [name for name in left if name.startswith(".")]


def test_another_manifest_than_the_digest_names_is_refused(
    proxy: FaultProxy, through_proxy: Registry, image: BuiltImage, path: str, tmp_path: Path
) -> None:
    proxy.add("status", method="GET", path="manifests", status=200, body=image.manifest_bytes)
    wanted = ImageReference(Repository(through_proxy.host, path), None, Digest.of(b"other"))

    with pytest.raises(Unavailable, match="sent another manifest"):
        pull(wanted, through_proxy, tmp_path)


def test_a_blob_may_come_from_a_store_on_another_host(
    proxy: FaultProxy,
    through_proxy: Registry,
    registry: RegistryServer,
    image: BuiltImage,
    path: str,
) -> None:
    push(image, at(through_proxy, path), through_proxy)
    for layer in image.manifest.layers:
        location = f"{registry.url}/v2/{path}/blobs/{layer.digest}"
        proxy.add(
            "status",
            method="GET",
            path=str(layer.digest),
            status=307,
            headers={"Location": location},
        )

    pulled = pull(at(through_proxy, path), through_proxy, image.blobs.with_name("pulled"))

    assert pulled.layers == image.layers


def test_a_full_disk_is_named(
    opened: Registry, image: BuiltImage, path: str, tmp_path: Path
) -> None:
    push(image, at(opened, path), opened)
    blobs = tmp_path / "pulled"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The limit makes write() fail as a full disk does; Python ignores its signal.
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(CannotWrite, match=str(blobs)):
            pull(at(opened, path), opened, blobs)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert not [file for file in blobs.rglob(".*") if file.is_file()]


def test_a_folder_that_can_not_be_made_is_named(
    opened: Registry, image: BuiltImage, path: str, tmp_path: Path
) -> None:
    push(image, at(opened, path), opened)
    (tmp_path / "file").write_text("")

    with pytest.raises(CannotWrite, match="file/sha256"):
        pull(at(opened, path), opened, tmp_path / "file")
