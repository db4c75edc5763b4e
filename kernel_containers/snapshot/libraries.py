"""Which shared libraries an environment expects below itself, and whether a base has them."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from kernel_containers.core import labels
from kernel_containers.core.containers import ContainerSpec
from kernel_containers.core.snapshot import FileEntry, FileKind, FileSet
from kernel_containers.engine import containers
from kernel_containers.errors import InvalidInput, Unavailable
from kernel_containers.snapshot.elf import read_elf
from kernel_containers.snapshot.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kernel_containers.core.snapshot import Interpreter
    from kernel_containers.engine import Engine

# The C library and its loader are the base's own: a copy of another version breaks all programs.
_NEVER_COPIED = re.compile(
    r"ld-linux.*|ld-musl.*|ld64.*|linux-vdso.*|libnsl\.so\.1"
    r"|lib(?:c|m|dl|rt|pthread|util|resolv|anl|mvec|BrokenLocale|thread_db|nss_\w+)\.so.*"
)
# Modules that need libraries of a desktop, and that nothing in a notebook needs.
_OPTIONAL = re.compile(r"_tkinter\.|_curses_panel\.|_gdbm\.|_dbm\.|/tests?/")
_GLIBC = re.compile(r"GLIBC_(\d+(?:\.\d+)+)")
_LIST = """ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null
for f in /usr/lib/*.so* /usr/lib64/*.so* /lib/*.so* /lib64/*.so* /usr/local/lib/*.so* \
/usr/lib/*/*.so* /lib/*/*.so*; do echo "$f"; done"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryNeeds:
    """What the ELF files of some file sets expect from elsewhere.

    `libraries` maps sonames that the sets don't have to the files that need them; `glibc` is
    the newest version of the C library that any file asks for, `glibc_of` such a file.
    """

    libraries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    glibc: tuple[int, ...] = ()
    glibc_of: str = ""
    machines: frozenset[str] = frozenset()


def scan_libraries(file_sets: Iterable[FileSet]) -> LibraryNeeds:
    """Return what the programs and libraries among the files need; 570 of them take 0.5 s."""
    have: set[str] = set()
    needed: dict[str, list[str]] = {}
    machines: set[str] = set()
    glibc: tuple[tuple[int, ...], str] = ((), "")
    for entry in (entry for file_set in file_sets for entry in file_set.entries):
        name = PurePosixPath(entry.target).name
        if ".so" in name:
            have.add(name)
        elf = read_elf(entry.source) if _may_be_elf(entry, name) and entry.source else None
        if elf is None:
            continue
        have.update(filter(None, [elf.soname]))
        machines.add(elf.machine)
        glibc = max(glibc, (_newest(elf.versions), entry.target))
        if not _OPTIONAL.search(entry.target):
            for library in elf.needed:
                needed.setdefault(library, []).append(entry.target)
    return LibraryNeeds(
        libraries={
            library: tuple(users)
            for library, users in sorted(needed.items())
            if library not in have
        },
        glibc=glibc[0],
        glibc_of=glibc[1],
        machines=frozenset(machines),
    )


def _may_be_elf(entry: FileEntry, name: str) -> bool:
    return entry.kind is FileKind.FILE and (".so" in name or bool(entry.mode & 0o111))


def _newest(versions: Iterable[str]) -> tuple[int, ...]:
    found = (_GLIBC.fullmatch(version) for version in versions)
    return max((tuple(map(int, match[1].split("."))) for match in found if match), default=())


def check_against_base(needs: LibraryNeeds, base: Interpreter, base_name: str) -> None:
    """Refuse a base image whose C library or processor does not fit the environment.

    Raises:
        InvalidInput: the reason and what would fit are in it.
    """
    if needs.machines and base.machine not in needs.machines:
        raise InvalidInput(
            f"The environment is for {', '.join(sorted(needs.machines))}, "
            f"the base image {base_name} for {base.machine}.",
            todo="choose a base image for the same architecture",
        )
    if not needs.glibc:
        return
    wanted = ".".join(map(str, needs.glibc))
    name, version = base.libc
    if name != "glibc":
        raise InvalidInput(
            f"The environment needs glibc {wanted}; the base image {base_name} has "
            f"{name or 'another C library'}.",
            why=f"{needs.glibc_of} was built for it",
            todo="choose a base image with glibc, such as one of Debian or Ubuntu",
        )
    if tuple(map(int, re.findall(r"\d+", version))) < needs.glibc:
        raise InvalidInput(
            f"The environment needs glibc {wanted}; the base image {base_name} has {version}.",
            why=f"{needs.glibc_of} was built for it",
            todo="choose a base image of a newer release",
        )


def base_libraries(engine: Engine, image: str) -> frozenset[str]:
    """Return the names of the shared libraries that the loader of an image finds.

    Raises:
        NotFound: there is no such image, or no shell in it.
        Unavailable: the engine does not answer, or the image lists none.
    """
    spec = ContainerSpec(
        image=image,
        entrypoint=("/bin/sh", "-c"),
        command=(_LIST,),
        user="0:0",
        network="none",
        labels={labels.KIND: "build"},
    )
    done = containers.run_once(engine, spec)
    found = frozenset(_listed(done.stdout.decode(errors="replace")))
    if not found:
        raise Unavailable(
            f"The libraries in {image} can't be listed.",
            why=done.stderr.decode(errors="replace").strip() or None,
        )
    return found


def _listed(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if "=>" in line:
            yield line.split()[0]
        elif line.startswith("/") and "*" not in line:
            yield PurePosixPath(line).name


def missing_libraries(needs: LibraryNeeds, have: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Return the libraries that a base lacks, with the files that need them."""
    return {
        library: users
        for library, users in needs.libraries.items()
        if library not in have and not _NEVER_COPIED.fullmatch(library)
    }


def closure(missing: Iterable[str], have: frozenset[str]) -> tuple[FileSet, tuple[str, ...]]:
    """Return this machine's copies of libraries and of what they need, and what it lacks too.

    They go where the loader looks without being told. Only for a base of this machine's own
    operating system and release.
    """
    here = _libraries_here()
    entries: dict[str, FileEntry] = {}
    absent: list[str] = []
    todo, seen = sorted(missing), set(missing)
    while todo:
        library = todo.pop()
        path = here.get(library)
        if path is None:
            absent.append(library)
            continue
        real = path.resolve()
        target = str(real.with_name(library))
        status = real.stat()
        entries[target] = FileEntry(
            target, FileKind.FILE, 0o644, status.st_size, status.st_mtime_ns, str(real)
        )
        elf = read_elf(str(real))
        new = {name for name in (elf.needed if elf else ()) if name not in have} - seen
        new = {name for name in new if not _NEVER_COPIED.fullmatch(name)}
        seen |= new
        todo += sorted(new)
    ordered = tuple(entries[target] for target in sorted(entries))
    made = FileSet(name="libraries", entries=ordered, fingerprint=fingerprint(ordered))
    return made, tuple(sorted(absent))


def _libraries_here() -> dict[str, Path]:
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
