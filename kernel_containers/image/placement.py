"""Where entries land on what lies below them: the base image and the layers under their own.

A layer that writes through a symbolic link of a lower one replaces the link by a folder: with
`lib/x` over a base whose `/lib` is a link to `usr/lib`, not even `sh` starts. So each target is
first resolved as a process in the container would. And engines make the folders that a layer
only implies anew, whatever lies below: `/var/tmp` would lose its sticky bit, a home its owner
(seen with 20.10). So each parent folder is repeated as it is, or added if nothing has it.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kernel_containers.core.snapshot import FileEntry, FileKind
from kernel_containers.errors import Defect, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Attributes = tuple[int, int, int]  # mode, user, group
_MOST_LINKS = 40  # as in the kernel
_NOT_A_NAME = ("", ".", "..")
_NEW_PARENT: Attributes = (0o755, 0, 0)
_FILE, _FOLDER, _LINK = FileKind.FILE, FileKind.FOLDER, FileKind.LINK  # quicker to look up


@dataclass(frozen=True, slots=True)
class Ground:
    """The symbolic links and folders that lie below a layer, by absolute path.

    The folder `/` is always there and not listed.
    """

    links: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, Attributes] = field(default_factory=dict)

    def under(self, entries: Iterable[FileEntry]) -> Ground:
        """Return the ground of the next layer, when `entries` are put on this one.

        `entries` must already be placed.
        """
        links, folders = dict(self.links), dict(self.folders)
        # Most are files where nothing was.
        for entry in [each for each in entries if each[1] is not _FILE or each[0] in links]:
            target, kind = entry[0], entry[1]
            if kind is _FOLDER:
                folders[target] = (entry.final_mode, *entry.owner)
                links.pop(target, None)
            elif kind is _LINK:
                links[target] = entry.link or ""
                folders.pop(target, None)
            else:
                del links[target]
        return Ground(links, folders)

    def replaced_by(self, entries: Iterable[FileEntry]) -> Ground:
        """Return the ground without the links in whose place a container has folders, or none."""
        links = dict(self.links)
        for entry in entries:
            folder, _, name = entry.target.rpartition("/")
            if entry.kind is _FOLDER:
                links.pop(entry.target, None)
            elif name.startswith(".wh."):
                links.pop(f"{folder}/{name.removeprefix('.wh.')}", None)
        return Ground(links, self.folders)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Entries sorted by their final target, and what of the ground decided on them."""

    entries: tuple[FileEntry, ...]
    links: tuple[tuple[str, str], ...]
    parents: tuple[tuple[str, Attributes], ...]


def place(entries: Sequence[FileEntry], ground: Ground) -> Placed:
    """Return `entries`, given in order, with targets resolved and with all their parents.

    Links among `entries` are followed as well. A link or file at the place of a link replaces
    it; a folder there goes where the link leads.
    Folders stay as they are in `ground` unless they are among `entries`, and where an entry would
    only let a group write to what everybody may. Of two entries with the same final target the
    last one counts.

    Raises:
        InvalidInput: links of the ground lead in a circle.
        Defect: a target is not an absolute, normal path.
    """
    resolver = _Resolver(ground)
    for entry in entries:
        if entry.kind is _LINK:
            resolver.links[resolver.target(entry)] = entry.link or ""
    placed: dict[str, FileEntry] = {}
    for entry in entries:
        target = resolver.target(entry)
        # The mode of `/` is the base's business, and who may write to /tmp is everybody.
        if target != "/" and not (entry.group_writable and _is_for_all(target, ground)):
            placed[target] = entry if target is entry.target else entry._replace(target=target)
    parents = resolver.parents(placed)
    for parent, (mode, user, group) in parents.items():
        placed[parent] = FileEntry(parent, _FOLDER, mode, owner=(user, group))
    return Placed(
        entries=tuple(placed[target] for target in sorted(placed)),
        links=tuple(sorted(resolver.used.items())),
        parents=tuple(sorted(parents.items())),
    )


class _Resolver:
    def __init__(self, ground: Ground) -> None:
        self.links = dict(ground.links)
        self._known = ground.folders
        self._folders: dict[str, str] = {"/": "/"}  # resolved before: 3,000 for 30,000 entries
        self.used: dict[str, str] = {}

    def target(self, entry: FileEntry) -> str:
        """Return where an entry really goes; its own object when it stays."""
        target = entry.target
        if entry.kind is _FOLDER:
            real = self.folder(target)
            return target if real == target else real
        parent, slash, name = target.rpartition("/")
        if not slash or name in _NOT_A_NAME:
            raise _not_a_path(target)
        real = self.folder(parent or "/")
        return target if real == parent else posixpath.join(real, name)

    def folder(self, path: str) -> str:
        """Return where a folder really is."""
        known = self._folders.get(path)
        if known is None:
            parent, slash, name = path.rpartition("/")
            if not slash:
                raise _not_a_path(path)
            known = self._folders[path] = self._walk(self.folder(parent or "/"), name)
        return known

    def _walk(self, here: str, path: str) -> str:
        """Return where `path` leads from the folder `here`."""
        left, followed = path.split("/")[::-1], 0
        while left:
            name = left.pop()
            if name in _NOT_A_NAME:
                here = posixpath.dirname(here) if name == ".." else here
                continue
            there = f"{here}/{name}" if here != "/" else f"/{name}"
            link = self.links.get(there)
            if link is None:
                here = there
                continue
            self.used[there] = link
            followed += 1
            if followed > _MOST_LINKS:
                raise InvalidInput(
                    f"{there} can't be in an image's path.", why="its links lead in a circle"
                )
            left += link.split("/")[::-1]
            here = "/" if link.startswith("/") else here
        return here

    def parents(self, placed: Mapping[str, FileEntry]) -> dict[str, Attributes]:
        """Return the folders above `placed` that are not in it, with what they are."""
        found: dict[str, Attributes] = {}
        for parent in {target.rpartition("/")[0] or "/" for target in placed}:
            here = parent
            while here != "/" and here not in found and not _is_folder(here, placed):
                found[here] = self._known.get(here, _NEW_PARENT)
                here = posixpath.dirname(here)
        return found


def _is_for_all(path: str, ground: Ground) -> bool:
    """Whether a folder is there already, and everybody may write to it."""
    attributes = ground.folders.get(path)
    return attributes is not None and bool(attributes[0] & 0o002)


def _is_folder(path: str, placed: Mapping[str, FileEntry]) -> bool:
    entry = placed.get(path)
    if entry is None or entry.kind is _FOLDER:
        return entry is not None
    raise InvalidInput(
        f"{path} can't be both a {entry.kind.value} and a folder.",
        todo="leave one of the two out",
    )


def _not_a_path(target: str) -> Defect:
    return Defect(f"{target!r} is not a path for a layer.")
