"""Names of a notebook's cells."""

from __future__ import annotations

import hashlib


def derived_cell_id(index: int, source: str) -> str:
    """Return the id of a cell that has none, as before notebook format 4.5.

    `index` counts all cells from 0. The same notebook has the same ids everywhere.
    """
    text = f"{index}\n{source}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:12]
