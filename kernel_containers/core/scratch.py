"""Folders for the files of one operation; what a killed process left of them can be found."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_containers.core.owner import is_gone_token, owner_token

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX = "kernel-containers-of-"


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder that only this user can enter, and that goes with the body."""
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{owner_token()}-") as folder:
        yield Path(folder)


def abandoned() -> list[Path]:
    """Return the folders of processes that ran on this machine and were killed."""
    found = Path(tempfile.gettempdir()).glob(f"{_PREFIX}*")
    return [path for path in found if is_gone_token(_owner(path))]


def remove_abandoned() -> None:
    """Remove those of `abandoned` that this user may remove."""
    for folder in abandoned():
        shutil.rmtree(folder, ignore_errors=True)


def _owner(path: Path) -> str:
    return path.name.removeprefix(_PREFIX).rpartition("-")[0]
