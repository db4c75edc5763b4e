"""What an import brings along, in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest

PRINT_MODULES = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"


def modules_after(statement: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has after a statement."""
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}\n{PRINT_MODULES}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module", ["kernel_containers", "kernel_containers.errors", "kernel_containers.core.reference"]
)
def test_values_need_the_standard_library_only(module: str) -> None:
    brought = modules_after(f"import {module}") - modules_after("pass") - {"kernel_containers"}

    assert brought <= sys.stdlib_module_names


def test_the_runner_brings_no_engine() -> None:
    brought = modules_after("import kernel_containers.runner.__main__")

    assert "kernel_containers" in brought
    assert brought & {"docker", "httpx", "click", "rich", "jupyter_server", "boto3"} == set()


def test_the_command_line_starts_without_the_engine() -> None:
    brought = modules_after("import kernel_containers.cli.main")

    assert brought & {"docker", "boto3", "nbconvert", "jupyter_server"} == set()
