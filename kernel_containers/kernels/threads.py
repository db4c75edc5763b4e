"""What blocks, done from the event loop that Jupyter runs a kernel in."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Callable

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


async def in_thread(
    function: Callable[[*Arguments], Result],
    *arguments: *Arguments,
) -> Result:
    """As `asyncio.to_thread`, also while the interpreter ends.

    Programs such as `jupyter run` end their kernel then, when no thread takes new work.
    """
    if not threading.main_thread().is_alive():
        return function(*arguments)
    return await asyncio.to_thread(function, *arguments)
