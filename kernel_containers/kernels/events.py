"""Why a kernel ended, on Jupyter's event bus: its own messages only say that it did."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

SCHEMA_ID = "urn:kernel-containers:kernel-ended"
_SCHEMA = {
    "$id": SCHEMA_ID,
    "version": "1",
    "title": "A kernel of kernel_containers ended without being asked to",
    "description": "Why, in one sentence, with what to do where that is known.",
    "personal-data": False,
    "type": "object",
    "required": ["kernel_id", "kernel_name", "reason"],
    "properties": {
        "kernel_id": {"type": "string"},
        "kernel_name": {"type": "string", "description": "The kernelspec's."},
        "reason": {"type": "string"},
    },
}


def register(logger: Any) -> None:
    """Let an event logger know the schema; who listens before that never hears of it."""
    if SCHEMA_ID not in logger.schemas:
        logger.register_event_schema(json.dumps(_SCHEMA))


class KernelEvents:
    """Tells a server's event logger; does nothing where a manager has none. Use it on its loop."""

    def __init__(self, manager: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._logger = getattr(manager, "event_logger", None)
        self._loop = loop
        if self._logger is not None:
            register(self._logger)

    def tell(self, kernel_id: str, kernel_name: str, reason: str) -> None:
        """Tell why a kernel ended; called from any thread."""
        logger = self._logger
        if logger is None or self._loop.is_closed():
            return
        data = {"kernel_id": kernel_id, "kernel_name": kernel_name, "reason": reason}
        self._loop.call_soon_threadsafe(lambda: logger.emit(schema_id=SCHEMA_ID, data=data))
