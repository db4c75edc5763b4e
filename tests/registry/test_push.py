"""What a push sends, and what it leaves alone."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from kernel_containers.core import oci
from kernel_containers.core.digest import Digest
from kernel_containers.core.reference import ImageReference, Repository
from kernel_containers.errors import Defect, InvalidInput, NotFound
from kernel_containers.registry.connect import open_registry
from kernel_containers.registry.known import KnownBlobs
from kernel_containers.registry.push import push
from kernel_containers.registry.tags import tag_digest
from tests.registry.samples import (
    known_at,
    list_tags,
    make_image,
    make_layer,
    noise,
    sessions,
    settings,
    sizes,
    store,
)

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.core.oci import BuiltImage
    from kernel_containers.core.progress import Progress
    from kernel_containers.engine import Engine
    from kernel_containers.registry.client import Registry
    from tests.support.faultproxy import FaultProxy
    from tests.support.registry import RegistryServer


def reference(registry: Registry, path: str, tag: str = "v1") -> ImageReference:
    return ImageReference(Repository(registry.host, path), tag)


def digests(image: BuiltImage) -> set[Digest]:
    return {image.manifest.config.digest, *(layer.digest for layer in image.manifest.layers)}


def with_new_top(image: BuiltImage, text: bytes) -> BuiltImage:
    """Return the image as it would be after one cell of the notebook changed."""
    top = make_layer(image.blobs, {"notebook.ipynb": text})
    return make_image(image.blobs, *image.layers[:-1], top)


def test_an_image_is_stored_byte_by_byte(
    opened: Registry, registry: RegistryServer, image: BuiltImage, path: str
) -> None:
    result = push(image, reference(opened, path), opened)

    manifest = httpx.get(f"{registry.url}/v2/{path}/manifests/v1", headers={"Accept": oci.MANIFEST})
    assert manifest.content == image.manifest_bytes
    for digest in digests(image):
        blob = httpx.get(f"{registry.url}/v2/{path}/blobs/{digest}").content
        assert blob == image.blob(digest).read_bytes()
    assert result.descriptor == image.descriptor
    assert set(result.blobs_sent) == digests(image)
    assert result.bytes_sent == sizes(image) + len(image.manifest_bytes)
    assert sessions(registry, path) == []


def test_what_the_repository_has_is_not_sent_again(
    opened: Registry, image: BuiltImage, path: str
) -> None:
    push(image, reference(opened, path), opened)

    result = push(image, reference(opened, path, "v2"), opened)

    assert set(result.blobs_reused) == digests(image)
    assert result.blobs_sent == ()
    assert result.bytes_sent == len(image.manifest_bytes)
    assert set(list_tags(opened, path)) == {"v1", "v2"}


def test_a_changed_cell_sends_the_top_layer_and_the_config_only(
    opened: Registry, image: BuiltImage, path: str
) -> None:
    push(image, reference(opened, path), opened)
    changed = with_new_top(image, b"{}")

    result = push(changed, reference(opened, path), opened)

    top, config = changed.manifest.layers[-1], changed.manifest.config
    assert set(result.blobs_sent) == {top.digest, config.digest}
    assert result.bytes_sent == top.size + config.size + len(changed.manifest_bytes)
    assert tag_digest(opened, reference(opened, path)) == changed.digest


def test_with_hints_a_changed_cell_takes_no_questions(
    proxy: FaultProxy, through_proxy: Registry, image: BuiltImage, path: str, tmp_cache: Path
) -> None:
    known = KnownBlobs(tmp_cache / "known.json")
    push(image, reference(through_proxy, path), through_proxy, known=known)
    proxy.clear()

    push(with_new_top(image, b"{}"), reference(through_proxy, path), through_proxy, known=known)

    sent = sorted(seen.method for seen in proxy.seen)
    assert sent == ["HEAD", "POST", "POST", "PUT", "PUT", "PUT"]
    assert proxy.seen[-1].method == "HEAD"
    assert "/manifests/sha256:" in proxy.seen[-1].target


def test_a_large_layer_is_one_stream(
    proxy: FaultProxy, through_proxy: Registry, image: BuiltImage, path: str
) -> None:
    push(image, reference(through_proxy, path), through_proxy)

    patches = [seen.received for seen in proxy.seen if seen.method == "PATCH"]
    assert patches == [max(layer.size for layer in image.manifest.layers)]


def test_a_layer_is_mounted_from_a_repository_that_has_it(
    opened: Registry, image: BuiltImage, path: str, tmp_cache: Path
) -> None:
    push(image, reference(opened, f"{path}/base"), opened)
    base = image.manifest.layers[0].digest

    changed = with_new_top(image, b"{}")

    result = push(
        changed,
        reference(opened, f"{path}/report"),
        opened,
        known=known_at(tmp_cache, reference(opened, f"{path}/base"), {base}),
    )

    assert result.blobs_mounted == (base,)
    new = sizes(changed) - changed.manifest.layers[0].size
    assert result.bytes_sent == new + len(changed.manifest_bytes)


def test_hints_name_the_repository_to_mount_from(
    opened: Registry, image: BuiltImage, path: str, tmp_cache: Path
) -> None:
    known = KnownBlobs(tmp_cache / "known.json")
    push(image, reference(opened, f"{path}/one"), opened, known=known)

    result = push(image, reference(opened, f"{path}/two"), opened, known=known)

    assert set(result.blobs_mounted) == digests(image)
    assert result.bytes_sent == len(image.manifest_bytes)


def test_a_refused_mount_becomes_an_upload(
    opened: Registry, registry: RegistryServer, image: BuiltImage, path: str, tmp_cache: Path
) -> None:
    result = push(
        image,
        reference(opened, path),
        opened,
        known=known_at(tmp_cache, reference(opened, f"{path}/absent"), digests(image)),
    )

    assert set(result.blobs_sent) == digests(image)
    assert sessions(registry, path) == []


def test_a_refused_mount_of_what_is_there_leaves_no_session(
    opened: Registry, registry: RegistryServer, image: BuiltImage, path: str, tmp_cache: Path
) -> None:
    push(image, reference(opened, path), opened)

    result = push(
        image,
        reference(opened, path),
        opened,
        known=known_at(tmp_cache, reference(opened, f"{path}/absent"), digests(image)),
    )

    assert result.blobs_sent == ()
    assert sessions(registry, path) == []


def test_a_registry_that_fails_at_mounts_gets_an_upload(
    proxy: FaultProxy, through_proxy: Registry, image: BuiltImage, path: str, tmp_cache: Path
) -> None:
    proxy.add("status", method="POST", path="mount=", status=404, times=None)

    result = push(
        image,
        reference(through_proxy, path),
        through_proxy,
        known=known_at(tmp_cache, reference(through_proxy, f"{path}/base"), digests(image)),
    )

    assert set(result.blobs_sent) == digests(image)


def test_a_hint_that_is_wrong_is_corrected(
    opened: Registry, registry: RegistryServer, image: BuiltImage, path: str, tmp_cache: Path
) -> None:
    known = KnownBlobs(tmp_cache / "known.json")
    push(image, reference(opened, path), opened, known=known)
    gone = image.manifest.layers[0].digest
    assert httpx.delete(f"{registry.url}/v2/{path}/blobs/{gone}").status_code == 202

    result = push(image, reference(opened, path, "v2"), opened, known=known)

    assert result.blobs_sent == (gone,)
    assert tag_digest(opened, reference(opened, path, "v2")) == image.digest


def test_a_blob_that_only_the_registry_has_is_enough(
    opened: Registry, image: BuiltImage, path: str
) -> None:
    push(image, reference(opened, path), opened)
    image.blob(image.manifest.layers[0].digest).unlink()

    result = push(image, reference(opened, path, "v2"), opened)

    assert result.blobs_sent == ()


def test_a_blob_that_nobody_has_is_named(
    opened: Registry, registry: RegistryServer, image: BuiltImage, path: str
) -> None:
    gone = image.manifest.layers[0].digest
    image.blob(gone).unlink()

    with pytest.raises(NotFound, match=f"layer {gone.short} is neither"):
        push(image, reference(opened, path), opened)

    assert sessions(registry, path) == []


@pytest.mark.parametrize("damage", [b"x", b""], ids=["other bytes", "too short"])
def test_a_damaged_blob_is_not_sent(
    opened: Registry, registry: RegistryServer, image: BuiltImage, path: str, damage: bytes
) -> None:
    layer = image.blob(image.manifest.layers[0].digest)
    layer.write_bytes(layer.read_bytes()[:-1] + damage)

    with pytest.raises(InvalidInput, match=f"{layer.name} is damaged"):
        push(image, reference(opened, path), opened)

    assert tag_digest(opened, reference(opened, path)) is None
    assert sessions(registry, path) == []


def test_an_empty_layer_and_one_that_occurs_twice_are_fine(
    opened: Registry, tmp_path: Path, path: str
) -> None:
    layer = make_layer(tmp_path, {"a": b"a"})
    empty = replace(layer, descriptor=store(tmp_path, b"", oci.LAYER))
    image = make_image(tmp_path, layer, empty, layer)

    result = push(image, reference(opened, path), opened)

    assert len(result.blobs_sent) == 3
    assert result.bytes_sent == layer.descriptor.size + image.manifest.config.size + len(
        image.manifest_bytes
    )


def test_progress_counts_all_bytes_and_names_each_blob(
    opened: Registry, image: BuiltImage, path: str
) -> None:
    told: list[Progress] = []

    push(image, reference(opened, path), opened, told.append)

    assert {(each.stage, each.unit, each.total) for each in told} == {
        ("push", "bytes", sizes(image))
    }
    assert [each.done for each in told] == sorted(each.done for each in told)
    assert (told[0].done, told[-1].done) == (0, sizes(image))
    for digest in [*digests(image), image.digest]:
        assert any(digest.short in each.message for each in told)


def test_an_image_can_be_put_by_its_digest(opened: Registry, image: BuiltImage, path: str) -> None:
    to = ImageReference(Repository(opened.host, path), None, image.digest)

    push(image, to, opened)

    assert tag_digest(opened, to) == image.digest


def test_another_digest_than_the_images_is_refused(
    opened: Registry, image: BuiltImage, path: str
) -> None:
    to = replace(reference(opened, path), digest=Digest.of(b"other"))

    with pytest.raises(InvalidInput, match=str(image.digest)):
        push(image, to, opened)


def test_another_host_is_a_mistake_of_the_caller(
    opened: Registry, image: BuiltImage, path: str
) -> None:
    with pytest.raises(Defect):
        push(image, ImageReference(Repository("elsewhere.example.com", path), "v1"), opened)


def test_a_tag_that_names_nothing_has_no_digest(opened: Registry, path: str) -> None:
    assert tag_digest(opened, reference(opened, path)) is None


def test_a_registry_that_names_no_digests_is_read_instead(
    proxy: FaultProxy, through_proxy: Registry, image: BuiltImage, path: str
) -> None:
    push(image, reference(through_proxy, path), through_proxy)
    proxy.add("status", method="HEAD", path="/manifests/", status=200)

    assert tag_digest(through_proxy, reference(through_proxy, path)) == image.digest


def test_docker_pulls_what_was_pushed(
    opened: Registry, engine: Engine, image: BuiltImage, path: str
) -> None:
    to = reference(opened, path)
    push(image, to, opened)

    try:
        engine.api.pull(str(to.repository), tag=to.tag)
        found = engine.api.inspect_image(str(to))
    finally:
        engine.api.remove_image(str(to), force=True)

    assert found["Id"] == str(image.manifest.config.digest)
    assert found["RepoDigests"] == [f"{to.repository}@{image.digest}"]


def test_manifests_are_put_with_annotations_as_they_are(
    opened: Registry, registry: RegistryServer, image: BuiltImage, path: str
) -> None:
    text = json.loads(image.manifest_bytes) | {"annotations": {"title": "Über"}}
    annotated = replace(image, manifest_bytes=json.dumps(text, ensure_ascii=False).encode())

    push(annotated, reference(opened, path), opened)

    stored = httpx.get(f"{registry.url}/v2/{path}/manifests/v1", headers={"Accept": oci.MANIFEST})
    assert stored.json()["annotations"] == {"title": "Über"}


def test_two_pushes_at_once_share_a_connection_pool(
    registry: RegistryServer, tmp_path: Path, path: str
) -> None:
    images = [
        make_image(tmp_path, make_layer(tmp_path, {"a": noise(1_500_000, seed)}))
        for seed in range(6)
    ]
    with (
        open_registry(registry.host, settings(concurrency=2)) as opened,
        ThreadPoolExecutor(6) as pool,
    ):
        pushes = [
            pool.submit(push, image, reference(opened, path, f"v{number}"), opened)
            for number, image in enumerate(images)
        ]
        results = [each.result() for each in pushes]

        assert [result.descriptor.digest for result in results] == [i.digest for i in images]
        assert len(list_tags(opened, path)) == 6
