"""Sizes in words."""

from __future__ import annotations


def size_text(size: float) -> str:
    """Return bytes in powers of ten, as registries and disks count: `812 bytes`, `41.0 kB`."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
