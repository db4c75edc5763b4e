"""Whether a registry answers and knows this user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_containers.registry.answers import Call
from kernel_containers.registry.stop import Stop

if TYPE_CHECKING:
    from kernel_containers.registry.client import Registry


def check(registry: Registry) -> str:
    """Return in words how the registry greets this user.

    The call is the one that the distribution specification has for this (end-1).

    Raises:
        Unauthorized: credentials are missing or wrong.
        TryAgain, Unavailable: also after several attempts.
    """
    call = Call(doing="let this user in", method="GET", url="/v2/")
    registry.ask(call, Stop(), 200)
    return f"answers at {registry.transport.url.rstrip('/')} and lets this user in"
