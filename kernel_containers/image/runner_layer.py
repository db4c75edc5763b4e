"""The layer below `/opt/kernel-containers/`: the program that runs the notebook.

`bootstrap.py` is the entrypoint's script; `site/` has the parts of this package that run inside
images, and their dependencies. Nothing of it is found by the notebook's own Python.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import kernel_containers
from kernel_containers.core.contract import RUNNER_HOME
from kernel_containers.core.progress import Progress, Report
from kernel_containers.core.snapshot import FileEntry, FileKind, FileSet
from kernel_containers.errors import Defect
from kernel_containers.image.bytecode import Compiler, compile_folder, find_compiler
from kernel_containers.image.once import TIME, build_once
from kernel_containers.image.runner_packages import SITE, install_packages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_containers.core.snapshot import Interpreter

RECIPE = 1  # raise it when this file makes another layer of the same sources
PARTS = ("__init__.py", "_version.py", "errors.py", "core", "client", "runner")
BOOTSTRAP = "runner/bootstrap.py"
LOCK = "runner/requirements.lock"


def runner_file_set(interpreter: Interpreter, cache: Path, report: Report) -> FileSet:
    """Return the runner for exactly this interpreter; folders below `cache` hold its files.

    Raises:
        InvalidInput: the interpreter is too old, or what wheels it takes is unknown.
        Unavailable: the dependencies could not be installed.
        CannotWrite: the disk of `cache` is full.
    """
    source = Path(kernel_containers.__file__).parent
    lock = source / LOCK
    bootstrap = source / BOOTSTRAP
    for path in (lock, bootstrap):
        if not path.is_file():
            raise Defect(f"{path} is missing from this installation.")
    compiler = find_compiler(interpreter.version)
    packages = install_packages(interpreter, lock.read_text(), compiler, cache, report)
    own = _own_code(source, compiler, cache, report)
    code = bootstrap.read_bytes()
    entries = [
        FileEntry(RUNNER_HOME, FileKind.FOLDER, 0o755),
        FileEntry(SITE, FileKind.FOLDER, 0o755),
        FileEntry(
            f"{RUNNER_HOME}/bootstrap.py",
            FileKind.FILE,
            0o644,
            size=len(code),
            mtime_ns=TIME * 10**9,
            content=code,
        ),
        *_entries(packages),
        *_entries(own),
    ]
    made_from = (RECIPE, packages.name, own.name, hashlib.sha256(code).hexdigest())
    return FileSet(
        name="runner",
        entries=tuple(sorted(entries, key=lambda entry: entry.target)),
        fingerprint="runner " + hashlib.sha256(repr(made_from).encode()).hexdigest(),
    )


def _own_code(source: Path, compiler: Compiler | None, cache: Path, report: Report) -> Path:
    """Return a folder with `kernel_containers/…` as the image gets it."""
    modules = {path: path.read_bytes() for path in _modules(source)}
    made_from = hashlib.sha256(repr((RECIPE, compiler and compiler.version)).encode())
    for path, data in modules.items():
        made_from.update(f"{path.relative_to(source)}\0{len(data)}\0".encode() + data)

    def waiting() -> None:
        report(Progress(stage="runner", message="own code"))

    def build(folder: Path) -> None:
        for path, data in modules.items():
            target = folder / source.name / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        if compiler:
            compile_folder(compiler, folder, SITE, waiting)

    return build_once(cache / f"own-{made_from.hexdigest()[:24]}", build, waiting)


def _modules(source: Path) -> list[Path]:
    found: list[Path] = []
    for name in PARTS:
        part = source / name
        found += [part] if part.is_file() else part.rglob("*")
    kept = (path for path in found if path.is_file() and "__pycache__" not in path.parts)
    return sorted(path for path in kept if path.name != Path(LOCK).name)


def _entries(folder: Path) -> Iterator[FileEntry]:
    """Yield what lies in a folder of the cache, as it will lie in `site/`."""
    for parent, folders, files in os.walk(folder):
        target = SITE + parent.removeprefix(str(folder))
        for name in folders:
            yield FileEntry(f"{target}/{name}", FileKind.FOLDER, 0o755)
        for name in files:
            path = f"{parent}/{name}"
            found = os.lstat(path)
            yield FileEntry(
                f"{target}/{name}",
                FileKind.FILE,
                0o755 if found.st_mode & 0o100 else 0o644,
                size=found.st_size,
                mtime_ns=found.st_mtime_ns,
                source=path,
            )
