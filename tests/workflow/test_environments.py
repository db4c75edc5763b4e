"""Environments of a machine, in whatever state they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_containers.workflow.kernels.environments import find_environments

if TYPE_CHECKING:
    from pathlib import Path


def test_an_environment_whose_python_can_not_be_reached_hides_no_other(tmp_path: Path) -> None:
    targets = {"whole": "/bin/sh", "gone": "/nowhere/python", "closed": f"{'x' * 300}/python"}
    for name, target in targets.items():
        (tmp_path / name / ".venv" / "bin").mkdir(parents=True)
        (tmp_path / name / ".venv" / "pyvenv.cfg").write_text("version = 3.11.2")
        (tmp_path / name / ".venv" / "bin" / "python").symlink_to(target)

    found = find_environments({}, tmp_path)
    problems = {
        item["name"]: item["problem"] for item in found if item["prefix"].startswith(str(tmp_path))
    }

    assert "ipykernel" in problems["whole"]
    assert "is gone" in problems["gone"]
    assert "can't be reached" in problems["closed"]
