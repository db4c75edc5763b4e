"""How a kernel ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Cause = Literal["exit", "out-of-memory", "not-started", "container", "engine"]
KILLED = 137  # the exit code of a container that was killed, where nobody can tell it any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """How a kernel ended. `code` is negative for a signal.

    `cause` is "not-started" when its program could not run (`detail` says why), "container"
    when the whole container ended, and "engine" when the engine can't be reached any more.
    `tail` is the end of what the kernel wrote to its own stdout and stderr.
    """

    cause: Cause
    code: int
    detail: str = ""
    tail: str = ""
