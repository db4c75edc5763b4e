"""Which shared libraries an environment expects below itself, and this machine's copies."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel_containers.core.snapshot import FileEntry, FileKind, FileSet
from kernel_containers.snapshot.elf import read_elf
from kernel_containers.snapshot.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from kernel_containers.snapshot.elf import Elf

SHOWN_USERS = 3  # files that are kept as examples of those that need a library
# The C library and its loader are the base's own: a copy of another version breaks all programs.
_C_LIBRARY = re.compile(
    r"ld-linux.*|ld-musl.*|ld64.*|linux-vdso.*|libnsl\.so\.1"
    r"|lib(?:c|m|dl|rt|pthread|util|resolv|anl|mvec|BrokenLocale|thread_db|nss_\w+)\.so.*"
)
# Modules that need libraries of a desktop, and that nothing in a notebook needs.
_OPTIONAL = re.compile(r"_tkinter\.|_curses_panel\.|_gdbm\.|_dbm\.|/tests?/")
_GLIBC = re.compile(r"GLIBC_(\d+(?:\.\d+)+)")
# Compact relocations have a name instead of a number. https://sourceware.org/glibc/wiki/Release/2.36
_NAMED = {"GLIBC_ABI_DT_RELR": (2, 36)}


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryNeeds:
    """What the ELF files of some file sets have and expect from elsewhere.

    `libraries` maps sonames to some of the files that need them, `versions` sonames to the
    versions they must have, each with one such file. `has` are the names of the sets' own
    libraries, `loaders` the paths of the loaders of this machine that their programs name.
    """

    libraries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    versions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    has: frozenset[str] = frozenset()
    machines: frozenset[str] = frozenset()
    loaders: frozenset[str] = frozenset()

    @property
    def glibc(self) -> tuple[tuple[int, ...], str]:
        """The newest version of the C library that any file asks for, and such a file."""
        found = [
            (_glibc_version(version), user)
            for versions in self.versions.values()
            for version, user in versions.items()
        ]
        return max(found, default=((), ""))

    def from_outside(self, libraries: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Return the needed libraries, besides those of C, that neither the sets nor others have.

        `libraries` are the others' names.
        """
        return {
            library: users
            for library, users in sorted(self.libraries.items())
            if library not in self.has and library not in libraries and not is_c_library(library)
        }

    def to_json(self) -> dict[str, Any]:
        """Return the object that `from_json` reads."""
        return {
            "libraries": self.libraries,
            "versions": self.versions,
            "has": sorted(self.has),
            "machines": sorted(self.machines),
            "loaders": sorted(self.loaders),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> LibraryNeeds:
        """Read what this release has written."""
        return cls(
            libraries={name: tuple(users) for name, users in value["libraries"].items()},
            versions=value["versions"],
            has=frozenset(value["has"]),
            machines=frozenset(value["machines"]),
            loaders=frozenset(value["loaders"]),
        )


def is_c_library(name: str) -> bool:
    """Whether a library belongs to the C library or is its loader."""
    return bool(_C_LIBRARY.fullmatch(name))


def _glibc_version(version: str) -> tuple[int, ...]:
    match = _GLIBC.fullmatch(version)
    return tuple(map(int, match[1].split("."))) if match else _NAMED.get(version, ())


def scan_libraries(file_set: FileSet) -> LibraryNeeds:
    """Return what the programs and libraries among the files need; 570 of them take 0.5 s."""
    found = _Scan()
    for entry in file_set.entries:
        if _is_library(entry):
            found.has.add(_name(entry))
        elif not _is_program(entry):
            continue
        if entry.source and (elf := read_elf(entry.source)):
            found.add(elf, entry.target)
    return found.result()


def programs_and_libraries(file_set: FileSet) -> tuple[FileSet, FileSet]:
    """Return the files that `scan_libraries` looks at, in two sets.

    A package more often brings a script, and seldom libraries, which take long to look at.
    """
    libraries = [entry for entry in file_set.entries if _is_library(entry)]
    programs = [entry for entry in file_set.entries if _is_program(entry)]
    return _part(file_set, programs), _part(file_set, libraries)


def _part(file_set: FileSet, entries: Sequence[FileEntry]) -> FileSet:
    return FileSet(
        name=file_set.name, entries=tuple(entries), fingerprint=f"part {fingerprint(entries)}"
    )


def _name(entry: FileEntry) -> str:
    return entry.target.rpartition("/")[2]


def _is_library(entry: FileEntry) -> bool:
    """Whether an entry is named as a library; a link is, too: others find libraries by it."""
    return ".so" in entry[0] and ".so" in _name(entry)  # nearly all have it nowhere


def _is_program(entry: FileEntry) -> bool:
    return bool(entry[2] & 0o111) and entry.kind is FileKind.FILE and not _is_library(entry)


def merge(needs: Iterable[LibraryNeeds]) -> LibraryNeeds:
    """Return the needs of several sets as if they were one."""
    merged = _Scan()
    for part in needs:
        for library, users in part.libraries.items():
            merged.libraries.setdefault(library, []).extend(users)
        for library, versions in part.versions.items():
            merged.versions.setdefault(library, {}).update(versions)
        merged.has |= part.has
        merged.machines |= part.machines
        merged.loaders |= part.loaders
    return merged.result()


class _Scan:
    def __init__(self) -> None:
        self.libraries: dict[str, list[str]] = {}
        self.versions: dict[str, dict[str, str]] = {}
        self.has: set[str] = set()
        self.machines: set[str] = set()
        self.loaders: set[str] = set()

    def add(self, elf: Elf, target: str) -> None:
        """Note what a file at `target` needs and has."""
        self.has.update(filter(None, [elf.soname]))
        self.machines.add(elf.machine)
        if elf.interpreter and Path(elf.interpreter).exists():
            self.loaders.add(elf.interpreter)
        if _OPTIONAL.search(target):
            return
        for library in elf.needed:
            self.libraries.setdefault(library, []).append(target)
        for library, versions in elf.requires.items():
            known = self.versions.setdefault(library, {})
            known.update((version, target) for version in versions if version not in known)

    def result(self) -> LibraryNeeds:
        """Return what was noted."""
        return LibraryNeeds(
            libraries={name: tuple(users[:SHOWN_USERS]) for name, users in self.libraries.items()},
            versions=self.versions,
            has=frozenset(self.has),
            machines=frozenset(self.machines),
            loaders=frozenset(self.loaders),
        )


def closure(
    missing: Iterable[str], have: Collection[str], folder: str
) -> tuple[FileSet, tuple[str, ...]]:
    """Return this machine's copies of libraries and of what they need, and what it lacks too.

    They go into `folder`, where the base's loader looks without being told. What is in `have`,
    and the C library, is not copied.
    """
    entries: dict[str, FileEntry] = {}
    absent: list[str] = []
    todo, seen = sorted(missing), set(missing)
    here = libraries_here() if todo else {}  # asked of a process
    while todo:
        library = todo.pop()
        path = here.get(library)
        if path is None:
            absent.append(library)
            continue
        real = path.resolve()
        target = f"{folder}/{library}"
        status = real.stat()
        entries[target] = FileEntry(
            target, FileKind.FILE, 0o644, status.st_size, status.st_mtime_ns, str(real)
        )
        elf = read_elf(str(real))
        new = {name for name in (elf.needed if elf else ()) if name not in have} - seen
        new = {name for name in new if not is_c_library(name)}
        seen |= new
        todo += sorted(new)
    ordered = tuple(entries[target] for target in sorted(entries))
    made = FileSet(name="libraries", entries=ordered, fingerprint=fingerprint(ordered))
    return made, tuple(sorted(absent))


def libraries_here() -> dict[str, Path]:
    """Return the 64-bit libraries that this machine's loader finds, by soname."""
    for program in ("ldconfig", "/sbin/ldconfig", "/usr/sbin/ldconfig"):
        try:
            done = subprocess.run([program, "-p"], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        lines = (line.split("=>") for line in done.stdout.splitlines() if "=>" in line)
        # The first of a name is the one that the loader takes; 32-bit ones are not read.
        found: dict[str, Path] = {}
        for name, path in lines:
            if "64" in name:
                found.setdefault(name.split()[0], Path(path.strip()))
        return found
    return {}
