"""Whether two pictures show the same."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from kernel_containers.errors import InvalidInput

if TYPE_CHECKING:
    from PIL.Image import Image

# Rendering on another machine moves the edges of lines and letters by less than this; other ticks
# on an axis change more.
_NOTICED = 32  # of 255, in any colour, after halving
_MOST = 0.0002  # of the area


def share_that_differs(saved: bytes, new: bytes) -> float:
    """Return how much of the area differs visibly: 0 for the same, 1 for another size.

    Raises:
        InvalidInput: one of them is no picture.
    """
    from PIL import ImageChops  # noqa: PLC0415 - 0.1 s, and only where pictures are compared

    if saved == new:
        return 0.0
    first, second = _open(saved), _open(new)
    if first.size != second.size:
        return 1.0
    channels = ImageChops.difference(first.reduce(2), second.reduce(2)).split()
    most = ImageChops.lighter(ImageChops.lighter(channels[0], channels[1]), channels[2])
    noticed = sum(most.histogram()[_NOTICED:])
    return noticed / (most.width * most.height)


def are_similar(saved: bytes, new: bytes) -> bool:
    """Whether two pictures show the same.

    Raises:
        InvalidInput: one of them is no picture.
    """
    return share_that_differs(saved, new) <= _MOST


def _open(data: bytes) -> Image:
    from PIL import Image  # noqa: PLC0415

    try:
        with Image.open(io.BytesIO(data)) as image:
            seen = image.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidInput("An output is no picture.", why=str(error)) from error
    white = Image.new("RGBA", seen.size, "white")
    return Image.alpha_composite(white, seen).convert("RGB")
