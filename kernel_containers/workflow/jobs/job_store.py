"""Records of jobs on disk, so that they outlive the server: one file each, and one of events."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from kernel_containers.core.owner import current_owner

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kernel_containers.workflow.jobs.job import Event, Job

_RECORD = re.compile(r"[0-9a-f]{12}\.json")
MOST_RECORDS = 500  # of jobs that have ended


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

    def load(self) -> Iterator[dict[str, Any]]:
        """Yield the records that can be read, oldest first; of ended jobs only the newest."""
        found: list[dict[str, Any]] = []
        for path in self._paths():
            with suppress(OSError, ValueError, RecursionError):
                record = json.loads(path.read_text("utf-8"))
                if isinstance(record, dict) and isinstance(record.get("job"), dict):
                    found.append(record)
        found.sort(key=lambda record: str(record["job"].get("created")))
        for record in found[:-MOST_RECORDS]:
            self.remove(str(record["job"].get("id")))
        yield from found[-MOST_RECORDS:]

    def events_after(self, job_id: str, number: int) -> list[Event]:
        """Return the events with a higher number of a job that has ended."""
        found: list[Event] = []
        with suppress(OSError), (self._folder / f"{job_id}.events").open("rb") as lines:
            for line in lines:
                with suppress(ValueError, TypeError, KeyError, RecursionError):  # a broken line
                    event = json.loads(line)
                    if event["seq"] > number:
                        found.append(event)
        return found

    def remove(self, job_id: str) -> None:
        """Remove what is kept of a job."""
        for ending in ("json", "events"):
            (self._folder / f"{job_id}.{ending}").unlink(missing_ok=True)

    def size(self) -> int:
        """Return the bytes of all records."""
        with suppress(FileNotFoundError):
            return sum(path.stat().st_size for path in self._folder.iterdir())
        return 0

    def _paths(self) -> Sequence[Path]:
        with suppress(OSError):
            return [path for path in self._folder.iterdir() if _RECORD.fullmatch(path.name)]
        return ()

    def _write(self, name: str, text: str) -> None:
        """Write a whole file in the place of an older one."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._folder / f".{name}.{os.getpid()}"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        fresh.replace(self._folder / name)
