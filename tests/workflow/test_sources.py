"""What is noticed of an environment that changes while its image is built."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from kernel_containers.workflow.images.sources import notes_on_changes, package_stamps
from tests.support.interpreters import DEBIAN_12

if TYPE_CHECKING:
    from pathlib import Path


def test_an_installed_package_is_told_and_a_compiled_one_is_not(tmp_path: Path) -> None:
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    (packages / "numpy").mkdir(parents=True)
    python = replace(DEBIAN_12, path=(str(packages.parent), str(packages)))
    stamps = package_stamps(python, time.time_ns())

    (packages / "numpy" / "__pycache__").mkdir()
    before = notes_on_changes(stamps)
    (packages / "pandas").mkdir()
    (after,) = notes_on_changes(stamps)

    assert before == ()
    assert after.startswith(f"Packages in {packages} changed")


def test_a_removed_environment_is_told(tmp_path: Path) -> None:
    packages = tmp_path / "site-packages"
    packages.mkdir()
    stamps = package_stamps(replace(DEBIAN_12, path=(str(packages),)), time.time_ns())
    packages.rmdir()

    assert len(notes_on_changes(stamps)) == 1


def test_a_package_that_came_while_the_folders_were_looked_at_is_told(tmp_path: Path) -> None:
    packages = tmp_path / "site-packages"
    packages.mkdir()
    began = packages.stat().st_mtime_ns - 1

    stamps = package_stamps(replace(DEBIAN_12, path=(str(packages),)), began)

    assert len(notes_on_changes(stamps)) == 1
