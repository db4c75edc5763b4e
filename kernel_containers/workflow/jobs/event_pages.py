"""Events in pages, so that a reader who is slow, or one of many, holds little of a long log."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kernel_containers.workflow.jobs.job import Event

MOST_EVENTS = 500
MOST_TEXT = 500_000  # characters of output; a reader who stands still costs twice that


def first_page(events: Iterable[Event]) -> tuple[list[Event], bool]:
    """Return the first of some events, and whether these are all."""
    page: list[Event] = []
    room = MOST_TEXT
    for event in events:
        if len(page) == MOST_EVENTS or room < 0:
            return page, False
        page.append(event)
        room -= len(event.get("text", ""))
    return page, True
