"""All jobs of one server: a bounded number at once, a bounded queue, and what earlier ones left."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from kernel_containers.core.owner import is_gone
from kernel_containers.core.redaction import trace_of
from kernel_containers.errors import (
    CannotWrite,
    Defect,
    Interrupted,
    InvalidInput,
    KernelContainersError,
    NotFound,
    TryAgain,
)
from kernel_containers.workflow.jobs.event_pages import first_page
from kernel_containers.workflow.jobs.job import Event, Job, JobHead, LeftAlone

if TYPE_CHECKING:
    from kernel_containers.workflow.jobs.job_store import JobStore

logger = logging.getLogger(__name__)

# Does a job's work, telling the job how it goes, and returns its result in JSON terms.
Work = Callable[[Job], dict[str, Any]]
# Gives the work that takes up what an earlier server has left going on; None for what has ended.
Resume = Callable[[JobHead], Work | None]
Listener = Callable[[Job, Event], None]
MOST_ENDED = 500  # jobs that are remembered after their end
GRACE = 20.0  # seconds for jobs to clean up when the server ends


class Jobs:
    """Starts jobs in threads of its own; `listener` is called from these with each event."""

    def __init__(
        self, store: JobStore, *, at_once: int, longest_queue: int, listener: Listener
    ) -> None:
        self.store = store
        self.at_once = at_once
        self._longest_queue = longest_queue
        self._listener = listener
        self._jobs: dict[str, Job] = {}  # oldest first
        self._tokens: dict[str, str] = {}
        self._waiting: deque[tuple[Job, Work]] = deque()
        self._running: dict[str, threading.Thread] = {}
        self._closed = False
        self._lock = threading.RLock()

    @property
    def running(self) -> int:
        """How many jobs run."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        return len(self._waiting)

    def with_token(self, token: str | None, asked: str | None) -> Job | None:
        """Return the job that an earlier request with this token made.

        Raises:
            InvalidInput: that was another request.
        """
        with self._lock:
            job = self._jobs.get(self._tokens.get(token or "", ""))
        if job and job.head.asked != asked:
            raise InvalidInput(
                "The token was used for another job.",
                why=f"{job.head.id} was asked for with it",
                todo="make a new token for each job; send the same one only to repeat a request",
            )
        return job

    def start(self, head: JobHead, work: Work) -> tuple[Job, bool]:
        """Return a new job and True, or the one that its token made before and False.

        Raises:
            TryAgain: too many jobs wait.
        """
        with self._lock:
            known = self.with_token(head.token, head.asked)
            if known:
                return known, False
            if self._closed or len(self._waiting) >= self._longest_queue:
                raise TryAgain(
                    "The server takes no more jobs now.",
                    why=f"{len(self._waiting)} jobs wait already",
                    todo="try again when some have ended",
                )
            job = self._add(Job(head, self._listener), head.token)
            self._waiting.append((job, work))
            self._save(job)
            self._start_next()
            return job, True

    def get(self, job_id: str) -> Job:
        """Return a job.

        Raises:
            NotFound: there is none of this id.
        """
        with self._lock:
            job = self._jobs.get(job_id)
        if job is None:
            raise NotFound(f"There is no job {job_id!r}.", todo="list the jobs")
        return job

    def all(self) -> list[Job]:
        """Return all jobs, newest first."""
        with self._lock:
            return list(reversed(self._jobs.values()))

    def as_json(self, job: Job) -> dict[str, Any]:
        """Return a job as the API has it."""
        with self._lock:
            waiting = [other.head.id for other, _ in self._waiting]
            described = job.as_json()
        if job.head.id in waiting:
            described["position"] = waiting.index(job.head.id)
        return described

    def events_after(self, job: Job, number: int) -> tuple[list[Event], bool]:
        """Return the next events after a number, and whether no more will follow them."""
        ended = job.ended  # asked first: an event may come in between
        events: Iterable[Event] = job.events_after(number)
        if not events and ended and number < job.last:
            events = self.store.events_after(job.head.id, number)
        page, is_last = first_page(events)
        return page, ended and is_last

    def cancel(self, job_id: str) -> Job:
        """Ask a job to stop; one that waits has ended when this returns."""
        with self._lock:
            job = self.get(job_id)
            queued = [item for item in self._waiting if item[0] is job]
            for item in queued:
                self._waiting.remove(item)
        if queued:
            job.cleaned = "Nothing had begun."
            job.move("cancelled")
            self._finish(job)
        else:
            job.cancel()
        return job

    def forget(self, job_id: str) -> None:
        """Forget a job that has ended.

        Raises:
            TryAgain: it has not.
        """
        with self._lock:
            job = self.get(job_id)
            if not job.ended:
                raise TryAgain(f"The job {job_id!r} has not ended.", todo="cancel it first")
            try:
                self._drop(job)
            except OSError as error:
                raise CannotWrite(
                    f"The record of the job {job_id!r} can't be removed.", why=error.strerror
                ) from error

    def restore(self, resume: Resume) -> None:
        """Take over the records of earlier servers; jobs of one that lives stay its own."""
        # Newest first, as each goes before those that are known: new jobs may begin meanwhile.
        with self.store.alone():
            for record in reversed(self.store.load()):
                try:
                    self._restore(record, resume)
                except (KeyError, TypeError, ValueError):
                    logger.warning("a job's record can't be read; it is left out")
        self._forget_oldest()

    def close(self) -> None:
        """Cancel what waits and runs, leave runs to themselves, and wait until all has ended."""
        with self._lock:
            self._closed = True
            waiting = [job for job, _ in self._waiting]
            running = [(self._jobs[name], thread) for name, thread in self._running.items()]
        for job in waiting:
            self.cancel(job.head.id)
        for job, _ in running:
            if job.head.kind == "run":
                job.leave()
            else:
                job.cancel()
        until = time.monotonic() + GRACE
        for _, thread in running:
            thread.join(max(0.0, until - time.monotonic()))

    def _add(self, job: Job, token: str | None) -> Job:
        self._jobs[job.head.id] = job
        if token:
            self._tokens[token] = job.head.id
        return job

    def _restore(self, record: Mapping[str, Any], resume: Resume) -> None:
        said = record["job"]
        names = ("id", "kind", "title", "notebook", "image", "request", "command", "created")
        known: dict[str, Any] = {name: said[name] for name in names}
        known |= {name: record.get(name) for name in ("token", "run_id", "asked")}
        head = JobHead(**known)
        job = Job(head, self._listener)
        job.restore(said)
        if not job.ended and not is_gone(str(record.get("owner"))):
            return
        with self._lock:
            if head.id in self._jobs:
                return
            self._jobs = {head.id: self._add(job, head.token), **self._jobs}
        if job.ended:
            return
        work = resume(head)
        if work:
            self._save(job)  # under this server's name, so that no other one takes it, too
            self._launch(job, work)
        else:
            todo = "start it anew: what it had finished is kept"
            job.move("lost", Interrupted("The server ended during this job.", todo=todo))
            self._finish(job)

    def _start_next(self) -> None:
        with self._lock:
            while self._waiting and len(self._running) < self.at_once:
                job, work = self._waiting.popleft()
                job.move("running")
                self._save(job)
                self._launch(job, work)

    def _launch(self, job: Job, work: Work) -> None:
        with self._lock:
            name = f"job-{job.head.kind}-{job.head.id}"
            thread = threading.Thread(target=self._run, args=(job, work), name=name, daemon=True)
            self._running[job.head.id] = thread
            thread.start()

    def _run(self, job: Job, work: Work) -> None:
        try:
            job.result = work(job)
            job.move("succeeded")
        except LeftAlone:
            return
        except Interrupted as error:
            job.cleaned = job.cleaned or error.why or "Nothing of it is left."
            job.move("cancelled")
        except KernelContainersError as error:
            job.move("failed", error)
        except Exception as error:  # noqa: BLE001 - the last resort, told to the log
            logger.error("a job failed\n%s", trace_of(error))  # noqa: TRY400
            why = f"{type(error).__name__} in kernel-containers"
            job.move("failed", Defect("The job failed by a mistake of this program.", why=why))
        finally:
            if job.ended:
                self._finish(job)
            with self._lock:
                self._running.pop(job.head.id, None)
            self._start_next()

    def _finish(self, job: Job) -> None:
        """Keep a job on disk and free its events' memory; those who listen still get them all."""
        if self._save(job):
            job.forget_events()
        self._forget_oldest()

    def _forget_oldest(self) -> None:
        with self._lock:
            ended = [job for job in self._jobs.values() if job.ended]
            for job in ended[:-MOST_ENDED]:
                with suppress(OSError):
                    self._drop(job)

    def _drop(self, job: Job) -> None:
        del self._jobs[job.head.id]
        self._tokens.pop(job.head.token or "", None)
        self.store.remove(job.head.id)

    def _save(self, job: Job) -> bool:
        try:
            self.store.save(job)
        except OSError as error:
            logger.warning("the record of a job can't be written: %s", error.strerror)
            return False
        return True
