"""Whether a notebook is fit to be run unattended."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kernel_containers.notebook import document
from kernel_containers.notebook.fitness import remarks
from kernel_containers.notebook.remark import Remark
from kernel_containers.snapshot.secrets import find_secrets

if TYPE_CHECKING:
    from pathlib import Path


def check_notebook(path: Path) -> tuple[Remark, ...]:
    """Return what speaks against it, in the order of the cells; no kernel is needed.

    Raises:
        NotFound, Refused, InvalidInput: the file is not there, not readable or no notebook.
    """
    notebook = document.read(path)
    secrets = []
    for finding in find_secrets(notebook.named_sources, ()):
        place = re.fullmatch(r"cell (\d+), line (\d+)", finding.where)
        index = int(place[1]) - 1 if place else None
        secrets.append(
            Remark(
                code="secret",
                severity="error",
                what=f"It looks like a secret: {finding.excerpt}",
                why=f"{finding.rule}; whoever has the image could read it",
                todo="declare it with --secret, or read it from the environment",
                cell=index,
                cell_id="" if index is None else notebook.cells[index].id,
                line=int(place[2]) if place else None,
            )
        )
    found = [*remarks(notebook), *secrets]
    return tuple(sorted(found, key=lambda remark: (remark.cell or 0, remark.line or 0)))
