"""Python's collector of cycles, at rest where much is made and nothing dropped.

In a server it took an eighth of the time of a plan, as every object made may set it off, and a
full round looks at all that the process has.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def no_collecting() -> Iterator[None]:
    """Let the collector rest for a moment, unless somebody has stopped it already.

    For all threads; where two overlap, it rests until the first one ends.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def set_aside() -> Iterator[None]:
    """Let the collector pass over all that there is now, until the end.

    A full round over 130,000 entries keeps a server's loop waiting, and finds nothing.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
