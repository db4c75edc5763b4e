"""Real environments with a kernel, made without a network from this process's own packages."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Iterable


def make_kernel_venv(folder: Path, *packages: str, python: str = sys.executable) -> Path:
    """Make a venv with ipykernel and further installed packages, without pip; return its folder.

    `python` must be of this process's minor version.
    """
    subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True)
    (place,) = folder.glob("lib/python*/site-packages")
    copy_packages(["ipykernel", *packages], place)
    return folder


def copy_packages(names: Iterable[str], to: Path) -> None:
    """Copy installed packages and all that they need into a folder for packages."""
    for name in sorted(_closure(names)):
        found = distribution(name)
        for file in found.files or ():
            source = Path(str(file.locate()))
            if ".." in file.parts or not source.is_file():
                continue
            target = to / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def _closure(names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        for text in distribution(name).requires or ():
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                todo.append(needed.name.lower().replace("_", "-"))
    return found
