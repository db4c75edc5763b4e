"""What the commands print: for people on a terminal, JSON for programs."""

from __future__ import annotations

import json
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TextIO

from kernel_containers.core.sizes import size_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from kernel_containers.core.progress import Progress, Report
    from kernel_containers.errors import KernelContainersError

LONGEST_LABEL = 50  # characters before a bar
INTERVAL = 1.0  # seconds between progress lines of one stage where there is no terminal
ALIVE = 30.0  # seconds after which a line that says nothing new says that it still goes on


@dataclass(slots=True)
class Output:
    """The command's results on stdout, its progress on stderr."""

    as_json: bool = False

    def result(self, value: Any, text: str) -> None:
        """Print `value` as one JSON document, or `text`."""
        if self.as_json:
            text = json.dumps(value, indent=2, default=str, ensure_ascii=False)
        _write(sys.stdout, text)

    def note(self, text: str) -> None:
        """Tell a person something beside the result."""
        if not self.as_json:
            self.line(text)

    def line(self, text: str) -> None:
        """Write a line to stderr; a reader that has gone stops nothing."""
        _write(sys.stderr, text)

    def error(self, error: KernelContainersError) -> None:
        """Print what happened, why, and what to do."""
        if self.as_json:
            value = {
                "error": type(error).__name__,
                "what": error.what,
                "why": error.why,
                "todo": error.todo,
                "exit_code": error.exit_code,
            }
            self.line(json.dumps(value, ensure_ascii=False))
            return
        self.line(f"Error: {error}")

    @contextmanager
    def progress(self) -> Iterator[Report]:
        """Yield a function that shows progress: bars on a terminal, lines otherwise."""
        if not sys.stderr.isatty():
            yield Lines(as_json=self.as_json).report
            return
        # Here: importing it takes 0.1 s.
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[amount]}"),
            TimeElapsedColumn(),
        )
        with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
            yield _Bars(bars).report


class Lines:
    """Progress for logs, and as JSON for programs."""

    def __init__(self, *, as_json: bool = False, interval: float = INTERVAL) -> None:
        self._as_json = as_json
        self._interval = interval
        self._lock = threading.Lock()
        self._when: dict[str, float] = {}
        self._finished: dict[str, str] = {}
        self._last: dict[str, Progress] = {}

    def report(self, progress: Progress) -> None:
        """Write a line a second of each stage that gets on, and one for each end."""
        now = time.monotonic()
        with self._lock:
            if progress.total is not None and progress.done >= progress.total:
                if self._finished.get(progress.stage) == progress.message:
                    return
                self._finished[progress.stage] = progress.message
            elif now - self._when.get(progress.stage, -ALIVE) < self._pause(progress):
                return
            self._when[progress.stage] = now
            self._last[progress.stage] = progress
        as_json = json.dumps(asdict(progress), ensure_ascii=False) if self._as_json else ""
        _write(sys.stderr, as_json or _in_words(progress))

    def _pause(self, progress: Progress) -> float:
        return ALIVE if self._last.get(progress.stage) == progress else self._interval


class _Bars:
    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def report(self, progress: Progress) -> None:
        task = self._tasks.get(progress.stage)
        if task is None:
            task = self._tasks[progress.stage] = self._bars.add_task(progress.stage, amount="")
        done, total = _amounts(progress)
        self._bars.update(
            task,
            completed=progress.done,
            total=progress.total,
            description=f"{progress.stage} {progress.message}".strip()[:LONGEST_LABEL],
            amount=f"{done}/{total}" if total else done,
        )


def _in_words(progress: Progress) -> str:
    done, total = _amounts(progress)
    amount = f"{done} of {total}" if total else done if progress.done else ""
    return f"{progress.stage}: {', '.join(filter(None, (progress.message, amount)))}"


def _amounts(progress: Progress) -> tuple[str, str]:
    """Return how much is done and how much there is; an empty text where that is not known."""
    show = size_text if progress.unit == "bytes" else str
    return show(progress.done), "" if progress.total is None else show(progress.total)


def _write(stream: TextIO, text: str) -> None:
    """Write a line. Not through rich, which makes a picture of `:link:`.

    A reader that has gone, such as `head`, stops nothing.
    """
    with suppress(BrokenPipeError):
        stream.write(f"{text}\n")
        stream.flush()


def table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    """Return left-aligned columns, two spaces apart."""
    lines = [list(header), *[list(row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
