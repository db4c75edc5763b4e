"""The changed files of a container, read one by one or out of all its files.

The engine has both: an archive of one path, with all below it, and an export of everything. A
few changes in a large image are read in no time by the first, very many by the second.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from kernel_containers.engine.changes import Kind, archive, export
from kernel_containers.errors import NotFound

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Collection, Generator, Mapping, Sequence

    from kernel_containers.engine import Engine

_REQUEST = 0.02  # seconds that the engine takes for one path, in which it exports 6 MB
_EXPORTED = 300_000_000  # bytes of all files per second
_LOST = "\ufffd"  # in the engine's JSON, for what is no UTF-8: such a path can't be asked for


class Part(NamedTuple):
    """A path to ask for; `whole` with all below it."""

    path: str
    whole: bool


def parts(kinds: Mapping[str, Kind], wanted: Collection[str], apart: Collection[str]) -> list[Part]:
    """Return what to ask for to get the wanted paths, in order.

    A folder that was added comes whole, unless something in it is to stay `apart`: what is
    mounted there would be read as well.
    """
    broken = {str(above) for path in apart for above in PurePosixPath(path).parents} | set(apart)
    found: list[Part] = []
    covered: set[str] = set()
    for path in sorted(wanted, key=lambda path: path.split("/")):
        if path.rpartition("/")[0] in covered:
            covered.add(path)
            continue
        whole = kinds[path] is Kind.ADDED and path not in broken
        if whole:
            covered.add(path)
        found.append(Part(path, whole))
    return found


def members(
    engine: Engine, container: str, wanted: Sequence[Part], size: int
) -> Generator[tuple[str, str, tarfile.TarInfo, tarfile.TarFile]]:
    """Yield the path, the folder that hard links are relative to, and the member of each file.

    More than what is wanted may come. `size` are the bytes of all files. What has vanished
    meanwhile does not come.

    Raises:
        NotFound: there is no such container.
        Unavailable: the engine does not answer, or its archive is cut.
    """
    if not wanted:
        return
    readable = not any(_LOST in part.path for part in wanted)
    if readable and len(wanted) * _REQUEST < size / _EXPORTED:
        for part in wanted:
            yield from _members_of(engine, container, part)
        return
    with export(engine, container) as found:
        for member in found:
            yield f"/{member.name.strip('/')}", "/", member, found


def _members_of(
    engine: Engine, container: str, part: Part
) -> Generator[tuple[str, str, tarfile.TarInfo, tarfile.TarFile]]:
    parent = f"{part.path.rpartition('/')[0]}/"
    try:
        with archive(engine, container, part.path) as found:
            for member in found:
                yield f"{parent}{member.name.strip('/')}", parent, member, found
                if not part.whole:
                    break
    except NotFound:
        return
