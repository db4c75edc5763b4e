"""The layer below `/opt/kernel-containers/`: the program that runs the notebook.

`bootstrap.py` is the entrypoint's script; `site/` has the parts of this package that run inside
images, and their dependencies. Nothing of it is found by the notebook's own Python.
"""

from __future__ import annotations

import functools
import hashlib
import os
from operator import itemgetter
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
        entries=tuple(sorted(entries, key=itemgetter(0))),
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


@functools.lru_cache(maxsize=8)
def _entries(folder: Path) -> tuple[FileEntry, ...]:
    """Return what lies in a folder of the cache, as it will lie in `site/`.

    Its name tells its content, so a process looks at its 3,000 files once.
    """
    found: list[FileEntry] = []
    todo = [(str(folder), SITE)]
    while todo:
        here, there = todo.pop()
        with os.scandir(here) as items:
            for item in items:
                target = f"{there}/{item.name}"
                if item.is_dir(follow_symlinks=False):
                    found.append(FileEntry(target, FileKind.FOLDER, 0o755))
                    todo.append((item.path, target))
                else:
                    found.append(_file(item, target))
    return tuple(found)


def _file(item: os.DirEntry[str], target: str) -> FileEntry:
    status = item.stat(follow_symlinks=False)
    return FileEntry(
        target,
        FileKind.FILE,
        0o755 if status.st_mode & 0o100 else 0o644,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        source=item.path,
    )
