"""Records of jobs on disk, so that they outlive the server: one file each, and one of events."""

from __future__ import annotations

import fcntl
import json
import os
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from kernel_containers.core.owner import current_owner, is_gone_token, owner_token

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kernel_containers.workflow.jobs.job import Event, Job

_NUMBER = re.compile(rb'\{"seq": ([0-9]{1,15}),')
_RECORD = re.compile(r"[0-9a-f]{12}\.json")


class JobStore:
    """A folder of records that only this user can read; servers of one user may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, job: Job) -> None:
        """Write a job's record, and its events once it has ended."""
        record = {
            "owner": current_owner(),
            "token": job.head.token,
            "run_id": job.head.run_id,
            "asked": job.head.asked,
            "job": job.as_json(),
        }
        if job.ended:
            events = "".join(f"{json.dumps(event)}\n" for event in job.events_after(-1))
            self._write(f"{job.head.id}.events", events)
        self._write(f"{job.head.id}.json", json.dumps(record))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold off other servers that would take over the same records; the system frees it."""
        try:
            lock = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:  # there is nothing to take over
            yield
            return
        try:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def load(self) -> list[dict[str, Any]]:
        """Return the records that can be read, oldest first; what killed servers left goes."""
        found: list[dict[str, Any]] = []
        for path in self._paths():
            if is_gone_token(path.suffix.removeprefix(".")):
                with suppress(OSError):
                    path.unlink()
            elif _RECORD.fullmatch(path.name):
                with suppress(OSError, ValueError, RecursionError):
                    found += _readable(json.loads(path.read_text("utf-8")), path.stem)
        return sorted(found, key=lambda record: str(record["job"].get("created")))

    def events_after(self, job_id: str, number: int) -> Iterator[Event]:
        """Yield the events with a higher number of a job that has ended."""
        with suppress(OSError), (self._folder / f"{job_id}.events").open("rb") as lines:
            for line in lines:
                event = _event(line, number)
                if event:
                    yield event

    def remove(self, job_id: str) -> None:
        """Remove what is kept of a job.

        Raises:
            OSError: it can't be removed.
        """
        for ending in ("json", "events"):
            (self._folder / f"{job_id}.{ending}").unlink(missing_ok=True)

    def size(self) -> int:
        """Return the bytes of all records."""
        total = 0
        for path in self._paths():
            with suppress(OSError):
                total += path.stat().st_size
        return total

    def _paths(self) -> Sequence[Path]:
        with suppress(OSError):
            return list(self._folder.iterdir())
        return ()

    def _write(self, name: str, text: str) -> None:
        """Write a whole file in the place of an older one."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._folder / f".{name}.{owner_token()}"
        try:
            opened = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(opened, "w") as file:
                file.write(text)
            fresh.replace(self._folder / name)
        except OSError:
            with suppress(OSError):
                fresh.unlink()
            raise


def _readable(record: object, job_id: str) -> list[dict[str, Any]]:
    """Return the record in a list; nothing for one that is of another job than its file's."""
    if not isinstance(record, dict) or not isinstance(record.get("job"), dict):
        return []
    return [record] if record["job"].get("id") == job_id else []


def _event(line: bytes, number: int) -> Event | None:
    """Return the event of a line; None for one that is not newer than `number`, or broken."""
    begins = _NUMBER.match(line)
    if begins and int(begins[1]) <= number:
        return None  # known without reading the rest, which whoever pages passes again and again
    with suppress(ValueError, TypeError, KeyError, RecursionError):
        event: Event = json.loads(line)
        if event["seq"] > number:
            return event
    return None
