"""The files of a base interpreter: what a virtual environment needs from below itself.

Of a prefix with 964 MB, 685 of them other people's packages, these are 104 MB.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_containers.core.paths import is_below
from kernel_containers.core.snapshot import Exclusion, FileEntry, FileKind
from kernel_containers.errors import InvalidInput
from kernel_containers.snapshot.exclusions import (
    EVERYWHERE,
    IN_ENVIRONMENTS,
    SILENTLY,
    Rule,
    Rules,
    compile_rules,
)
from kernel_containers.snapshot.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kernel_containers.core.snapshot import Interpreter
    from kernel_containers.snapshot.walk import ByteCode

# Packages of others, tests, desktop programs, what only compiling needs. Not worth a word to
# anybody, and counting 600 MB of packages would double the time for an unchanged environment.
_NOT_NEEDED = Rule(
    SILENTLY,
    (
        *("site-packages/", "dist-packages/", "test/", "tests/", "idle_test/"),
        *("idlelib/", "turtledemo/", "config-*/"),
    ),
)
RULES = compile_rules((_NOT_NEEDED, *EVERYWHERE))
_EXECUTABLE = re.compile(r"(?:python|pypy)(?:\d+(?:\.\d+)?t?)?")
_MOST_LINKS = 40


def standard_library(interpreter: Interpreter) -> Path:
    """Return the folder of the standard library.

    Raises:
        InvalidInput: the interpreter has none among its folders.
    """
    for folder in map(Path, interpreter.path):
        if (folder / "os.py").is_file():
            return folder
    raise InvalidInput(
        f"{interpreter.executable} has no standard library in folders of its own.",
        why="it may come as one frozen file",
        todo="use a Python from python.org, pyenv, uv, conda or the system",
    )


def interpreter_files(
    interpreter: Interpreter, byte_code: ByteCode, *, with_packages: bool = False
) -> tuple[list[FileEntry], list[Exclusion]]:
    """Return the executables, libraries and standard library below the base prefix.

    Packages, tests and headers are not among them and make no exclusions. `with_packages` adds
    the packages installed there, with their commands and kernelspecs. What `byte_code` gets is
    not among them, either.

    Raises:
        InvalidInput: the interpreter has no standard library.
    """
    base = Path(interpreter.base_prefix)
    library = standard_library(interpreter)
    parts = [library, *_platform_library(base, library), *_shared_libraries(library.parent)]
    wanted = [(part, RULES) for part in parts]
    if with_packages:
        wanted += [(part, IN_ENVIRONMENTS) for part in _packages(base, library)]
    else:
        wanted += [(part, RULES) for part in _executables(base / "bin")]
    entries: dict[str, FileEntry] = {}
    exclusions: list[Exclusion] = []
    for path, rules in wanted:
        found, left_out = walk_as_is(path, rules, byte_code)
        entries.update((entry.target, entry) for entry in found)
        exclusions += left_out
    return list(entries.values()), exclusions


def _packages(base: Path, library: Path) -> Iterator[Path]:
    parts = ("bin", "share/jupyter", "etc/jupyter")
    for folder in (library / "site-packages", *(base / part for part in parts)):
        if folder.is_dir():
            yield folder


def _platform_library(base: Path, library: Path) -> Iterator[Path]:
    # Fedora's layout keeps compiled modules in lib64.
    for name in ("lib", "lib64"):
        other = base / name / library.name
        if other != library and other.is_dir() and not (base / name).is_symlink():
            yield other


def _shared_libraries(folder: Path) -> Iterator[Path]:
    yield from (path for path in sorted(folder.iterdir()) if ".so" in path.name and _is_file(path))


def _executables(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in sorted(folder.iterdir()) if _EXECUTABLE.fullmatch(path.name))


def _is_file(path: Path) -> bool:
    return path.is_symlink() or path.is_file()


def walk_as_is(
    path: Path, rules: Rules, byte_code: ByteCode
) -> tuple[list[FileEntry], list[Exclusion]]:
    """Walk a folder; a link is taken as the link that it is."""
    if path.is_symlink():
        return [_link(str(path))], []
    return walk(path, rules, byte_code)


def _link(path: str) -> FileEntry:
    target = os.readlink(path)  # noqa: PTH115 - exactly the text
    return FileEntry(path, FileKind.LINK, 0o777, link=target)


def links_outside(executable: str, roots: Sequence[str]) -> list[FileEntry]:
    """Return the links that lead from `executable` to the real file and lie outside of `roots`.

    An environment made by uv names its Python by a folder that is a link. Links of the system
    (`/bin`, `/home` and all below `/usr`) are the base image's business.
    """
    found: list[FileEntry] = []
    path = Path(executable)
    for _ in range(_MOST_LINKS):
        step = next((part for part in [*reversed(path.parents), path] if _counts(part)), None)
        if step is None:
            break
        target = os.readlink(step)  # noqa: PTH115
        if not is_below(str(step), *roots):
            found.append(_link(str(step)))
        rest = path.relative_to(step)
        path = Path(os.path.normpath(step.parent / target / rest))
    return found


def _counts(path: Path) -> bool:
    return len(path.parts) > 2 and path.is_symlink() and not path.is_relative_to("/usr")
