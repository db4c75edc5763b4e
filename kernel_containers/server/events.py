"""Jobs on Jupyter's event bus, so that each page of each user's tab sees them."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from jupyter_events import EventLogger

    from kernel_containers.workflow.jobs.job import Event, Job

SCHEMA_ID = "urn:kernel-containers:job"
_TOLD = ("state", "progress", "cell")


class JobEvents:
    """Called from any thread with what a job says; output stays out of the bus."""

    def __init__(self, logger: EventLogger, loop: asyncio.AbstractEventLoop) -> None:
        schema = files("kernel_containers.server").joinpath("job_event.yaml").read_text("utf-8")
        logger.register_event_schema(schema)
        self._logger = logger
        self._loop = loop

    def __call__(self, job: Job, event: Event) -> None:
        """Tell it on the server's loop; a server that ends needs no news."""
        if event["type"] not in _TOLD or self._loop.is_closed():
            return
        data: dict[str, object] = {
            "job_id": job.head.id,
            "kind": job.head.kind,
            "state": job.state,
            "title": job.head.title,
            "fraction": job.fraction,
        }
        if event["type"] == "progress":
            data["stage"] = event["stage"]["name"]
        self._loop.call_soon_threadsafe(self._emit, data)

    def _emit(self, data: dict[str, object]) -> None:
        self._logger.emit(schema_id=SCHEMA_ID, data=data)
