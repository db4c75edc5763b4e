"""Modules that an environment finds outside of its own prefix.

Editable installs, `.pth` files, PYTHONPATH and the packages of `pip install --user`.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from kernel_containers.core.paths import is_below
from kernel_containers.snapshot.exclusions import ENVIRONMENT_MARKERS, IN_ENVIRONMENTS, IN_FILES
from kernel_containers.snapshot.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kernel_containers.core.snapshot import Exclusion, FileEntry

PACKAGE_FOLDERS = ("site-packages", "dist-packages")
_MAPPING = re.compile(r"^MAPPING\b[^=\n]*=[ \t]*(?P<value>\{.*\})[ \t]*$", re.MULTILINE)
_IMPORTABLE = (".py", ".so", ".pyd", ".pth", ".egg-link")
_METADATA = (".dist-info", ".egg-info")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What was found: the user's own modules, and installed packages.

    `python_path` are the folders that no `.pth` file will add, `places` what packages name.
    """

    entries: list[FileEntry] = field(default_factory=list)
    packages: list[FileEntry] = field(default_factory=list)
    exclusions: list[Exclusion] = field(default_factory=list)
    python_path: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def outside(
    path: Sequence[str], roots: Sequence[str], packages: Sequence[Path], user_base: str = ""
) -> Outside:
    """Return what can be imported from folders of `sys.path` that lie outside of `roots`.

    Of a folder that is not for packages only modules count, not all that stands beside them: it
    may be a project with its data, or a home. `packages` are the folders for packages, whose `.pth`
    files and editable installs are read. Python looks below `user_base` by itself.
    """
    found = Outside()
    read = [*roots, *filter(None, [user_base])]
    sites = [folder for folder in packages if is_below(str(folder), *read)]
    named = set(map(str, _pth_folders(sites)))
    by_themselves = {*named, *map(str, sites)}
    for text in dict.fromkeys(path):
        if is_below(text, *roots) or not Path(text).exists():
            continue
        if Path(text).is_file():  # a zip archive of modules
            _take(found, [Path(text)])
        elif _is_for_packages(Path(text)):
            entries, exclusions = walk(Path(text), IN_ENVIRONMENTS)
            found.packages.extend(entries)
            found.exclusions.extend(exclusions)
        else:
            _take(found, _importable(Path(text)))
        if text not in by_themselves:
            found.python_path.append(text)
        if text in named:
            found.places.append(text)
        found.notes.append(f"Modules in {text}, outside of the environment, are included.")
    mapped = [place for place in _mapped_places(packages) if not is_below(str(place), *roots)]
    _take(found, mapped)
    found.places.extend(map(str, mapped))
    found.notes.extend(f"{place}, installed as editable, is included." for place in mapped)
    _note_lost_projects(found, packages, roots)
    return found


def _take(found: Outside, places: Iterable[Path]) -> None:
    for place in places:
        reason = IN_FILES.for_folder(str(place.parent), place.name) if place.is_dir() else None
        if reason is None:
            entries, exclusions = walk(place, IN_FILES)
            found.entries.extend(entries)
            found.exclusions.extend(exclusions)


def _is_for_packages(folder: Path) -> bool:
    """Whether pip installs there; beside packages there are the libraries that they bring."""
    return folder.name in PACKAGE_FOLDERS or next(folder.glob("*.dist-info"), None) is not None


def _importable(folder: Path) -> Iterator[Path]:
    for item in sorted(folder.iterdir()):
        if item.is_dir():
            if item.suffix in _METADATA or (item.name.isidentifier() and _is_package(item)):
                yield item
        elif item.name.endswith(_IMPORTABLE) and item.is_file():
            yield item


def _is_package(folder: Path) -> bool:
    """Whether there are modules in it, or in a folder in it as in namespaces."""
    if any((folder / marker).exists() for marker in ENVIRONMENT_MARKERS):
        return False
    try:
        return next(folder.glob("*.py"), None) is not None or (
            next(folder.glob("*/__init__.py"), None) is not None
        )
    except OSError:
        return False


def _pth_folders(packages: Sequence[Path]) -> Iterator[Path]:
    for folder in packages:
        for file in sorted(folder.glob("*.pth")):
            for line in _text(file).splitlines():
                if line.strip() and not line.startswith(("#", "import ", "import\t")):
                    yield folder / line.rstrip()


def _mapped_places(packages: Sequence[Path]) -> Iterator[Path]:
    """Yield the packages that setuptools maps for editable installs."""
    for folder in packages:
        for file in sorted(folder.glob("__editable___*_finder.py")):
            match = _MAPPING.search(_text(file))
            try:
                mapping: dict[str, Any] = ast.literal_eval(match["value"]) if match else {}
            except (SyntaxError, ValueError):
                continue
            for text in mapping.values():
                place = Path(str(text))
                module = place.with_name(f"{place.name}.py")
                yield from (path for path in (place, module) if path.exists())


def _note_lost_projects(found: Outside, packages: Sequence[Path], roots: Sequence[str]) -> None:
    taken = {entry.target for entry in found.entries}
    for folder in packages:
        for file in sorted(folder.glob("*.dist-info/direct_url.json")):
            project = _editable_project(file)
            if project is None or is_below(project, *roots):
                continue
            if not any(is_below(target, project) for target in taken):
                name = file.parent.name.removesuffix(".dist-info")
                found.notes.append(
                    f"{name} is installed as editable from {project}, in a way that does not tell "
                    "its files: include them, or install it as a package."
                )


def _editable_project(file: Path) -> str | None:
    try:
        origin = json.loads(_text(file))
        if origin["dir_info"]["editable"]:
            return unquote(urlsplit(origin["url"]).path)
    except (ValueError, KeyError, TypeError):
        pass
    return None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
