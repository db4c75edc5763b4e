"""Where the layers of a base image come from."""

from __future__ import annotations

import random
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from kernel_containers.core.oci import INDEX, Platform
from kernel_containers.core.oci_json import canonical, descriptor_to_json
from kernel_containers.core.progress import Progress, silent
from kernel_containers.core.reference import ImageReference, Repository, ToEngine, ToRegistry
from kernel_containers.core.snapshot import FileEntry, FileKind
from kernel_containers.engine import images
from kernel_containers.image.assemble import reassemble
from kernel_containers.image.layer import build_layers
from kernel_containers.image.store import BlobStore
from kernel_containers.workflow.images.fetch_base import bring_base, fetch_base
from kernel_containers.workflow.registries import Registries
from kernel_containers.workflow.settings import Settings
from tests.image.trees import bare_base, file_set, image_of, link
from tests.support.registry import start_registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel_containers.core.oci import BuiltImage
    from kernel_containers.engine import Engine
    from tests.support.registry import RegistryServer

CONTENT = random.Random(0).randbytes(300_000)  # noqa: S311


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RegistryServer]:
    """A registry that a test may stop."""
    server = start_registry(tmp_path / "registry")
    yield server
    server.stop()


def make_image(folder: Path, *entries: FileEntry) -> BuiltImage:
    store, base = BlobStore(folder), bare_base()
    return image_of(base, build_layers([file_set(*entries)], base, store, silent), store)


@pytest.fixture
def image(tmp_path: Path) -> BuiltImage:
    """A small image."""
    return make_image(
        tmp_path / "made",
        FileEntry("/data", FileKind.FILE, 0o644, len(CONTENT), content=CONTENT),
        link("/to", "data"),
    )


@pytest.fixture
def pushed(
    server: RegistryServer, image: BuiltImage, engine: Engine, tmp_path: Path
) -> Iterator[ImageReference]:
    """The image in the registry."""
    to = ImageReference(Repository(server.host, f"bases/{uuid.uuid4().hex[:8]}"), "1")
    Registries(settings_of(tmp_path / "pusher")).push(image, to, silent)
    yield to
    images.remove(engine, str(to))


@pytest.fixture
def name(pushed: ImageReference, engine: Engine) -> str:
    """The image in the registry, and pulled by the engine."""
    images.pull(engine, pushed, silent)
    return str(pushed)


def settings_of(cache: Path) -> Settings:
    return Settings(cache=cache, environ={})


def to_registry(server: RegistryServer) -> ToRegistry:
    return ToRegistry(ImageReference(Repository(server.host, f"made/{uuid.uuid4().hex[:8]}"), "1"))


def test_a_base_comes_from_its_registry_and_is_mounted_where_its_image_goes(
    server: RegistryServer, name: str, image: BuiltImage, engine: Engine, tmp_path: Path
) -> None:
    settings, to = settings_of(tmp_path / "cache"), to_registry(server)

    base = fetch_base(engine, name, to, settings, silent)
    whole = reassemble(base, BlobStore(settings.store))
    pushed = Registries(settings).push(whole, to.reference, silent)

    assert base.id == image.manifest.config.digest
    assert base.layers == tuple(image.layers)  # the very blobs
    assert base.links == {"/to": "data"}
    assert pushed.sent < len(CONTENT) / 10


def test_a_base_is_fetched_once_and_then_nobody_is_asked(
    server: RegistryServer, name: str, engine: Engine, tmp_path: Path
) -> None:
    settings, to = settings_of(tmp_path / "cache"), to_registry(server)
    first = fetch_base(engine, name, to, settings, silent)
    server.stop()

    again = fetch_base(engine, name, to, settings, silent)

    assert again == first


def test_a_base_whose_registry_is_away_comes_from_the_engine(
    server: RegistryServer, name: str, image: BuiltImage, engine: Engine, tmp_path: Path
) -> None:
    server.stop()

    base = fetch_base(engine, name, to_registry(server), settings_of(tmp_path), silent)

    assert base.id == image.manifest.config.digest
    assert [layer.diff_id for layer in base.layers] == [layer.diff_id for layer in image.layers]


def test_an_image_for_the_engine_takes_its_base_from_there(
    server: RegistryServer, name: str, image: BuiltImage, engine: Engine, tmp_path: Path
) -> None:
    to = ToEngine(ImageReference.parse("made:1"))
    server.stop()

    assert fetch_base(engine, name, to, settings_of(tmp_path), silent).id == (
        image.manifest.config.digest
    )


def test_a_base_that_the_engine_lacks_is_fetched_once_for_it_and_for_the_image(
    server: RegistryServer,
    pushed: ImageReference,
    image: BuiltImage,
    engine: Engine,
    tmp_path: Path,
) -> None:
    settings, told = settings_of(tmp_path / "cache"), list[Progress]()

    bring_base(engine, pushed, settings, told.append)
    server.stop()
    bases = [
        fetch_base(engine, str(pushed), to, settings, silent)
        for to in (ToEngine(ImageReference.parse("made:1")), to_registry(server))
    ]

    found = images.inspect(engine, str(pushed))
    assert found
    assert found.id == image.manifest.config.digest
    # The very blobs, not those of `docker save`.
    assert [base.layers for base in bases] == [tuple(image.layers)] * 2
    assert {each.stage for each in told} == {"pull", "load"}


def test_of_a_base_for_many_platforms_the_engines_own_is_fetched(
    server: RegistryServer, image: BuiltImage, engine: Engine, tmp_path: Path
) -> None:
    told = engine.api.version()
    own, other = Platform(told["Os"], told["Arch"]), Platform("linux", "s390x")
    to = ImageReference(Repository(server.host, f"many/{uuid.uuid4().hex[:8]}"), "1")
    images_by_platform = {other: make_image(tmp_path / "other", link("/other", "x")), own: image}
    for each in images_by_platform.values():
        Registries(settings_of(tmp_path / "pusher")).push(each, to, silent)
    members = [
        descriptor_to_json(replace(each.descriptor, platform=platform))
        for platform, each in images_by_platform.items()
    ]
    httpx.put(
        f"{server.url}/v2/{to.repository.path}/manifests/many",
        content=canonical({"schemaVersion": 2, "mediaType": INDEX, "manifests": members}),
        headers={"Content-Type": INDEX},
    ).raise_for_status()
    many = replace(to, tag="many")

    bring_base(engine, many, settings_of(tmp_path / "cache"), silent)

    try:
        found = images.inspect(engine, str(many))
        assert found
        assert found.id == image.manifest.config.digest
    finally:
        images.remove(engine, str(many))


def test_what_only_the_engine_can_fetch_it_fetches(
    pushed: ImageReference, image: BuiltImage, engine: Engine, tmp_path: Path
) -> None:
    by_digest = ImageReference(pushed.repository, None, image.digest)

    bring_base(engine, by_digest, settings_of(tmp_path / "cache"), silent)

    try:
        assert images.inspect(engine, str(by_digest))
    finally:
        images.remove(engine, str(by_digest))
