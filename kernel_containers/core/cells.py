"""What cells of notebooks have in their files."""

from __future__ import annotations

import hashlib
from typing import Any


def derived_cell_id(index: int, source: str) -> str:
    """Return the id of a cell that has none, as before notebook format 4.5.

    `index` counts all cells from 0. The same notebook has the same ids everywhere.
    """
    text = f"{index}\n{source}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:12]


def outputs_of(cell: Any) -> list[dict[str, Any]]:
    """Return a cell's outputs without what is none, as anybody may have written the file."""
    outputs = cell.get("outputs")
    if not isinstance(outputs, list):
        return []
    return [output for output in outputs if isinstance(output, dict)]
