"""What an ELF file needs from the loader, read without running anything.

Only what the loader reads itself: program headers and the dynamic section. Figures and names
are those of https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.dynamic.html.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NEEDED, _DT_STRTAB, _DT_SONAME = 1, 5, 14
_DT_VERDEF, _DT_VERDEFNUM = 0x6FFFFFFC, 0x6FFFFFFD
_DT_VERNEED, _DT_VERNEEDNUM = 0x6FFFFFFE, 0x6FFFFFFF
_BASE, _WEAK = 1, 2  # flags of versions: the file's own name; the loader only warns
_MACHINES = {3: "i686", 40: "armv7l", 62: "x86_64", 183: "aarch64", 21: "ppc64le", 22: "s390x"}
_LARGEST_TABLE = 100_000  # entries; more is damage


@dataclass(frozen=True, slots=True, kw_only=True)
class Elf:
    """A program or library: `needed` are sonames, versions are such as `GLIBC_2.34`.

    `requires` maps sonames to the versions that this file needs them to have, `provides` are
    those it has itself. `machine` is named as `platform.machine()` does. `interpreter` is the
    loader's path, None for a library.
    """

    machine: str
    soname: str | None = None
    needed: tuple[str, ...] = ()
    requires: Mapping[str, frozenset[str]] = field(default_factory=dict)
    provides: frozenset[str] = frozenset()
    interpreter: str | None = None


def read_elf(path: str) -> Elf | None:
    """Return what a 64-bit little-endian ELF file needs; None for any other file, or damage."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - may have undecodable bytes
            head = file.read(64)
            if head[:6] != b"\x7fELF\x02\x01" or len(head) < 64:
                return None
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _Reader(data).read()
    except (OSError, struct.error, IndexError, ValueError, OverflowError):
        return None


class _Reader:
    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.segments: list[tuple[int, int, int]] = []  # address, offset, size
        self.strings = 0

    def read(self) -> Elf:
        machine = _MACHINES.get(struct.unpack_from("<H", self.data, 18)[0], "unknown")
        interpreter, dynamic = None, None
        for kind, offset, address, size in self.program_headers():
            if kind == _PT_LOAD:
                self.segments.append((address, offset, size))
            elif kind == _PT_DYNAMIC:
                dynamic = offset, size
            elif kind == _PT_INTERP:
                interpreter = self.data[offset : offset + size].rstrip(b"\0").decode()
        if dynamic is None:
            return Elf(machine=machine, interpreter=interpreter)
        tags = self.tags(*dynamic)
        self.strings = self.offset(tags[_DT_STRTAB][0]) if _DT_STRTAB in tags else 0
        soname = [self.string(at) for at in tags.get(_DT_SONAME, ())]
        return Elf(
            machine=machine,
            soname=soname[0] if soname else None,
            needed=tuple(self.string(at) for at in tags.get(_DT_NEEDED, ())),
            requires=self.requires(tags),
            provides=frozenset(self.provides(tags)),
            interpreter=interpreter,
        )

    def program_headers(self) -> Iterator[tuple[int, int, int, int]]:
        (start,) = struct.unpack_from("<Q", self.data, 32)
        each, count = struct.unpack_from("<HH", self.data, 54)
        for number in range(count):
            kind, _, offset, address, _, size = struct.unpack_from(
                "<IIQQQQ", self.data, start + number * each
            )
            yield kind, offset, address, size

    def tags(self, start: int, size: int) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for at in range(start, start + min(size, _LARGEST_TABLE * 16), 16):
            tag, value = struct.unpack_from("<qQ", self.data, at)
            if tag == 0:
                break
            found.setdefault(tag, []).append(value)
        return found

    def offset(self, address: int) -> int:
        for start, offset, size in self.segments:
            if start <= address < start + size:
                return address - start + offset
        raise ValueError(address)

    def string(self, at: int) -> str:
        start = self.strings + at
        end = self.data.find(b"\0", start)
        return self.data[start:end].decode("utf-8", "replace")

    def requires(self, tags: dict[int, list[int]]) -> dict[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}
        for at, count, auxiliary in self.chain(tags, _DT_VERNEED, _DT_VERNEEDNUM, "<HHIII"):
            (library,) = struct.unpack_from("<I", self.data, at + 4)
            names, inner = set(), at + auxiliary
            for _ in range(count):
                _, flags, _, name, after = struct.unpack_from("<IHHII", self.data, inner)
                if not flags & _WEAK:
                    names.add(self.string(name))
                if not after:
                    break
                inner += after
            found[self.string(library)] = frozenset(names)
        return found

    def provides(self, tags: dict[int, list[int]]) -> Iterator[str]:
        for at, _, auxiliary in self.chain(tags, _DT_VERDEF, _DT_VERDEFNUM, "<HHHHIII"):
            (flags,) = struct.unpack_from("<H", self.data, at + 2)
            if not flags & _BASE:
                (name,) = struct.unpack_from("<I", self.data, at + auxiliary)
                yield self.string(name)

    def chain(
        self, tags: dict[int, list[int]], start: int, number: int, layout: str
    ) -> Iterator[tuple[int, int, int]]:
        """Yield where each record of a chain is, its count, and how far its first name is."""
        if start not in tags or number not in tags:
            return
        at, count_at = self.offset(tags[start][0]), 1 if layout == "<HHIII" else 3
        for _ in range(min(tags[number][0], _LARGEST_TABLE)):
            record = struct.unpack_from(layout, self.data, at)
            yield at, record[count_at], record[-2]
            if not record[-1]:
                return
            at += record[-1]
