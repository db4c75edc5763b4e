"""A produced image as a folder of this machine: a manifest, a notebook and this Python's kernel."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kernel_containers.core.contract import (
    MANIFEST_PATH,
    Contract,
    KernelCommand,
    contract_to_json,
)
from kernel_containers.core.parameters import Edit, Parameter

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 120.0
KERNEL = (sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}")
# ipykernel watches no child processes where it sees pytest's variable.
NOISE = ("KERNEL_CONTAINERS_", "AWS_", "PYTEST_")


def code(source: str, *tags: str, **metadata: Any) -> dict[str, Any]:
    """Return a code cell."""
    metadata = {**metadata, "tags": list(tags)} if tags else metadata
    return {
        "cell_type": "code",
        "metadata": metadata,
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def markdown(source: str, *tags: str) -> dict[str, Any]:
    """Return a text cell."""
    return {"cell_type": "markdown", "metadata": {"tags": list(tags)}, "source": source}


def parameter(name: str, kind: str, default: Any = None, **rest: Any) -> Parameter:
    """Return a declared parameter."""
    return Parameter(name=name, type=kind, default=default, **rest)  # type: ignore[arg-type]


def edit_of(cells: list[dict[str, Any]], cell: int, value: str, nth: int = 0, **rest: Any) -> Edit:
    """Return the edit of the nth occurrence of `value` in a cell's source."""
    source = cells[cell]["source"]
    start = -1
    for _ in range(nth + 1):
        start = source.index(value, start + 1)
    return Edit(
        cell=cell,
        cell_id=f"id-{cell}",
        start=start,
        end=start + len(value),
        source_sha256=hashlib.sha256(source.encode()).hexdigest(),
        **rest,
    )


@dataclass(kw_only=True)
class Finished:
    """A run that has ended."""

    code: int
    stdout: str
    stderr: str
    folder: Path

    @property
    def run_folder(self) -> Path:
        """The one folder of this run's outputs."""
        (found,) = (path for path in self.folder.glob("*/*") if path.is_dir())
        return found

    @property
    def events(self) -> list[dict[str, Any]]:
        """The lines of stdout."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def report(self) -> dict[str, Any]:
        """What report.json says."""
        return dict(json.loads((self.run_folder / "report.json").read_text()))

    @property
    def notebook(self) -> dict[str, Any]:
        """The executed notebook."""
        return dict(json.loads((self.run_folder / "notebook.ipynb").read_text(encoding="utf-8")))

    @property
    def html(self) -> str:
        """The page."""
        return (self.run_folder / "notebook.html").read_text(encoding="utf-8")

    @property
    def statuses(self) -> list[str]:
        """How each cell went."""
        return [cell["status"] for cell in self.report["cells"]]

    def text(self, cell: int, name: str = "stdout") -> str:
        """A cell's stream."""
        return "".join(
            "".join(output["text"])
            for output in self.notebook["cells"][cell]["outputs"]
            if output["output_type"] == "stream" and output["name"] == name
        )

    def source(self, cell: int) -> str:
        """A cell's source as it was run."""
        return "".join(self.notebook["cells"][cell]["source"])


@dataclass(kw_only=True)
class Image:
    """A folder that has what an image has; `run` starts the runner in a process of its own."""

    root: Path
    runner: Path  # what an image has below /opt/kernel-containers
    cells: list[dict[str, Any]]
    parameters: tuple[Parameter, ...] = ()
    language: str = "python"
    argv: tuple[str, ...] = KERNEL
    environment: dict[str, str] = field(default_factory=dict)
    minor: int = 5
    interrupt_mode: str = "signal"

    @property
    def output(self) -> Path:
        """Where outputs go."""
        return self.root / "out"

    @property
    def notebook_path(self) -> Path:
        """The shipped notebook."""
        return self.root / "work" / "My Report.ipynb"

    def write(self) -> None:
        """Write the files."""
        for index, cell in enumerate(self.cells):
            if self.minor >= 5:
                cell.setdefault("id", f"id-{index}")
        self.notebook_path.parent.mkdir(parents=True, exist_ok=True)
        document = {
            "cells": self.cells,
            "metadata": {"kernelspec": {"name": "elsewhere", "display_name": "Elsewhere"}},
            "nbformat": 4,
            "nbformat_minor": self.minor,
        }
        self.notebook_path.write_text(json.dumps(document), encoding="utf-8")
        contract = Contract(
            notebook=str(self.notebook_path),
            working_directory=str(self.notebook_path.parent),
            kernel=KernelCommand(
                name="python3",
                language=self.language,
                argv=self.argv,
                display_name="Python 3",
                interrupt_mode=self.interrupt_mode,
            ),
            parameters=self.parameters,
        )
        self.place(MANIFEST_PATH, json.dumps(contract_to_json(contract)))

    def place(self, path: str, text: str) -> Path:
        """Write a file below the root."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target

    def command(self, *arguments: str, to_folder: bool = True) -> list[str]:
        """Return the runner's command line."""
        where = ("--output", f"file://{self.output}") if to_folder else ()
        bootstrap = [sys.executable, "-I", "-S", str(self.runner / "bootstrap.py")]
        return [*bootstrap, "--root", str(self.root), *where, *arguments]

    def environ(self) -> dict[str, str]:
        """Return the runner's environment."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith(NOISE)}
        return {**kept, **self.environment}

    def start(self, *arguments: str, to_folder: bool = True) -> subprocess.Popen[str]:
        """Start a run."""
        self.write()
        return subprocess.Popen(
            self.command(*arguments, to_folder=to_folder),
            env=self.environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
        )

    def finish(self, process: subprocess.Popen[str]) -> Finished:
        """Wait for a started run."""
        try:
            stdout, stderr = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
        return Finished(code=process.returncode, stdout=stdout, stderr=stderr, folder=self.output)

    def run(self, *arguments: str, to_folder: bool = True) -> Finished:
        """Run to the end."""
        return self.finish(self.start(*arguments, to_folder=to_folder))
