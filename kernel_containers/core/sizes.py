"""Sizes in words."""

from __future__ import annotations


def size_text(size: float) -> str:
    """Return `812 bytes`, `41 kB` or `1,234.5 MB`."""
    if size < 1000:
        return f"{size:.0f} bytes"
    return f"{size / 1e3:.0f} kB" if size < 1e6 else f"{size / 1e6:,.1f} MB"
