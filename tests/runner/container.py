"""Runs the runner as the first process of a real container."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel_containers.core import labels
from kernel_containers.core.containers import ContainerSpec, Mount
from kernel_containers.core.contract import RUNNER_HOME
from kernel_containers.core.progress import silent
from kernel_containers.core.snapshot import FileKind
from kernel_containers.engine import containers
from kernel_containers.image.runner_layer import runner_file_set
from tests.runner.image import Finished, Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kernel_containers.core.snapshot import Interpreter
    from kernel_containers.engine import Engine

PYTHON = "/opt/venv/bin/python"
KERNEL = (PYTHON, "-m", "ipykernel_launcher", "-f", "{connection_file}")
# Packages for one Python stay on the machine, as the kernel image itself does.
CACHE = Path(tempfile.gettempdir()) / "kernel-containers-test-runner"


def write_runner(interpreter: Interpreter, folder: Path) -> None:
    """Write what an image with this Python has below `/opt/kernel-containers` into a folder."""
    CACHE.mkdir(exist_ok=True)
    for entry in runner_file_set(interpreter, CACHE, silent).entries:
        target = folder / Path(entry.target).relative_to(RUNNER_HOME)
        if entry.kind is FileKind.FOLDER:
            target.mkdir(parents=True, exist_ok=True)
        elif entry.content is not None:
            target.write_bytes(entry.content)
        else:
            shutil.copy2(str(entry.source), target)


@dataclass(kw_only=True)
class Containers:
    """Makes containers in which the runner is process 1; removes them all at the end."""

    engine: Engine
    image: str
    runner: Path
    made: list[str] = field(default_factory=list)

    def start(self, image: Image, *arguments: str, **settings: Any) -> str:
        """Start a run in a container of its own and return the container's id."""
        image.argv = KERNEL
        image.write()
        image.output.mkdir(exist_ok=True)
        image.output.chmod(0o777)
        bootstrap = (PYTHON, "-I", "-S", f"{RUNNER_HOME}/bootstrap.py", "--root", str(image.root))
        mounts = (
            Mount(source=str(self.runner), target=RUNNER_HOME, read_only=True),
            Mount(source=str(image.root), target=str(image.root)),
            *settings.pop("mounts", ()),
        )
        spec = ContainerSpec(
            image=self.image,
            entrypoint=bootstrap,
            command=("--log-format", "json", *(arguments or self._output(image))),
            mounts=mounts,
            labels={labels.KIND: "run"},
            **settings,
        )
        container = containers.create(self.engine, spec)
        self.made.append(container)
        containers.start(self.engine, container)
        return container

    def _output(self, image: Image) -> Sequence[str]:
        return ("--output", f"file://{image.output}")

    def finish(self, image: Image, container: str) -> Finished:
        """Wait for a run in a container."""
        state = containers.wait(self.engine, container)
        api = self.engine.api
        return Finished(
            code=state.code,
            stdout=api.logs(container, stdout=True, stderr=False).decode(),
            stderr=api.logs(container, stdout=False, stderr=True).decode(),
            folder=image.output,
        )

    def run(self, image: Image, *arguments: str, **settings: Any) -> Finished:
        """Run to the end."""
        return self.finish(image, self.start(image, *arguments, **settings))

    def clean(self) -> None:
        """Remove all containers."""
        for container in self.made:
            containers.remove(self.engine, container)
