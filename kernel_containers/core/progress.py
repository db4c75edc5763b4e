"""How a stage tells what it is doing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

# Seconds of silence after which whoever waits looks up: a wait without a limit hears no Ctrl-C that
# came just before it, and says nothing to who may have cancelled meanwhile.
LOOK = 0.5
Unit = Literal["bytes", "files", "layers", "cells", "steps"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far one stage is; `total` is None while it is not known."""

    stage: str
    message: str = ""
    done: int = 0
    total: int | None = None
    unit: Unit = "steps"


# Called from any thread. It may raise: the stage then stops and cleans up, which is how a
# caller cancels.
Report = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Report nothing."""
    del progress
