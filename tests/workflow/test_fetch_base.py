"""Where the layers of a base image come from."""

from __future__ import annotations

import random
import uuid
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.progress import silent
from kernel_containers.core.reference import ImageReference, Repository, ToEngine, ToRegistry
from kernel_containers.core.snapshot import FileEntry, FileKind
from kernel_containers.engine import images
from kernel_containers.image.assemble import reassemble
from kernel_containers.image.layer import build_layers
from kernel_containers.image.store import BlobStore
from kernel_containers.workflow.images.fetch_base import fetch_base
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


@pytest.fixture
def image(tmp_path: Path) -> BuiltImage:
    """A small image."""
    store, base = BlobStore(tmp_path / "made"), bare_base()
    files = file_set(
        FileEntry("/data", FileKind.FILE, 0o644, len(CONTENT), content=CONTENT), link("/to", "data")
    )
    return image_of(base, build_layers([files], base, store, silent), store)


@pytest.fixture
def name(
    server: RegistryServer, image: BuiltImage, engine: Engine, tmp_path: Path
) -> Iterator[str]:
    """The image in the registry, and pulled by the engine."""
    to = ImageReference(Repository(server.host, f"bases/{uuid.uuid4().hex[:8]}"), "1")
    Registries(settings_of(tmp_path / "pusher")).push(image, to, silent)
    images.pull(engine, to, silent)
    yield str(to)
    images.remove(engine, str(to))


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
