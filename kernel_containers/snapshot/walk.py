"""The files below a folder, as they are."""

from __future__ import annotations

import os
import stat
from operator import itemgetter
from typing import TYPE_CHECKING

from kernel_containers.core.snapshot import Exclusion, FileEntry, FileKind
from kernel_containers.errors import NotFound
from kernel_containers.snapshot.exclusions import SILENTLY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel_containers.snapshot.exclusions import Rules

UNREADABLE = "this user may not read it"
CACHE = "__pycache__"

ROOT = (0, 0)
_FILE, _FOLDER, _LINK = FileKind.FILE, FileKind.FOLDER, FileKind.LINK
_SPECIAL = {
    stat.S_IFSOCK: "a socket",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


class ByteCode:
    """The `__pycache__` folders that walks have passed by, to be looked at only if need be."""

    def __init__(self) -> None:
        self._folders: list[tuple[str, int, Rules]] = []

    def add(self, folder: str, mode: int, rules: Rules) -> None:
        """Remember a folder and what must not be taken from it."""
        self._folders.append((folder, mode, rules))

    def __len__(self) -> int:
        """The number of folders."""
        return len(self._folders)

    def entries(self) -> list[FileEntry]:
        """Return the folders and what is in them now; what this user can't read is not there."""
        found: list[FileEntry] = []
        for folder, mode, rules in self._folders:
            walker = _Walker(rules, None)
            walker.todo.append((folder, mode))
            walker.run()
            found += walker.entries
        return found


def walk(
    root: Path, rules: Rules, byte_code: ByteCode | None = None
) -> tuple[list[FileEntry], list[Exclusion]]:
    """Return what is at and below `root`, sorted by target, and what was left out.

    Targets are the paths as given. Links are returned as links and never followed, except that
    `root` itself may be one. Sockets, pipes, devices and what this user can't read become
    exclusions. Modes are those that let everybody read what the owner can; setuid and setgid are
    dropped. Folders and links have no time: theirs changes with what is not shipped. A file that
    vanishes meanwhile is not there. With `byte_code`, folders for it are only put there.

    Raises:
        NotFound: `root` does not exist.
    """
    if not root.exists():
        raise NotFound(f"There is no file or folder {root}.")
    walker = _Walker(rules, byte_code)
    if root.is_dir():
        walker.below(root)
    else:
        walker.one(str(root.parent), root.name, str(root), root.stat())
        # Files are opened without following links.
        walker.entries = [e._replace(source=str(root.resolve())) for e in walker.entries]
    walker.entries.sort(key=itemgetter(0))
    walker.exclusions.sort(key=lambda exclusion: exclusion.path)
    return walker.entries, walker.exclusions


def _plain_file(path: str, bits: int, size: int, mtime_ns: int) -> FileEntry:
    # What FileEntry() does, in half the time.
    fields = (path, _FILE, bits, size, mtime_ns, path, None, None, None, False, ROOT, b"")
    return tuple.__new__(FileEntry, fields)


def size_below(path: str | Path) -> int:
    """Return the bytes of a file, or of all files below a folder."""
    return sum(sizes_below(path))


def sizes_below(path: str | Path) -> Iterator[int]:
    """Yield the bytes of a file, or of each file below a folder."""
    folders = [os.fspath(path)]
    while folders:
        folder = folders.pop()
        try:
            status = os.lstat(folder)
            if not stat.S_ISDIR(status.st_mode):
                yield status.st_size
                continue
            with os.scandir(folder) as found:
                for item in found:
                    if item.is_dir(follow_symlinks=False):
                        folders.append(item.path)
                    else:
                        yield item.stat(follow_symlinks=False).st_size
        except OSError:
            continue


class _Walker:
    def __init__(self, rules: Rules, byte_code: ByteCode | None) -> None:
        self.rules = rules
        self.byte_code = byte_code
        self.entries: list[FileEntry] = []
        self.exclusions: list[Exclusion] = []
        self.todo: list[tuple[str, int]] = []
        self.modes: dict[int, int] = {}  # of files that everybody may read: as they are and will be
        self.may_read_all = os.geteuid() == 0

    def below(self, root: Path) -> None:
        """Collect a folder and what is below it."""
        self.todo.append((str(root), root.stat().st_mode))
        self.run()

    def run(self) -> None:
        """Collect the folders that are still to do, the first of which nothing leaves out."""
        start = self.todo[0][0] if self.todo else ""
        while self.todo:
            folder, mode = self.todo.pop()
            try:
                # Relative to an open folder, files are looked at in four fifths of the time.
                opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError:
                self.leave_out(folder, UNREADABLE)
                continue
            try:
                with os.scandir(opened) as found:
                    items = list(found)
                if folder != start and (reason := self.marked(items)):
                    self.leave_out(folder, reason)
                    continue
                self.entries.append(FileEntry(folder, _FOLDER, mode & 0o777 | 0o555))
                self.all_of(folder, items)
            finally:
                os.close(opened)

    def all_of(self, folder: str, items: list[os.DirEntry[str]]) -> None:
        """Collect a folder's items: almost all are plain files, which take the short way."""
        modes, may_match, add = self.modes, self.rules.may_match_file, self.entries.append
        above = folder.rstrip("/")
        for item in items:
            try:
                status = item.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            name = item.name
            path = f"{above}/{name}"
            bits = modes.get(status.st_mode)
            if bits is None or status.st_nlink > 1 or may_match(name):
                self.one(folder, name, path, status)
            else:
                add(_plain_file(path, bits, status.st_size, status.st_mtime_ns))

    def one(self, folder: str, name: str, path: str, status: os.stat_result) -> None:
        """Collect one item; a folder is only remembered."""
        mode = status.st_mode
        if stat.S_ISREG(mode):
            reason = self.rules.for_file(folder, name)
            if reason is None and not (mode & 0o004 or self.may_read_all):
                reason = None if os.access(path, os.R_OK) else UNREADABLE
            if reason is None:
                self.add(path, status)
            else:
                self.exclusions.append(Exclusion(path=path, reason=reason, size=status.st_size))
        elif stat.S_ISDIR(mode):
            reason = self.rules.for_folder(folder, name)
            if reason is not None:
                self.leave_out(path, reason)
            elif self.byte_code is not None and name == CACHE:
                self.byte_code.add(path, mode, self.rules)
            else:
                self.todo.append((path, mode))
        elif stat.S_ISLNK(mode):
            self.link(folder, name, path)
        else:
            self.leave_out(path, _SPECIAL.get(stat.S_IFMT(mode), "no file"))

    def add(self, path: str, status: os.stat_result) -> None:
        """Collect a file."""
        mode = status.st_mode
        bits = mode & 0o777 | 0o444 | (0o111 if mode & 0o100 else 0)
        if mode & 0o004 or self.may_read_all:
            self.modes[mode] = bits
        inode = (status.st_dev, status.st_ino) if status.st_nlink > 1 else None
        size, time = status.st_size, status.st_mtime_ns
        self.entries.append(FileEntry(path, _FILE, bits, size, time, path, None, inode))

    def link(self, folder: str, name: str, path: str) -> None:
        """Collect a link."""
        reason = self.rules.for_file(folder, name) or self.rules.for_folder(folder, name)
        if reason is not None:
            self.exclusions.append(Exclusion(path=path, reason=reason))
            return
        try:
            target = os.readlink(path)  # noqa: PTH115 - exactly the text, undecoded bytes too
        except OSError:
            return
        self.entries.append(FileEntry(path, _LINK, 0o777, link=target))

    def marked(self, items: list[os.DirEntry[str]]) -> str | None:
        """Return why a folder with these items is none of the user's own."""
        markers = self.rules.markers
        if not markers:
            return None
        return next((markers[item.name] for item in items if item.name in markers), None)

    def leave_out(self, path: str, reason: str) -> None:
        """Note what does not enter, with all that is below it."""
        if reason == SILENTLY:
            return
        self.exclusions.append(Exclusion(path=path, reason=reason, size=size_below(path)))
