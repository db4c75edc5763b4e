"""Absolute paths as texts, of this machine or of a container."""

from __future__ import annotations


def is_below(path: str, *folders: str) -> bool:
    """Whether a path is one of these folders or lies in one; links are not followed."""
    return any(path == it or path.startswith(f"{it.rstrip('/')}/") for it in folders)
