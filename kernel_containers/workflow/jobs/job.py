"""A long operation inside the server: what was asked, how far it is, and all it said, numbered."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Literal, get_args

from kernel_containers.errors import Defect, Interrupted, error_as_json
from kernel_containers.workflow.jobs.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kernel_containers.core.progress import Progress
    from kernel_containers.errors import KernelContainersError

JobKind = Literal["containerize", "push", "pull", "add-kernel", "run"]
JobState = Literal["queued", "running", "cancelling", "succeeded", "failed", "cancelled", "lost"]
FINAL: frozenset[JobState] = frozenset({"succeeded", "failed", "cancelled", "lost"})
TRANSITIONS: Mapping[JobState, frozenset[JobState]] = {
    "queued": frozenset({"running", "cancelled", "lost"}),
    "running": frozenset({"cancelling", *FINAL}),
    "cancelling": FINAL,
    **dict.fromkeys(FINAL, frozenset[JobState]()),
}

Event = dict[str, Any]
MOST_LOG_EVENTS = 10_000  # kept of one job; older ones are in the run's own log.jsonl
MOST_LOG = 20_000_000  # characters of them
LONGEST_LOG = 100_000  # characters of one
INTERVAL = 0.2  # seconds between two events about the progress of one stage


class LeftAlone(Exception):
    """The server ends, and what the job has started goes on without it."""


def utc_now() -> str:
    """Return the time as RFC 3339."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobHead:
    """What does not change. `request` and `command` hold no secret; `image` is made or run."""

    id: str
    kind: JobKind
    title: str
    notebook: str | None
    image: str | None
    request: Mapping[str, Any]
    command: str
    created: str = field(default_factory=utc_now)
    token: str | None = None
    run_id: str | None = None  # of a run, whose container it labels
    asked: str | None = None  # a digest of the request that the token was for

    def as_json(self) -> dict[str, Any]:
        """Return what the API shows of it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "title": self.title,
            "notebook": self.notebook,
            "image": self.image,
            "request": dict(self.request),
            "command": self.command,
            "created": self.created,
        }


class Job:
    """A job in memory. Its work runs in one thread; anybody may ask and listen from others."""

    def __init__(self, head: JobHead, listener: Callable[[Job, Event], None]) -> None:
        self.head = head
        self.state: JobState = "queued"
        self.started: str | None = None
        self.finished: str | None = None
        self.stages: dict[str, Stage] = {}
        self.cell: dict[str, Any] | None = None
        self.result: dict[str, Any] | None = None
        self.error: dict[str, Any] | None = None
        self.cleaned: str | None = None
        self.last = -1  # the number of the newest event
        self._events: dict[int, Event] = {}
        self._logs: deque[tuple[int, int]] = deque()  # number and size
        self._log_size = 0
        self._of_stage: dict[str, tuple[int, float]] = {}
        self._begun: dict[str, float] = {}
        self._weights: Mapping[str, float] = {}
        self._stop = threading.Event()
        self._leaving = False
        self._listener = listener
        self._lock = threading.RLock()

    @property
    def ended(self) -> bool:
        """Whether the state is final."""
        return self.state in FINAL

    @property
    def fraction(self) -> float | None:
        """How much of the whole is done, as far as that can be told."""
        with self._lock:
            if self.state == "succeeded":
                return 1.0
            if self.cell:
                finished = self.cell["number"] - (self.cell["status"] == "running")
                return float(finished / max(self.cell["count"], 1))
            weights = self._weights or dict.fromkeys(self.stages, 1.0)
            total = sum(weights.values())
            if not total or not self.stages:
                return None
            done = sum(
                weights.get(name, 0.0) * stage.fraction for name, stage in self.stages.items()
            )
            return float(done / total)

    def weigh(self, weights: Mapping[str, float]) -> None:
        """Say how much of the whole each stage is."""
        self._weights = weights

    def cancel(self) -> None:
        """Ask the work to stop at its next report; a job that has ended stays as it is."""
        with self._lock:
            self._stop.set()
            if self.state == "running":
                self.move("cancelling")

    def leave(self) -> None:
        """Ask the work to let go of what goes on by itself."""
        self._leaving = True
        self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Return after `seconds`, or at once with True when the work is to stop."""
        return self._stop.wait(seconds)

    def check(self) -> None:
        """Raise where the work is to stop.

        Raises:
            Interrupted: it was cancelled.
            LeftAlone: the server ends.
        """
        if self._stop.is_set():
            if self._leaving:
                raise LeftAlone
            raise Interrupted("The job was cancelled.")

    def report(self, progress: Progress) -> None:
        """Take a stage's progress; this is the work's `Report`.

        Raises:
            Interrupted, LeftAlone: as `check`.
        """
        self.check()
        name = progress.stage
        if name == "layer":  # one after the other, each with bytes of its own
            name = f"{name} {progress.message}"
        now = time.monotonic()
        with self._lock:
            if name not in self.stages:
                self._end_stages(now)
            begun = self._begun.setdefault(name, now)
            self.stages[name] = stage = Stage(
                name=name,
                message=progress.message,
                done=progress.done,
                total=progress.total,
                unit=progress.unit,
                seconds=round(now - begun, 3),
                ended=False,
            )
            _, told = self._of_stage.get(name, (-1, now - INTERVAL))
            complete = progress.total is not None and progress.done >= progress.total
            if now - told >= INTERVAL or complete:
                self._tell_stage(stage, now)

    def at_cell(self, cell: dict[str, Any]) -> None:
        """Take where a run is."""
        self.cell = cell
        self._tell("cell", cell=cell)

    def log(self, stream: str, text: str) -> None:
        """Take a piece of output, in several events if it is long."""
        for start in range(0, len(text) or 1, LONGEST_LOG):
            self._log(stream, text[start : start + LONGEST_LOG])

    def _log(self, stream: str, text: str) -> None:
        with self._lock:
            self._tell("log", stream=stream, text=text)
            self._logs.append((self.last, len(text)))
            self._log_size += len(text)
            while len(self._logs) > MOST_LOG_EVENTS or self._log_size > MOST_LOG:
                oldest, size = self._logs.popleft()
                self._log_size -= size
                self._events.pop(oldest, None)

    def note(self, text: str) -> None:
        """Take a sentence for the user."""
        self._tell("note", text=text)

    def move(self, to: JobState, error: KernelContainersError | None = None) -> None:
        """Go to another state.

        Raises:
            Defect: there is no such transition.
        """
        with self._lock:
            if to not in TRANSITIONS[self.state]:
                raise Defect(f"A job can't go from {self.state} to {to}.")
            if to in FINAL:
                self._end_stages(time.monotonic())
                self.finished = utc_now()
                self.error = error_as_json(error) if error else None
            elif to == "running":
                self.started = utc_now()
            self.state = to
            self._tell("state", state=to, error=self.error)

    def events_after(self, number: int) -> list[Event]:
        """Return the events with a higher number, in order."""
        with self._lock:
            newer = takewhile(lambda event: event["seq"] > number, reversed(self._events.values()))
            return list(newer)[::-1]

    def forget_events(self) -> None:
        """Free the memory; the store has them."""
        with self._lock:
            self._events.clear()

    def as_json(self) -> dict[str, Any]:
        """Return the job as the API has it, without its position in the queue."""
        with self._lock:
            return {
                **self.head.as_json(),
                "state": self.state,
                "started": self.started,
                "finished": self.finished,
                "position": None,
                "stages": [asdict(stage) for stage in self.stages.values()],
                "fraction": self.fraction,
                "cell": self.cell,
                "events": self.last,
                "result": self.result,
                "error": self.error,
                "cleaned": self.cleaned,
            }

    def restore(self, record: Mapping[str, Any]) -> None:
        """Take over what `as_json` gave in an earlier life.

        Raises:
            KeyError, TypeError, ValueError: another release wrote it, or nobody.
        """
        if record["state"] not in TRANSITIONS or self.head.kind not in get_args(JobKind):
            raise ValueError(record["state"])
        self.state = record["state"]
        self.started, self.finished = record["started"], record["finished"]
        self.stages = {stage["name"]: Stage(**stage) for stage in record["stages"]}
        self.cell, self.result = record["cell"], record["result"]
        self.error, self.cleaned = record["error"], record["cleaned"]
        self.last = int(record["events"])
        texts = (self.head.title, self.head.command, self.head.created)
        objects = (self.head.request, self.result or {}, self.error or {}, self.cell or {})
        if not all(isinstance(text, str) for text in texts):
            raise TypeError(texts)
        if not all(isinstance(value, dict) for value in objects):
            raise TypeError(objects)
        self.as_json()  # raises for stages and cells that are not what they should be

    def _end_stages(self, now: float) -> None:
        for name, stage in self.stages.items():
            if not stage.ended:
                seconds = round(now - self._begun.get(name, now), 3)
                self.stages[name] = ended = replace(stage, ended=True, seconds=seconds)
                self._tell_stage(ended, now)

    def _tell_stage(self, stage: Stage, now: float) -> None:
        """Tell a stage's progress in place of what was told of it before."""
        before, _ = self._of_stage.get(stage.name, (-1, 0.0))
        self._events.pop(before, None)
        self._of_stage[stage.name] = (self.last + 1, now)
        self._tell("progress", stage=asdict(stage), fraction=self.fraction)

    def _tell(self, kind: str, **fields: Any) -> None:
        with self._lock:
            self.last += 1
            event = {"seq": self.last, "time": utc_now(), "type": kind, **fields}
            self._events[self.last] = event
        self._listener(self, event)
