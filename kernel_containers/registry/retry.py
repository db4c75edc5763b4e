"""When to ask again, and after how long."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernel_containers.registry.settings import RegistrySettings


def wait_after(attempt: int, asked: str | None, settings: RegistrySettings) -> float | None:
    """Return the seconds to wait after attempt number `attempt` (from 1), None to give up.

    `asked` is a `Retry-After` header: it is obeyed, and never waited for less than it says.
    Waits are spread by up to a half, so that many clients do not come back together.
    """
    if attempt >= settings.attempts:
        return None
    backoff = min(settings.first_wait * 2.0 ** (attempt - 1), settings.longest_wait)
    least = _seconds(asked)
    if least > settings.longest_wait:
        return None
    spread = random.uniform(0.5, 1.0)  # noqa: S311  # nothing secret depends on it
    return max(least, backoff * spread)


def _seconds(asked: str | None) -> float:
    if not asked:
        return 0.0
    if asked.strip().isdigit():
        return float(asked)
    try:
        moment = parsedate_to_datetime(asked)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
