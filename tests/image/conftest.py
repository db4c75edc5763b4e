"""What the tests of images share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.progress import silent
from kernel_containers.image.base import BaseImage, import_base
from kernel_containers.image.store import BlobStore

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.engine import Engine


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    """An empty store."""
    return BlobStore(tmp_path / "store")


@pytest.fixture(scope="session")
def filled_store(tmp_path_factory: pytest.TempPathFactory) -> BlobStore:
    """A store that keeps the base image for all tests."""
    return BlobStore(tmp_path_factory.mktemp("filled") / "store")


@pytest.fixture(scope="session")
def base(engine: Engine, base_image: str, filled_store: BlobStore) -> BaseImage:
    """The base image, imported into `filled_store`."""
    return import_base(engine, base_image, filled_store, silent)
