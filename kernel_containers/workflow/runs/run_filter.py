"""Which runs are meant: of a notebook, with a status, since a time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from kernel_containers.core.reference import slug
from kernel_containers.errors import UsageError

STATUSES = ("succeeded", "failed", "cancelled", "unfinished", "broken")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"(\d{1,6})\s*([mhdw])")
_IN_RUN_ID = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """What a run must be; None and nothing let all pass."""

    notebook: str | None = None  # its name, or the slug of it
    statuses: tuple[str, ...] = ()
    since: datetime | None = None

    def may_have(self, run_id: str) -> bool:
        """Whether a run of this id can pass; its report is not read where it can't."""
        begun = time_of_run_id(run_id)
        return self.since is None or begun is None or begun >= self.since

    def has(self, *, notebook: str, status: str, started: datetime | None) -> bool:
        """Whether a run passes. Of a run whose start is not known nobody says it is too old."""
        if self.notebook is not None and slug(self.notebook) != slug(notebook):
            return False
        if self.statuses and status not in self.statuses:
            return False
        return self.since is None or started is None or started >= self.since


def make_filter(
    notebook: str | None, statuses: tuple[str, ...], since: str | datetime | None
) -> RunFilter:
    """Return a filter from a user's words.

    Raises:
        UsageError: there is no such status, or `since` is no time.
    """
    unknown = [status for status in statuses if status not in STATUSES]
    if unknown:
        raise UsageError(
            f"{unknown[0]!r} is no status of a run.", todo=f"one of {', '.join(STATUSES)}"
        )
    when = parse_since(since, datetime.now(UTC)) if isinstance(since, str) else since
    if when is not None and when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return RunFilter(notebook=notebook, statuses=statuses, since=when)


def parse_since(text: str, now: datetime) -> datetime:
    """Return the time of `7d`, `12h`, `2026-11-20` or `2026-11-20T08:00`; UTC if no zone is named.

    Raises:
        UsageError: it is none of these.
    """
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        when = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text!r} is no time.", todo="give 7d, 12h, 2026-11-20 or 2026-11-20T08:00"
        ) from error
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def time_of(text: object) -> datetime | None:
    """Return the time that a report or papermill wrote; without a zone it is UTC."""
    try:
        when = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return when if when is None or when.tzinfo else when.replace(tzinfo=UTC)


def time_of_run_id(run_id: str) -> datetime | None:
    """Return when a run began by its id; None for an id that somebody else chose."""
    match = _IN_RUN_ID.fullmatch(run_id)
    try:
        return datetime.strptime(match[1], "%Y%m%dT%H%M%S%z") if match else None
    except ValueError:
        return None
