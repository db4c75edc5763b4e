"""The notebook's file, the modules beside it, and the files that the user names."""

from __future__ import annotations

import ast
import glob
import os
import warnings
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kernel_containers.core.paths import is_below
from kernel_containers.core.snapshot import Exclusion, FileEntry, FileKind, FileSet
from kernel_containers.errors import InvalidInput, NotFound, Refused
from kernel_containers.snapshot.exclusions import IN_FILES, credential_reason
from kernel_containers.snapshot.fingerprint import fingerprint
from kernel_containers.snapshot.walk import UNREADABLE, size_below, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ASKED_FOR = "on request"
_COMPILED = (".so", ".pyd")
_LARGEST_SOURCE = 10_000_000  # bytes; a module that is longer was made by a program


class NotebookFiles(NamedTuple):
    """The set of files that belong to a notebook, what was left out, and notes for people."""

    files: FileSet
    exclusions: tuple[Exclusion, ...]
    notes: tuple[str, ...]


def notebook_files(
    notebook: Path,
    shipped: bytes,
    modules: Iterable[str],
    includes: Sequence[Path],
    folders: Sequence[str] = (),
    *,
    excludes: Sequence[Path] = (),
) -> NotebookFiles:
    """Return the files that belong to a notebook.

    These are the notebook with the bytes `shipped`, the `modules` found in its folder or in one
    of `folders` with all that they import from there, and `includes` without `excludes`: files,
    folders and patterns, relative to the notebook's folder. Each keeps its absolute path. What
    lies in the notebook's folder can be changed by root's group, as the user could change it. A
    link that is named is replaced by the file it leads to; in a folder it stays a link.

    Raises:
        NotFound: the notebook, or a file that was named, does not exist.
        Refused: this user can't read a file.
    """
    home = notebook.parent
    excluded = [path for exclude in excludes for path in _expanded(home, exclude, "leave out")]
    found = _Files(notebook, excluded)
    places = [home, *(Path(os.path.normpath(home / folder)) for folder in folders)]
    found.add_modules(modules, places)
    for include in includes:
        for path in _expanded(home, include, "include"):
            found.add(path)
    found.add_notebook(shipped)
    return found.result()


def _expanded(home: Path, named: Path, what_for: str) -> list[Path]:
    path = Path(os.path.normpath(home / named.expanduser()))
    if path.exists():
        return [path]
    broken = path.is_symlink()
    matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - absolute patterns
    if broken or not matches:
        raise NotFound(
            f"There is no file or folder {path} to {what_for}.",
            why="it is a link to a file that is not there" if broken else None,
            todo="check the path: it is relative to the notebook's folder",
        )
    return [Path(match) for match in matches]


class _Files:
    def __init__(self, notebook: Path, excluded: Iterable[Path]) -> None:
        self.notebook = notebook
        self.home = str(notebook.parent)
        self.excluded = [str(path) for path in excluded]
        self.entries: dict[str, FileEntry] = {}
        self.exclusions: dict[str, Exclusion] = {}
        self.notes: list[str] = []
        for path in self.excluded:
            self.exclusions[path] = Exclusion(path=path, reason=ASKED_FOR, size=size_below(path))

    def add(self, path: Path) -> list[FileEntry]:
        """Add a file or folder, unless it holds credentials; return what is new."""
        if self.is_excluded(str(path)):
            return []
        # A harmless name may be a link's.
        reason = credential_reason(path) or credential_reason(path.resolve())
        if reason is not None:
            self.exclusions[str(path)] = Exclusion(path=str(path), reason=reason)
            return []
        if not (path.is_dir() or path.is_file()):
            raise InvalidInput(f"{path} is no file or folder, so it can't be included.")
        entries, exclusions = walk(path, IN_FILES)
        new = [
            entry
            for entry in entries
            if entry.target not in self.entries and not self.is_excluded(entry.target)
        ]
        self.entries.update((entry.target, entry) for entry in new)
        self.exclusions.update(
            (item.path, item) for item in exclusions if not self.is_excluded(item.path)
        )
        return new

    def is_excluded(self, path: str) -> bool:
        """Whether the user wants a path to stay out."""
        return is_below(path, *self.excluded)

    def add_notebook(self, shipped: bytes) -> None:
        """Add the notebook itself, in the place of its file with outputs."""
        try:
            time = self.notebook.stat().st_mtime_ns
        except FileNotFoundError:
            raise NotFound(f"There is no notebook {self.notebook}.") from None
        path = str(self.notebook)
        self.exclusions.pop(path, None)
        self.entries[path] = FileEntry(
            path, FileKind.FILE, 0o644, len(shipped), time, content=shipped
        )
        self.entries.setdefault(self.home, FileEntry(self.home, FileKind.FOLDER, 0o755))

    def add_modules(self, names: Iterable[str], places: Sequence[Path]) -> None:
        """Add modules by name, and those that they import."""
        todo, seen = sorted(names), set(names)
        while todo:
            name = todo.pop()
            for path in _modules(name, places):
                for source in self._sources(self.add(path)):
                    new = set(_imported(source)) - seen
                    seen |= new
                    todo += sorted(new)

    def _sources(self, entries: Iterable[FileEntry]) -> Iterator[Path]:
        for entry in entries:
            if entry.source and entry.target.endswith(".py") and entry.size < _LARGEST_SOURCE:
                yield Path(entry.source)

    def result(self) -> NotebookFiles:
        """Return what was collected.

        Raises:
            Refused: a file can't be read.
        """
        exclusions = sorted(self.exclusions.values(), key=lambda item: item.path)
        unreadable = [item.path for item in exclusions if item.reason == UNREADABLE]
        if unreadable:
            raise Refused(
                "Files of the notebook can't be read by this user.",
                why=", ".join(unreadable[:5]),
                todo="give this user the right to read them, or leave them out with --exclude",
            )
        ordered = tuple(map(self._writable, sorted(self.entries.values(), key=itemgetter(0))))
        self.notes += self._lost_links(ordered)
        made = FileSet(name="files", entries=ordered, fingerprint=fingerprint(ordered))
        return NotebookFiles(made, tuple(exclusions), tuple(self.notes))

    def _writable(self, entry: FileEntry) -> FileEntry:
        inside = is_below(entry.target, self.home)
        if inside and entry.kind is not FileKind.LINK:
            return entry._replace(group_writable=True)
        return entry

    def _lost_links(self, entries: Iterable[FileEntry]) -> Iterator[str]:
        for entry in entries:
            if entry.kind is FileKind.LINK:
                to = os.path.normpath(Path(entry.target).parent / (entry.link or ""))
                if to not in self.entries:
                    yield f"{entry.target} is a link to {to}, which is not included."


def _modules(name: str, places: Sequence[Path]) -> Iterator[Path]:
    """Yield the file or folder that `import name` takes from the first place that has it."""
    for place in places:
        package = place / name
        if (package / "__init__.py").is_file():
            yield package
            return
        compiled = [path for path in place.glob(f"{glob.escape(name)}.*") if _is_compiled(path)]
        if compiled or (place / f"{name}.py").is_file():
            yield from [*compiled, *([place / f"{name}.py"] if not compiled else [])]
            return
        if package.is_dir() and _has_modules(package):
            yield package  # a namespace: other places may have more of it


def _is_compiled(path: Path) -> bool:
    return path.name.endswith(_COMPILED) and path.is_file()


def _has_modules(folder: Path) -> bool:
    return next(folder.rglob("*.py"), None) is not None


def _imported(source: Path) -> Iterator[str]:
    """Yield the top-level names that a module imports; none where Python can't parse it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes in the user's strings
            tree = ast.parse(source.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
