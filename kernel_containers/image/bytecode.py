"""Byte code that needs no check at start: `unchecked-hash`, so that file times don't matter."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_containers.image.programs import run_program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_ASK = "import sys; print(sys.implementation.name, *sys.version_info[:3])"


@dataclass(frozen=True, slots=True)
class Compiler:
    """A Python of this machine; `version` decides on what its byte code looks like."""

    executable: str
    version: tuple[int, int, int]


def find_compiler(version: tuple[int, int, int]) -> Compiler | None:
    """Return a CPython of this machine with the same minor version, whose byte code is valid."""
    own = sys.version_info
    if sys.implementation.name == "cpython" and own[:2] == version[:2]:
        return Compiler(sys.executable, (own.major, own.minor, own.micro))
    program = shutil.which("python{}.{}".format(*version))
    if program is None:
        return None
    with suppress(OSError, subprocess.SubprocessError, ValueError):
        asked = subprocess.run(
            [program, "-I", "-S", "-c", _ASK],
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )
        name, major, minor, micro = asked.stdout.split()
        if name == "cpython" and (int(major), int(minor)) == version[:2]:
            return Compiler(program, (int(major), int(minor), int(micro)))
    return None


def compile_folder(
    compiler: Compiler, folder: Path, installed_as: str, waiting: Callable[[], None]
) -> None:
    """Add byte code to all modules below `folder`, which will be `installed_as` in the image.

    The same sources give the same byte code. A module that can't be compiled stays without.
    """
    options = ["-q", "-f", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    options += ["-s", str(folder), "-p", installed_as, str(folder)]
    # Sets of constants are written in the order of their hashes.
    environment = {"PYTHONHASHSEED": "0", "PATH": os.environ.get("PATH", os.defpath)}
    run_program(
        [compiler.executable, "-s", "-S", "-m", "compileall", *options], environment, waiting
    )
