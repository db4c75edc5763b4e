"""Whether a notebook is fit to be run unattended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_containers.notebook import document
from kernel_containers.notebook.fitness import remarks
from kernel_containers.notebook.remark import remark_at
from kernel_containers.snapshot.secrets import find_secrets

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.notebook.remark import Remark


def check_notebook(path: Path) -> tuple[Remark, ...]:
    """Return what speaks against it, in the order of the cells; no kernel is needed.

    Raises:
        NotFound, Refused, InvalidInput: the file is not there, not readable or no notebook.
    """
    notebook = document.read(path)
    secrets = [
        remark_at(
            cell, finding.line, "secret", "error", f"It looks like a secret: {finding.excerpt}",
            f"{finding.rule}; whoever has the image could read it",
            "declare it with --secret, or read it from the environment",
        )
        for cell in notebook.cells
        for finding in find_secrets([(cell.name, cell.source)], ())
    ]  # fmt: skip
    found = [*remarks(notebook), *secrets]
    return tuple(sorted(found, key=lambda remark: (remark.cell or 0, remark.line or 0)))
