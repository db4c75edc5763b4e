"""Python environments of this machine, found by where they usually lie; none is started."""

from __future__ import annotations

import re
import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel_containers.kernels import kernelspecs
from kernel_containers.snapshot.interpreter import venv_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_VENVS = (".virtualenvs", ".venvs", "venvs", "envs", ".local/share/virtualenvs")
_CONDAS = ("miniconda3", "miniforge3", "mambaforge", "anaconda3", "micromamba", ".conda")
_NOT_A_NAME = re.compile(r"[^a-z0-9._-]+")


def find_environments(environ: Mapping[str, str], root: Path) -> list[dict[str, Any]]:
    """Return the environments that are found, sorted by path; `root` is looked into, too."""
    made: dict[str, list[str]] = {}
    for spec in kernelspecs.list_kernels():
        if spec.config and spec.config.prefix:
            made.setdefault(spec.config.prefix, []).append(spec.name)
    found = {prefix for prefix in _candidates(environ, root) if _has_python(prefix)}
    return [_described(prefix, made.get(str(prefix), [])) for prefix in sorted(found)]


def _candidates(environ: Mapping[str, str], root: Path) -> Iterator[Path]:
    yield Path(sys.prefix)
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if environ.get(name):
            yield Path(environ[name])
    for spec in kernelspecs.native_pythons():
        program = Path(spec.argv[0])
        if program.is_absolute() and program.parent.name == "bin":
            yield program.parent.parent
    yield from chain.from_iterable((root / name, *_below(root, name)) for name in (".venv", "venv"))
    if environ.get("HOME"):
        yield from _of_home(Path(environ["HOME"]))


def _of_home(home: Path) -> Iterator[Path]:
    yield Path(home, ".venv")
    for name in _VENVS:
        yield from _folders(Path(home, name))
    yield from _folders(Path(home, ".pyenv", "versions"))
    for name in _CONDAS:
        yield Path(home, name)
        yield from _folders(Path(home, name, "envs"))
    try:
        lines = Path(home, ".conda", "environments.txt").read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return
    yield from (Path(line) for line in lines if line.startswith("/"))


def _below(root: Path, name: str) -> Iterator[Path]:
    """The environments of the projects in a folder."""
    return (folder / name for folder in _folders(root))


def _folders(parent: Path) -> list[Path]:
    try:
        return [folder for folder in parent.iterdir() if folder.is_dir()]
    except OSError:
        return []


def _has_python(prefix: Path) -> bool:
    python = prefix / "bin" / "python"
    try:
        # A link that leads nowhere is an environment whose own Python was removed.
        return (python.is_symlink() or python.exists()) and _kind(prefix) != ""
    except OSError:
        return False


def _kind(prefix: Path) -> str:
    if (prefix / "pyvenv.cfg").is_file():
        return "venv"
    if (prefix / "conda-meta").is_dir():
        return "conda"
    if ".pyenv" in prefix.parts:
        return "pyenv"
    return "system" if str(prefix) == sys.prefix else ""


def _described(prefix: Path, kernels: list[str]) -> dict[str, Any]:
    name = prefix.parent.name if prefix.name in (".venv", "venv") else prefix.name
    return {
        "prefix": str(prefix),
        "kind": _kind(prefix),
        "name": _NOT_A_NAME.sub("-", name.lower()).strip("-.") or "python",
        "python": _version(prefix),
        "kernels": kernels,
        "problem": _problem(prefix),
    }


def _problem(prefix: Path) -> str | None:
    python = prefix / "bin" / "python"
    try:
        is_there = python.exists()
    except OSError as error:  # in a home of somebody else, perhaps
        return f"the Python that {python} leads to can't be reached: {error.strerror}"
    if not is_there:
        return f"the Python that {python} leads to is gone: make the environment again"
    packages = ("lib/python3*/site-packages", "lib/python3/dist-packages")
    if any(any(prefix.glob(f"{place}/ipykernel/__init__.py")) for place in packages):
        return None
    return f"it has no ipykernel: {python} -m pip install ipykernel"


def _version(prefix: Path) -> str:
    version = venv_version(prefix)
    if version:
        return version
    libraries = sorted(prefix.glob("lib/python3.*"))
    return libraries[-1].name.removeprefix("python") if libraries else ""
