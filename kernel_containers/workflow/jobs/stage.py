"""How far one phase of a job is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernel_containers.core.progress import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One phase: how far, and for how many seconds."""

    name: str
    message: str
    done: int
    total: int | None
    unit: Unit
    seconds: float
    ended: bool

    @property
    def fraction(self) -> float:
        """0 to 1; 0 while nobody can tell."""
        if self.ended:
            return 1.0
        return min(self.done / self.total, 1.0) if self.total else 0.0
