"""nbformat's function, with the types that it does not declare. Imported late: it takes 0.2 s."""

from __future__ import annotations

from typing import Any

import nbformat


def to_nodes(data: Any) -> Any:
    """Return JSON with members as attributes."""
    return nbformat.from_dict(data)  # type: ignore[no-untyped-call]


def nodes_of_file(content: bytes) -> Any:
    """Return the notebook in a file's bytes; texts that are lists of lines are joined."""
    return nbformat.v4.reads_json(content.decode("utf-8-sig"))  # type: ignore[no-untyped-call]
