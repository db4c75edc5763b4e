"""The product as a user has it: its command, in folders of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).with_name("kernel-containers")
# A newer docker client may come first on PATH; Debian's belongs to the engine.
DOCKER = "/usr/bin/docker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A command line with its own configuration, cache and kernels."""

    folder: Path
    cache: Path
    variables: dict[str, str] = field(default_factory=dict)
    patience: float = 240.0  # seconds for one command

    @property
    def environment(self) -> dict[str, str]:
        """This process's environment with nothing of its Docker, AWS or Jupyter settings."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "JUPYTER", "DOCKER_", "KERNEL_CONTAINERS"))
            or name == "AWS_CA_BUNDLE"
        }
        return {
            **kept,
            "HOME": str(self.folder),
            "DOCKER_CONFIG": str(self.folder / ".docker"),
            "JUPYTER_DATA_DIR": str(self.folder / "jupyter"),
            "KERNEL_CONTAINERS_CACHE": str(self.cache),
            **self.variables,
        }

    def with_variables(self, **variables: str) -> Product:
        """Return the same product with further environment variables."""
        return replace(self, variables={**self.variables, **variables})

    def run(self, *arguments: object, check: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run a command to its end and check its exit code; None accepts any."""
        finished = subprocess.run(
            [PROGRAM, *map(str, arguments)],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=self.patience,
            check=False,
        )
        if check is not None:
            told = f"{arguments} gave {finished.returncode}\n{finished.stdout}\n{finished.stderr}"
            assert finished.returncode == check, told
        return finished

    def json(self, *arguments: object) -> Any:
        """Run a command with --json and return what it printed."""
        return json.loads(self.run(*arguments, "--json").stdout)

    def docker(self, *arguments: object) -> str:
        """Run docker with this product's configuration and return what it printed."""
        finished = subprocess.run(
            [DOCKER, *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=self.patience,
            check=False,
        )
        assert finished.returncode == 0, f"{arguments}\n{finished.stdout}\n{finished.stderr}"
        return finished.stdout


def install_kernel(product: Product, python: Path | str, **variables: str) -> None:
    """Install a kernelspec of an environment as `ipykernel install` does."""
    folder = product.folder / "jupyter" / "kernels" / "local"
    folder.mkdir(parents=True, exist_ok=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Local", "language": "python", "env": variables}
    (folder / "kernel.json").write_text(json.dumps(spec))


def write_notebook(path: Path, *sources: str, kernel: str = "team", **extra: Any) -> Path:
    """Write a notebook of code cells; a source that starts with `#md ` becomes markdown."""
    cells = [_cell(index, source) for index, source in enumerate(sources)]
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}},
        "cells": cells,
        **extra,
    }
    path.write_text(json.dumps(notebook, indent=1))
    return path


def _cell(index: int, source: str) -> dict[str, Any]:
    cell = {"id": f"cell-{index}", "metadata": {}, "source": source.removeprefix("#md ")}
    if source.startswith("#md "):
        return {"cell_type": "markdown", **cell}
    return {"cell_type": "code", "execution_count": None, "outputs": [], **cell}
