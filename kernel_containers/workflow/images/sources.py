"""Where a kernel's packages come from, and which base image they stand on."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_containers.core.snapshot import Environment
from kernel_containers.errors import InvalidInput
from kernel_containers.snapshot.environment import local_environment, walk_venv
from kernel_containers.snapshot.interpreter import inspect_local, made_for
from kernel_containers.snapshot.outside import PACKAGE_FOLDERS
from kernel_containers.workflow.images.bases import check_stand_in, choose_base, python_for_runner
from kernel_containers.workflow.images.image_python import image_python

if TYPE_CHECKING:
    from kernel_containers.core.progress import Report
    from kernel_containers.core.snapshot import Exclusion, Interpreter
    from kernel_containers.engine import Engine
    from kernel_containers.kernels.kernelspecs import KernelSpec
    from kernel_containers.workflow.settings import Settings

MODULES = "PYTHONPATH"
Stamps = tuple[tuple[str, int], ...]  # folders with times


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An environment over a base image. `folders` must be enterable by the image's user."""

    base: str
    environment: Environment
    base_interpreter: Interpreter | None = None
    stamps: Stamps = ()
    exclusions: tuple[Exclusion, ...] = ()

    @property
    def folders(self) -> tuple[str, ...]:
        """The environment's own folders."""
        interpreter = self.environment.interpreter
        folders = interpreter.prefix, interpreter.base_prefix, interpreter.user_base
        return tuple(dict.fromkeys(filter(None, folders)))


def find_source(
    spec: KernelSpec, engine: Engine, settings: Settings, base: str | None, report: Report
) -> Source:
    """Return where the packages of a kernel come from.

    Raises:
        NotFound: an image or interpreter is missing.
        InvalidInput: there is no ipykernel, or the base image does not fit.
    """
    if spec.config and not spec.config.prefix:
        return _image_source(spec, engine, settings)
    began = time.time_ns()
    python = os.path.expanduser(spec.argv[0])  # noqa: PTH111 - may be a bare command
    prefix = spec.config.prefix if spec.config else None
    # An interpreter takes 50 ms to start, as long as 8,000 files take to be looked at.
    with ThreadPoolExecutor(1) as beside:
        asked = beside.submit(inspect_local, python, spec.environment)
        walked = walk_venv(Path(prefix)) if prefix else None
        interpreter = asked.result()
    stamps = package_stamps(interpreter, began)
    check_kernel(interpreter, spec.argv[0], made_for(interpreter))
    chosen = base or (spec.config.image if spec.config else None)
    image = choose_base(engine, interpreter, chosen, settings, report)
    stand_in = check_stand_in(engine, image, interpreter, settings)
    stand_in = stand_in or python_for_runner(engine, image, interpreter, settings)
    environment, exclusions = local_environment(
        interpreter, walked if interpreter.prefix == prefix else None
    )
    return Source(
        base=image,
        environment=environment,
        base_interpreter=stand_in,
        exclusions=exclusions,
        stamps=stamps,
    )


def package_stamps(interpreter: Interpreter, began: int) -> Stamps:
    """Return when something was last installed into, or removed from, each folder of packages.

    That it happened after `began`, in nanoseconds, while the folders were looked at, counts as
    a change to come.
    """
    folders = [path for path in interpreter.path if path.endswith(PACKAGE_FOLDERS)]
    times = {folder: _changed(folder) for folder in folders}
    return tuple((folder, min(changed, began)) for folder, changed in times.items())


def notes_on_changes(stamps: Stamps) -> tuple[str, ...]:
    """Return a note for each folder of packages that has changed since."""
    return tuple(
        f"Packages in {folder} changed while the image was built: build it again to have them."
        for folder, changed in stamps
        if _changed(folder) != changed
    )


def _changed(folder: str) -> int:
    try:
        return Path(folder).stat().st_mtime_ns
    except OSError:
        return 0


def _image_source(spec: KernelSpec, engine: Engine, settings: Settings) -> Source:
    assert spec.config is not None  # noqa: S101 - the caller looked
    image = spec.config.image
    is_python = spec.language == "python"
    interpreter = image_python(engine, image, spec.argv[0] if is_python else None, settings)
    if is_python:
        check_kernel(interpreter, f"{spec.argv[0]} in {image}")
    return Source(
        base=image,
        environment=Environment(
            kind="image",
            interpreter=interpreter,
            python_path=tuple(filter(None, spec.environment.get(MODULES, "").split(":"))),
        ),
        base_interpreter=python_for_runner(engine, image, interpreter, settings)
        if is_python
        else None,
    )


def check_kernel(interpreter: Interpreter, where: str, made_for: str | None = None) -> None:
    """Refuse a Python without ipykernel, maybe because its venv was `made_for` another version.

    Raises:
        InvalidInput: ipykernel is not installed.
    """
    if interpreter.kernel_version is None and made_for:
        raise InvalidInput(
            f"{where} was made for Python {made_for}, so its packages are not found.",
            why=f"{interpreter.executable} is Python {interpreter.version_text} now",
            todo="make the environment anew, with ipykernel",
        )
    if interpreter.kernel_version is None:
        raise InvalidInput(
            f"{where} has no ipykernel, so it can't run a notebook.",
            todo=f"install it there: {interpreter.executable} -m pip install ipykernel",
        )
