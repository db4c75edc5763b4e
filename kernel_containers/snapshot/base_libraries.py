"""Which shared libraries a base image has, and whether they are new enough."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from kernel_containers.core.containers import ContainerSpec
from kernel_containers.engine import containers
from kernel_containers.errors import InvalidInput, NotFound
from kernel_containers.snapshot.elf import read_elf

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kernel_containers.engine import Engine
    from kernel_containers.snapshot.libraries import LibraryNeeds

# `ldconfig -p` prints the loader's cache, which may name files that are gone; what lies in the
# loader's own folders is found without it.
_LIST = """uname -m
getconf GNU_LIBC_VERSION 2>/dev/null || ldd --version 2>&1 | head -n 1
{ ldconfig -p || /sbin/ldconfig -p; } 2>/dev/null | while read -r name rest; do
[ -e "${rest##*=> }" ] && echo "$name $rest"; done
for f in /usr/lib64/*.so* /lib64/*.so* /usr/lib/*/*.so* /lib/*/*.so* /usr/lib/*.so* /lib/*.so* \
/usr/local/lib/*.so*; do [ -e "$f" ] && echo "$f"; done
[ -d /usr/share/zoneinfo ] && echo zones
:"""
# A base may lack them, and the standard library has none of its own.
ZONES = "/usr/share/zoneinfo"
_SHOW = 'for f; do [ -r "$f" ] || continue; echo "$(wc -c <"$f") $f"; cat "$f"; done'


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseLibraries:
    """What the loader of an image finds: `paths` by soname, and all loaders among `loaders`.

    `machine` is as `platform.machine()` says, `libc` as in ("glibc", "2.36"); `zones` whether
    there are time zones.
    """

    machine: str
    libc: tuple[str, str]
    paths: Mapping[str, str]
    loaders: frozenset[str]
    zones: bool = True

    @property
    def folder(self) -> str:
        """Where the loader looks without being told: beside the C library."""
        return str(PurePosixPath(self.paths.get("libc.so.6", "/usr/lib/libc.so.6")).parent)

    def to_json(self) -> dict[str, Any]:
        """Return the object that `from_json` reads."""
        return {
            "machine": self.machine,
            "libc": list(self.libc),
            "paths": self.paths,
            "loaders": sorted(self.loaders),
            "zones": self.zones,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> BaseLibraries:
        """Read what this release has written."""
        name, version = value["libc"]
        return cls(
            machine=value["machine"],
            libc=(name, version),
            paths=value["paths"],
            loaders=frozenset(value["loaders"]),
            zones=value["zones"],
        )


def base_libraries(engine: Engine, image: str) -> BaseLibraries:
    """Return what the loader of an image finds.

    Raises:
        NotFound, InvalidInput: there is no such image, no shell in it, or nothing is listed.
        Unavailable: the engine does not answer.
    """
    done = containers.run_once(engine, _spec(image, (_LIST,)))
    machine, libc, *rest = [*done.stdout.decode(errors="replace").splitlines(), "", ""]
    paths: dict[str, str] = {}
    for name, path in _listed(rest):
        paths.setdefault(name, path)
    if not paths:
        raise NotFound(
            f"The libraries in {image} can't be listed.",
            why=done.stderr.decode(errors="replace").strip() or None,
        )
    return BaseLibraries(
        machine=machine,
        libc=_libc(libc),
        paths=paths,
        loaders=frozenset(path for path in rest if re.search(r"/ld[^/]*\.so", path)),
        zones="zones" in rest,
    )


def _spec(image: str, command: tuple[str, ...]) -> ContainerSpec:
    return ContainerSpec(
        image=image,
        entrypoint=("/bin/sh", "-c"),
        command=command,
        user="0:0",
        network="none",
    )


def _libc(text: str) -> tuple[str, str]:
    version = re.search(r"\d+(?:\.\d+)+", text)
    if "musl" in text.lower():
        return "musl", ""
    return ("glibc", version[0]) if version else ("", "")


def _listed(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        if "=>" in line:
            name, _, path = line.partition("=>")
            if "64" in name:  # 32-bit ones do not count
                yield name.split()[0], path.strip()
        elif line.startswith("/"):
            yield PurePosixPath(line).name, line


def provided_versions(
    engine: Engine, image: str, paths: Mapping[str, str]
) -> dict[str, frozenset[str]]:
    """Return the versions that libraries of an image have, by soname; `paths` are where they are.

    Raises:
        NotFound, InvalidInput, Unavailable: as from `base_libraries`.
    """
    if not paths:
        return {}
    done = containers.run_once(engine, _spec(image, (_SHOW, "sh", *paths.values())))
    found = {path: _versions(data) for path, data in _files(done.stdout)}
    return {name: found[path] for name, path in paths.items() if path in found}


def _files(data: bytes) -> Iterator[tuple[str, bytes]]:
    at = 0
    while at < len(data):
        end = data.index(b"\n", at)
        size, _, path = data[at:end].decode(errors="replace").strip().partition(" ")
        at = end + 1 + int(size)
        yield path, data[end + 1 : at]


def _versions(data: bytes) -> frozenset[str]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        elf = read_elf(file.name)
    return elf.provides if elf else frozenset()


def check_against_base(needs: LibraryNeeds, base: BaseLibraries, base_name: str) -> None:
    """Refuse a base image whose processor, C library or loader does not fit an environment.

    Raises:
        InvalidInput: the reason and what would fit are in it.
    """
    if needs.machines and base.machine not in needs.machines:
        raise InvalidInput(
            f"The environment is for {', '.join(sorted(needs.machines))}, "
            f"the base image {base_name} for {base.machine}.",
            todo="choose a base image for the same architecture with --base",
        )
    glibc, user = needs.glibc
    if glibc:
        _check_glibc(".".join(map(str, glibc)), glibc, user, base, base_name)
    other = sorted(needs.loaders - base.loaders)
    if other:
        raise InvalidInput(
            f"Programs of the environment are started by {', '.join(other)}, "
            f"which the base image {base_name} does not have.",
            why="they were built for another system's folders",
            todo="choose a base image of this machine's operating system with --base",
        )


def _check_glibc(
    wanted: str, version: tuple[int, ...], user: str, base: BaseLibraries, base_name: str
) -> None:
    name, has = base.libc
    if name != "glibc":
        raise InvalidInput(
            f"The environment needs glibc {wanted}; the base image {base_name} has "
            f"{name or 'another C library'}.",
            why=f"{user} was built for it",
            todo="choose a base image with glibc, such as one of Debian or Ubuntu, with --base",
        )
    if tuple(map(int, has.split("."))) < version:
        raise InvalidInput(
            f"The environment needs glibc {wanted}; the base image {base_name} has {has}.",
            why=f"{user} was built for it",
            todo="choose a base image of a newer release with --base, best of this machine's own",
        )
