"""A run's output as lines, and its last word among them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OnLine = Callable[[str, str], None]  # ("stdout" | "stderr", one line without its end)


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
            self._thread.join(0.5)  # without a limit an interrupt would wait for the thread
        if self._error:
            raise self._error

    def _read(self) -> None:
        try:
            rest = {"stdout": b"", "stderr": b""}
            for stream, data in self._output:
                *lines, rest[stream] = (rest[stream] + data).split(b"\n")
                for line in lines:
                    self._line(stream, line)
            for stream, line in rest.items():
                if line:
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


def parse_event(line: str) -> dict[str, Any] | None:
    """Return the event in a line of the image's entrypoint; None for any other line."""
    if not line.startswith("{"):
        return None
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) and "event" in value else None
