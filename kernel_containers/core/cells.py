"""What cells of notebooks have in their files."""

from __future__ import annotations

import hashlib
from typing import Any

PARAMETERS_TAG = "parameters"
INJECTED_TAG = "injected-parameters"  # papermill's, from an earlier run
SKIP_TAG = "skip-execution"  # nbclient's: such a cell never runs
ALLOW_TAG = "raises-exception"  # nbclient's: such a cell may fail


def derived_cell_id(index: int, source: str) -> str:
    """Return the id of a cell that has none, as before notebook format 4.5.

    `index` counts all cells from 0. The same notebook has the same ids everywhere.
    """
    text = f"{index}\n{source}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:12]


def tags_of(cell: Any) -> list[str]:
    """Return a cell's tags; none where the file has something else in their place."""
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def outputs_of(cell: Any) -> list[dict[str, Any]]:
    """Return a cell's outputs without what is none, as anybody may have written the file."""
    outputs = cell.get("outputs")
    if not isinstance(outputs, list):
        return []
    return [output for output in outputs if isinstance(output, dict)]
