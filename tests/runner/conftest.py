"""An image's folder for tests of the runner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.runner.image import Image, code

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def make_image(tmp_path: Path) -> Callable[..., Image]:
    """Return a function that makes an image of cells; a string is a code cell."""

    def make(*cells: str | dict[str, Any], **fields: Any) -> Image:
        made = [code(cell) if isinstance(cell, str) else cell for cell in cells]
        return Image(root=tmp_path, cells=made, **fields)

    return make
