"""What the engine tells line by line, and what happens while it tells nothing."""

from __future__ import annotations

import json
import queue
import threading
from typing import TYPE_CHECKING, Any

from kernel_containers.core.progress import LOOK
from kernel_containers.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import requests

Line = dict[str, Any]


def lines(response: requests.Response, what: str) -> Iterator[Line]:
    """Yield the objects of a stream and raise at the first that tells of an error."""
    for text in response.iter_lines():
        if not text:
            continue
        line: Line = json.loads(text)
        if "error" in line or "errorDetail" in line:
            detail = line.get("errorDetail") or {}
            raise Unavailable(what, why=str(detail.get("message") or line.get("error")))
        yield line


def heard(
    ask: Callable[[], requests.Response], what: str, in_silence: Callable[[], None]
) -> Iterator[Line]:
    """Yield the lines of the answer to a request; what `in_silence` raises ends the waiting.

    The engine says not even that it was asked while a registry keeps it waiting. The request is
    then left to a thread, which ends with the engine's first word.
    """
    reader = _Reader(ask, what)
    threading.Thread(target=reader.run, name="engine-lines", daemon=True).start()
    try:
        while True:
            try:
                said = reader.said.get(timeout=LOOK)
            except queue.Empty:
                in_silence()
                continue
            if isinstance(said, BaseException):
                raise said
            if said is None:
                return
            yield said
    finally:
        reader.left.set()


class _Reader:
    def __init__(self, ask: Callable[[], requests.Response], what: str) -> None:
        self.said: queue.SimpleQueue[Line | BaseException | None] = queue.SimpleQueue()
        self.left = threading.Event()
        self._ask = ask
        self._what = what

    def run(self) -> None:
        try:
            with self._ask() as response:
                for line in lines(response, self._what):
                    self.said.put(line)
                    if self.left.is_set():
                        return
            self.said.put(None)
        except BaseException as error:  # noqa: BLE001 - raised by who hears
            self.said.put(error)
