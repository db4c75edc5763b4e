"""What all scripts rely on."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import docker
import pytest

from scripts import machine

ROOT = Path(__file__).parents[2]


def test_without_a_terminal_nothing_is_agreed_to() -> None:
    program = "from scripts.machine import ask; ask('Install docker.io?', yes=False)"

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "Install docker.io? There is no terminal to ask at: agree with --yes." in done.stderr


def test_a_failed_program_shows_its_output(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(machine.Failed, match="ended with code 3"):
        machine.run(["sh", "-c", "echo why; exit 3"], quiet=True)

    assert "why" in capfd.readouterr().err


def test_the_chosen_docker_command_can_build(base_image: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {base_image}\nLABEL made-by=tests\n")
    program = machine.docker_program()
    assert program

    built = subprocess.run(
        [program, "build", "--quiet", "--network", "none", str(tmp_path)],
        env={"PATH": "/usr/bin:/bin", "DOCKER_BUILDKIT": "1", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert built.returncode == 0, built.stderr
    with closing(docker.from_env()) as engine:
        engine.images.remove(built.stdout.strip())
