"""What only the end of a run needs, imported in pieces while the kernel says nothing.

All of it takes 0.25 s. Imported before the first cell, a machine that is busy let it wait for that.
"""

from __future__ import annotations

import importlib

_PIECES = ("jinja2", "bs4", "bleach", "mistune", "nbconvert", "kernel_containers.runner.render")


class Imports:
    """The pieces that are still to be imported."""

    def __init__(self) -> None:
        self._left = [*_PIECES]

    def make_one(self) -> None:
        """Import the next piece, if there is one."""
        if self._left:
            importlib.import_module(self._left.pop(0))
