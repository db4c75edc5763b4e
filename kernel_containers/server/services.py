"""What operations are given and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kernel_containers.core.progress import Report
    from kernel_containers.server.places import Places
    from kernel_containers.server.running import RunningKernels
    from kernel_containers.workflow.jobs.jobs import Jobs
    from kernel_containers.workflow.runs.store import Opened
    from kernel_containers.workflow.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts of the running extension. `results` and `gallery` are places."""

    settings: Settings
    places: Places
    jobs: Jobs
    kernels: RunningKernels
    results: str
    gallery: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, checked. `report` raises once the client has gone."""

    services: Services
    user: str
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Mapping[str, Any]
    report: Report


@dataclass(frozen=True, slots=True)
class Answer:
    """JSON, or nothing."""

    status: int
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes of somebody's notebook: whatever they are, they can't act as this server."""

    data: bytes
    type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Download:
    """A file of somebody's, for which the same holds; it is sent block by block, then closed."""

    file: Opened
    type: str
    headers: Mapping[str, str]


# Runs in a thread and may block; an error that it raises gets the status of its class.
Operation = Callable[[Call], Answer | Content | Download]


def page(items: list[Any], name: str, call: Call, key: Callable[[Any], str]) -> dict[str, Any]:
    """Return the part of `items` that the query's limit and after ask for, and what is next."""
    after = call.query["after"]
    keys = [key(item) for item in items]
    # An item that has gone meanwhile starts the list anew.
    start = keys.index(after) + 1 if after in keys else 0
    end = start + call.query["limit"]
    return {name: items[start:end], "next": keys[end - 1] if end < len(items) else None}
