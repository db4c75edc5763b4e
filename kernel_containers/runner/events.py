"""What a run tells while it runs: one line per event on stdout, and the same as JSON in a file."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from datetime import datetime, timezone
from typing import IO, TYPE_CHECKING, Any

from kernel_containers.runner.masking import Masker, StreamMasker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kernel_containers.core.runs import RunReport

_FLUSH_AFTER = 0.2  # seconds; a cell may write a hundred thousand times a second
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_FLUSH_LENGTH = 60_000  # characters


def utc_text(seconds: float | None = None) -> str:
    """Return a time of time.time() in RFC 3339, UTC, with milliseconds; now by default."""
    zone = timezone.utc  # noqa: UP017 - Python 3.10 has no datetime.UTC
    when = datetime.fromtimestamp(time.time() if seconds is None else seconds, zone)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Events:
    """Writes events; called from any thread. The pieces of a cell's stream become lines."""

    def __init__(self, stdout: IO[bytes], *, as_text: bool) -> None:
        self._stdout: IO[bytes] | None = stdout
        self._as_text = as_text
        self._file: IO[bytes] | None = None
        self._lock = threading.RLock()
        self._masker = Masker(())
        self._stream: tuple[int, str] | None = None
        self._stream_masker = StreamMasker(self._masker)
        self._pieces: list[str] = []
        self._length = 0
        self._since = 0.0
        self.warnings: list[str] = []

    def hide(self, masker: Masker) -> None:
        """Mask from now on."""
        self._masker = masker
        self._stream_masker = StreamMasker(masker)

    def keep(self, path: Path) -> None:
        """Write what follows to a file too."""
        self._file = path.open("wb")

    def event(self, event: str, /, **fields: Any) -> None:
        """Write one event."""
        with self._lock:
            self.flush()
            whole = {"event": event, "time": utc_text(), **self._masker.value(fields)}
            self._write_file(whole)
            self._write_stdout(whole)

    def end(self, report: RunReport, *, only_file: bool = False) -> None:
        """Write the last event: to the file before it is sent off, to stdout when all is done."""
        with self._lock:
            self.flush()
            names = ("run_id", "status", "cause", "exit_code", "message", "seconds", "outputs")
            event: dict[str, Any] = {"event": "run-end", "time": utc_text()}
            event |= {name: getattr(report, name) for name in names}
            write = self._write_file if only_file else self._write_stdout
            write(event)

    def warn(self, message: str) -> None:
        """Write a warning, and keep it for the report; each once."""
        with self._lock:
            if message not in self.warnings:
                self.warnings.append(self._masker.text(message))
                self.event("warning", message=message)

    def stream(self, number: int, name: str, text: str) -> None:
        """Take a piece of a cell's stdout or stderr."""
        with self._lock:
            if self._stream != (number, name):
                self.flush()
                self._stream = (number, name)
                self._since = time.monotonic()
            self._pieces.append(text)
            self._length += len(text)
            if self._length > _FLUSH_LENGTH:
                self._write_stream()

    def tick(self) -> None:
        """Write what has waited long enough; to be called several times a second."""
        with self._lock:
            if self._pieces and time.monotonic() - self._since > _FLUSH_AFTER:
                self._write_stream()

    def flush(self) -> None:
        """Write all that waits."""
        with self._lock:
            if self._stream:
                self._write_stream(last=True)
                self._stream = None

    def close(self) -> None:
        """Write all that waits, and end the file."""
        self.flush()
        if self._file:
            with self._giving_up_file():
                self._file.close()
            self._file = None

    def _write_stream(self, *, last: bool = False) -> None:
        assert self._stream is not None  # noqa: S101 - callers look
        number, name = self._stream
        text = self._stream_masker.feed("".join(self._pieces))
        if last:
            text += self._stream_masker.finish()
        self._pieces, self._length, self._since = [], 0, time.monotonic()
        if text:
            event: dict[str, Any] = {
                "event": "output",
                "time": utc_text(),
                "number": number,
                "name": name,
            }
            event["text"] = text
            self._write_file(event)
            self._write_stdout(event)

    def _write_file(self, event: dict[str, Any]) -> None:
        if self._file:
            with self._giving_up_file():
                self._file.write(_line(event))

    @contextlib.contextmanager
    def _giving_up_file(self) -> Iterator[None]:
        """Write no further line after one that found no room, which is cut."""
        try:
            yield
        except OSError as error:
            self._file = None
            self.warn(f"log.jsonl is not whole: {error.strerror}.")

    def _write_stdout(self, event: dict[str, Any]) -> None:
        data = as_text(event).encode(errors="replace") if self._as_text else _line(event)
        if self._stdout and data:
            try:
                self._stdout.write(data)
                self._stdout.flush()
            except (OSError, ValueError):
                self._stdout = None  # nobody reads any more; the run goes on


def _line(event: dict[str, Any]) -> bytes:
    text = json.dumps(event, ensure_ascii=False)
    # An undecodable character becomes \\udc80, which is what JSON calls it too.
    return f"{text}\n".encode(errors="backslashreplace")


def describe_output(output: Any) -> dict[str, Any]:
    """Return the fields of an event about a display, a result or an error."""
    if output.output_type == "error":
        text = _COLOUR.sub("", "\n".join(output.get("traceback", ())))
        fields = {"ename": output.get("ename"), "evalue": output.get("evalue")}
    else:
        text = output.data.get("text/plain", "")
        fields = {"types": sorted(output.data)}
    return {"name": output.output_type, "text": f"{text}\n", **fields}


def as_text(event: dict[str, Any]) -> str:
    """Return an event for people; nothing for those that only programs need."""
    say = _WORDS.get(event["event"])
    return say(event) if say else ""


def _end_of_cell(event: dict[str, Any]) -> str:
    if event["status"] == "succeeded":
        return ""
    return f"── cell {event['number']} {event['status']}: {event['error']} ──\n"


def _end_of_run(event: dict[str, Any]) -> str:
    places = "".join(f"  {kind}: {uri}\n" for kind, uri in event["outputs"].items())
    return f"{event['status'].capitalize()}: {event['message']}\n{places}"


_WORDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "run-start": lambda event: f"Run {event['run_id']} of {event['notebook']}\n",
    "cell-start": lambda event: f"── cell {event['number']} of {event['count']} ──\n",
    "output": lambda event: str(event["text"]),
    "cell-end": _end_of_cell,
    "warning": lambda event: f"Warning: {event['message']}\n",
    "kernel-output": lambda event: f"kernel: {event['text']}\n",
    "run-end": _end_of_run,
}
