"""What a supervisor reads of its container."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kernel_containers.kernels.surroundings import killed_for_memory

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "text",
    [
        "low 0\nhigh 0\nmax 31\noom 5\noom_kill 2\noom_group_kill 0\n",
        "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    ],
    ids=["version 2", "version 1"],
)
def test_processes_that_were_killed_for_memory_are_counted(tmp_path: Path, text: str) -> None:
    counter = tmp_path / "counter"
    counter.write_text(text)

    assert killed_for_memory((str(tmp_path / "absent"), str(counter))) == 2


def test_without_a_counter_nobody_knows(tmp_path: Path) -> None:
    assert killed_for_memory((str(tmp_path / "absent"),)) is None
