"""What may go wrong with a notebook where nobody looks, and at which place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from kernel_containers.notebook.document import Cell

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something that may go wrong without a person. `cell` counts from 0, `line` from 1.

    `code` is stable, and `subject` what it is about where that has a name, such as a path. A remark
    about the whole notebook has no cell.
    """

    code: str
    severity: Severity
    what: str
    why: str
    todo: str
    cell: int | None = None
    cell_id: str = ""
    line: int | None = None
    subject: str = ""


def remark_at(  # noqa: PLR0917 - in the order of a sentence
    cell: Cell,
    line: int,
    code: str,
    severity: Severity,
    what: str,
    why: str,
    todo: str,
    *,
    subject: str = "",
) -> Remark:
    """Return a remark about a line of a cell."""
    return Remark(
        code=code,
        severity=severity,
        what=what,
        why=why,
        todo=todo,
        cell=cell.index,
        cell_id=cell.id,
        line=line,
        subject=subject,
    )
