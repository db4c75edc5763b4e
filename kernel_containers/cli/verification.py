"""A verification in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernel_containers.notebook.compare import CellComparison
    from kernel_containers.workflow.images.verify import Verification


def as_text(verification: Verification) -> str:
    """Return the verdict, and a paragraph for each cell that needs words."""
    verdict = "Verified" if verification.status == "same" else "Not verified"
    lines = [f"{verdict}: {verification.message}"]
    lines += [line for cell in verification.cells for line in _about(cell, verification)]
    if verification.outputs:
        lines.append(f"The image was made, and stays. The run's outputs: {verification.outputs}")
    return "\n".join(lines)


def _about(cell: CellComparison, verification: Verification) -> list[str]:
    if cell.result == "different":
        # What did not run has no outputs; the message says why.
        if verification.status == "failed" and cell.reason.endswith("the run nothing"):
            return []
        return [f"  cell {cell.number}: {cell.reason}", *(f"    {line}" for line in cell.diff)]
    if cell.result == "alike":
        return [f"  cell {cell.number}: the same but for {', '.join(cell.set_aside)}"]
    if cell.result == "not-compared":
        return [f"  cell {cell.number}: not compared, {cell.reason}"]
    return []
