"""Memory counters of both generations of control groups, as the kernel writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_containers.runner.memory import find_memory_files

if TYPE_CHECKING:
    from pathlib import Path

V1 = """\
11:memory:/docker/0f2a
10:cpu,cpuacct:/docker/0f2a
1:name=systemd:/docker/0f2a
0::/system.slice/containerd.service
"""


def write(path: Path, text: str) -> None:
    """Write a file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_version_1_inside_a_container(tmp_path: Path) -> None:
    membership = tmp_path / "membership"
    write(membership, V1)
    folder = tmp_path / "cgroup" / "memory"
    write(folder / "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    write(folder / "memory.max_usage_in_bytes", "209715200\n")
    write(folder / "memory.limit_in_bytes", "209715200\n")

    files = find_memory_files(tmp_path / "cgroup", membership)

    assert (files.oom_kills(), files.peak_bytes(), files.limit_bytes()) == (2, 209715200, 209715200)


def test_version_1_without_a_limit_on_the_host(tmp_path: Path) -> None:
    membership = tmp_path / "membership"
    write(membership, V1)
    folder = tmp_path / "cgroup" / "memory" / "docker" / "0f2a"
    write(folder / "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n")
    write(folder / "memory.limit_in_bytes", "9223372036854771712\n")

    files = find_memory_files(tmp_path / "cgroup", membership)

    assert (files.oom_kills(), files.limit_bytes()) == (0, None)


def test_version_2_inside_a_container(tmp_path: Path) -> None:
    membership = tmp_path / "membership"
    write(membership, "0::/\n")
    folder = tmp_path / "cgroup"
    write(folder / "memory.events", "low 0\nhigh 0\nmax 31\noom 1\noom_kill 1\noom_group_kill 0\n")
    write(folder / "memory.peak", "268435456\n")
    write(folder / "memory.max", "max\n")

    files = find_memory_files(folder, membership)

    assert (files.oom_kills(), files.peak_bytes(), files.limit_bytes()) == (1, 268435456, None)


def test_without_control_groups_nothing_is_claimed(tmp_path: Path) -> None:
    files = find_memory_files(tmp_path / "none", tmp_path / "nowhere")

    assert (files.oom_kills(), files.limit_bytes()) == (0, None)
