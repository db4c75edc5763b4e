"""A run's output as lines, and its last word among them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kernel_containers.core.progress import LOOK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OnLine = Callable[[str, str], None]  # ("stdout" | "stderr", one line without its end)
LONGEST_LINE = 16 * 1024**2  # bytes that wait for the end of their line; what is longer is cut


class Follower:
    """Reads a run's output in a thread, so that an interrupt of this one loses no line.

    `end` is the run's last word once it has said it.
    """

    def __init__(self, output: Iterator[tuple[str, bytes]], on_line: OnLine) -> None:
        self.end: Mapping[str, Any] = {}
        self._output = output
        self._on_line = on_line
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._read, name="run-output", daemon=True)

    def start(self) -> None:
        """Start to read."""
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether the output has."""
        return not self._thread.is_alive()

    def wait(self) -> None:
        """Return when the output has ended; what went wrong in the thread is raised."""
        while not self.ended:
            self._thread.join(LOOK)
        if self._error:
            raise self._error

    def _read(self) -> None:
        try:
            waiting = {"stdout": _Line(), "stderr": _Line()}
            for stream, data in self._output:
                for line in waiting[stream].add(data):
                    self._line(stream, line)
            for stream, rest in waiting.items():
                if line := rest.take():
                    self._line(stream, line)
        except BaseException as error:  # noqa: BLE001 - raised again by wait()
            self._error = error

    def _line(self, stream: str, line: bytes) -> None:
        text = line.decode(errors="replace")
        if text.startswith('{"event"') and "run-end" in text:
            event = parse_event(text)
            if event and event["event"] == "run-end":
                self.end = event
        self._on_line(stream, text)


class _Line:
    """The beginning of a line whose end has not come yet."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, data: bytes) -> Iterator[bytes]:
        """Yield the lines that `data` ends."""
        *ends, rest = data.split(b"\n")
        for end in ends:
            yield self.take() + end
        self._pieces.append(rest)
        self._size += len(rest)
        if self._size > LONGEST_LINE:
            yield self.take()

    def take(self) -> bytes:
        """Return what waits, and wait for a new line."""
        line = b"".join(self._pieces)
        self._pieces, self._size = [], 0
        return line


def parse_event(line: str) -> dict[str, Any] | None:
    """Return the event in a line of the image's entrypoint; None for any other line."""
    if not line.startswith("{"):
        return None
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) and "event" in value else None
