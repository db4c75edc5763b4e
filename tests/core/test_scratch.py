"""Folders of one operation, and of processes that were killed in the middle of one."""

from __future__ import annotations

import stat
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.scratch import abandoned, remove_abandoned, scratch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOLDER = """
import time
from kernel_containers.core.scratch import scratch
with scratch() as folder:
    (folder / "password").touch()
    print("there", flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What this test takes for the machine's folder of temporary files."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    tempfile.tempdir = None  # it is looked up once
    yield tmp_path
    tempfile.tempdir = None


def test_a_scratch_folder_is_its_users_and_goes_with_the_operation(temporary: Path) -> None:
    with scratch() as folder:
        assert folder.parent == temporary
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "file").touch()

    assert not folder.exists()


def test_only_the_folders_of_killed_processes_are_abandoned(temporary: Path) -> None:
    (temporary / "kernel-containers-of-another-machine").mkdir()
    with (
        scratch() as own,
        subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE) as holder,
    ):
        assert holder.stdout
        assert holder.stdout.readline() == b"there\n"
        (theirs,) = {path.parent for path in temporary.glob("*/password")}
        assert abandoned() == []
        holder.kill()
        holder.wait()

        assert abandoned() == [theirs]
        remove_abandoned()

        assert own.exists()
        assert not theirs.exists()
    assert [path.name for path in temporary.iterdir()] == ["kernel-containers-of-another-machine"]
