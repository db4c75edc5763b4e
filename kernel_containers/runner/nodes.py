"""nbformat's functions, with the types that it does not declare. Imported late: it takes 0.2 s."""

from __future__ import annotations

from typing import Any

import nbformat
from nbformat.v4 import nbjson


def to_nodes(data: Any) -> Any:
    """Return JSON with members as attributes."""
    return nbformat.from_dict(data)  # type: ignore[no-untyped-call]


def write(notebook: Any, *, ascii_only: bool) -> str:
    """Return the file's text."""
    text: str = nbjson.writes(notebook, ensure_ascii=ascii_only)  # type: ignore[no-untyped-call]
    return text
