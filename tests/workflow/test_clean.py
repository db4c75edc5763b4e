"""What is left over, and what is not."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core import labels
from kernel_containers.core.containers import ContainerSpec
from kernel_containers.core.owner import current_owner, owner_token
from kernel_containers.core.progress import silent
from kernel_containers.core.reference import ImageReference
from kernel_containers.engine import containers, images
from kernel_containers.errors import TryAgain
from kernel_containers.image.load import LOADING, load
from kernel_containers.image.store import BlobStore
from kernel_containers.image.upkeep import in_use, usage
from kernel_containers.workflow.clean import clean
from kernel_containers.workflow.doctor import diagnose
from kernel_containers.workflow.settings import Settings
from tests.image.trees import bare_base, build_layer, file_set, image_of, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel_containers.engine import Engine


class Runs:
    """Containers of runs, removed at the end."""

    def __init__(self, engine: Engine, image: str) -> None:
        self.ids: list[str] = []
        self._engine = engine
        self._image = image

    def create(self, owner: str) -> str:
        name = f"kernel-containers-test-{uuid.uuid4().hex[:8]}"
        spec = ContainerSpec(
            image=self._image,
            command=("true",),
            name=name,
            labels={labels.KIND: "run", labels.OWNER: owner},
        )
        self.ids.append(containers.create(self._engine, spec))
        return name


@pytest.fixture
def runs(engine: Engine, base_image: str) -> Iterator[Runs]:
    made = Runs(engine, base_image)
    yield made
    for container in made.ids:
        containers.remove(engine, container)


def gone() -> str:
    """An owner on this machine that has ended: no process starts at the first tick."""
    return f"{current_owner().rpartition(':')[0]}:1"


def test_a_run_about_to_start_is_left_alone_and_that_of_a_dead_process_is_not(
    runs: Runs, engine: Engine, tmp_path: Path
) -> None:
    about_to_start = runs.create(current_owner())
    abandoned = runs.create(gone())

    found = clean(engine, Settings(cache=tmp_path, environ={}), dry_run=True)

    assert abandoned in found.containers
    assert about_to_start not in found.containers


def test_a_run_that_has_ended_is_named(runs: Runs, engine: Engine, tmp_path: Path) -> None:
    name = runs.create(current_owner())
    containers.start(engine, runs.ids[0])
    containers.wait(engine, runs.ids[0])

    assert name in clean(engine, Settings(cache=tmp_path, environ={}), dry_run=True).containers


def test_an_image_whose_loader_was_killed_goes_and_that_of_a_living_one_stays(
    engine: Engine, base_image: str, tmp_path: Path
) -> None:
    dead = f"{owner_token().rpartition('-')[0]}-1-{uuid.uuid4().hex[:8]}"
    living = f"{owner_token()}-{uuid.uuid4().hex[:8]}"
    for tag in (dead, living):
        images.tag(engine, base_image, ImageReference.parse(f"{LOADING}:{tag}"))
    settings = Settings(cache=tmp_path, environ={})
    try:
        assert f"{LOADING}:{dead}" in clean(engine, settings, dry_run=True).images
        clean(engine, settings)

        assert images.inspect(engine, f"{LOADING}:{dead}") is None
        assert images.inspect(engine, f"{LOADING}:{living}")
    finally:
        for tag in (dead, living):
            images.remove(engine, f"{LOADING}:{tag}")


def test_a_replaced_image_goes_when_its_last_container_has_gone(
    engine: Engine, tmp_path: Path
) -> None:
    store, base, label = BlobStore(tmp_path / "store"), bare_base(), {labels.CONTRACT: "1"}
    name = ImageReference.parse(f"kernel-containers/test-clean:{uuid.uuid4().hex[:8]}")
    settings = Settings(cache=tmp_path, environ={})
    layer = build_layer(file_set(text("/a", name.tag or "")), base, store, silent)
    old = load(engine, image_of(base, [layer], store, labels=label), name, silent)
    container = containers.create(engine, ContainerSpec(image=str(old), command=("/none",)))
    try:
        newer = image_of(base, [layer], store, labels=label, working_directory="/newer")
        load(engine, newer, name, silent)
        assert str(old) not in clean(engine, settings, dry_run=True).images
        containers.remove(engine, container)

        assert str(old) in clean(engine, settings, dry_run=True).images
        clean(engine, settings)

        assert images.inspect(engine, str(old)) is None
        assert images.inspect(engine, str(name))
    finally:
        containers.remove(engine, container)
        images.remove(engine, str(name))


@pytest.fixture
def full_cache(tmp_path: Path) -> Settings:
    """A cache with a blob, a hint about a registry, and packages nobody has used for months."""
    settings = Settings(cache=tmp_path, environ={})
    BlobStore(settings.store).put(bytes(1000))
    settings.known_blobs.write_text("{}")
    packages = settings.runner / "packages-old"
    packages.mkdir(parents=True)
    (packages / "file").write_bytes(bytes(500))
    os.utime(packages, (1, 1))
    return settings


def test_old_packages_go_and_cached_layers_only_when_asked(full_cache: Settings) -> None:
    assert clean(None, full_cache, dry_run=True).leftovers == 500
    assert clean(None, full_cache).leftovers == 500
    assert clean(None, full_cache).leftovers == 0
    assert full_cache.known_blobs.exists()

    assert clean(None, full_cache, cache=True).cache == 1000
    assert usage(BlobStore(full_cache.store)).size == 0
    assert not full_cache.known_blobs.exists()
    assert not full_cache.runner.exists()


def test_a_cache_in_use_is_not_cleaned(full_cache: Settings) -> None:
    with in_use(BlobStore(full_cache.store)):
        assert clean(None, full_cache).leftovers == 0
        with pytest.raises(TryAgain, match="in use"):
            clean(None, full_cache, cache=True)

    assert usage(BlobStore(full_cache.store)).size == 1000


def test_what_can_be_cleaned_is_told_by_the_doctor(full_cache: Settings) -> None:
    os.truncate(full_cache.runner / "packages-old" / "file", 5_000_000)

    checks = {check.name: check for check in diagnose(full_cache)}

    assert checks["leftovers"].status == "warning"
    assert "5.0 MB of files" in checks["leftovers"].detail
    assert "in 1 blobs" in checks["cache"].detail
