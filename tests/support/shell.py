"""The shell that ipykernel builds on, in this process."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from IPython.core.history import HistoryManager
from IPython.core.interactiveshell import InteractiveShell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def ipython_shell(folder: Path) -> Iterator[InteractiveShell]:
    """Yield a shell without history; `reset(new_session=False)` empties its namespace."""
    enabled, HistoryManager.enabled = HistoryManager.enabled, False
    main = sys.modules["__main__"]  # which the shell puts its own module in place of
    try:
        yield InteractiveShell(ipython_dir=str(folder))
    finally:
        HistoryManager.enabled = enabled
        InteractiveShell.clear_instance()
        sys.modules["__main__"] = main
