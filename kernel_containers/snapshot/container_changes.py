"""What a running kernel's container has on top of its image, as a set of files.

Packages that were installed, files that were written outside of mounts, and what was removed:
what `docker commit` would keep, without pausing the kernel, and without caches, temporary files
and credentials. What it costs depends on what changed and not on the image.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import closing
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from kernel_containers.core.paths import is_below
from kernel_containers.core.progress import Progress, Report
from kernel_containers.core.snapshot import Exclusion, FileEntry, FileKind, FileSet
from kernel_containers.engine import containers, images
from kernel_containers.engine.changes import Kind, archive, changes
from kernel_containers.snapshot.container_files import Part, members, parts
from kernel_containers.snapshot.exclusions import (
    EVERYWHERE,
    KEY_STORES,
    SILENTLY,
    Rule,
    compile_rules,
)

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Iterable, Mapping
    from typing import IO, Any

    from kernel_containers.engine import Engine

NAME = "changes in the kernel's container"
# The engine's own files, what lives as long as a process, and what is made again when needed.
_NEVER = (
    *("/dev", "/proc", "/sys", "/run", "/var/run", "/tmp", "/var/tmp", "/.dockerenv"),  # noqa: S108
    *("/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab"),
    *("/var/lib/apt/lists", "/opt/kernel-containers"),
)
_ONLY_FOLDERS = ("/var/cache", "/var/log")
_RULES = compile_rules((Rule(SILENTLY, (".ipython/",)), *EVERYWHERE, *KEY_STORES))
_WHITEOUT = ".wh."


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """A container's own changes; `files` is None where there are none.

    `image` is the id of the image under them, `user` the container's `uid:gid`.
    """

    files: FileSet | None
    image: str
    user: str
    exclusions: tuple[Exclusion, ...] = ()


def capture(
    engine: Engine, container: str, spool: Path, shared: Iterable[str], report: Report
) -> Captured:
    """Copy what a container has changed into the folder `spool`, where it has to stay.

    Paths, owners, modes, times and capabilities are those in the container; what was removed
    becomes a whiteout. What lies below `shared` folders belongs to whoever runs the image.

    Raises:
        NotFound: there is no such container.
        Unavailable: the engine does not answer, or its archive is cut.
        CannotWrite: the disk of `spool` is full.
    """
    description = containers.inspect(engine, container)
    image = images.inspect(engine, str(description["Image"]))
    found = _Found(changes(engine, container), _mounts(description), tuple(shared), spool)
    if found.wanted:
        found.size = image.size if image else 0
        report(Progress(stage="capture", message=container[:12]))
        found.read(engine, container, report)
    entries = found.result()
    return Captured(
        files=FileSet(name=NAME, entries=entries, fingerprint=found.fingerprint(), exact=True)
        if entries
        else None,
        image=str(description["Image"]),
        user=str(description["Config"].get("User") or ""),
        exclusions=tuple(sorted(found.exclusions.values(), key=lambda item: item.path)),
    )


def _mounts(description: Mapping[str, Any]) -> tuple[str, ...]:
    host = description.get("HostConfig") or {}
    mounted = [str(mount["Destination"]) for mount in description.get("Mounts") or ()]
    return (*mounted, *(host.get("Tmpfs") or {}))


class _Found:
    def __init__(
        self,
        kinds: Mapping[str, Kind],
        mounts: tuple[str, ...],
        shared: tuple[str, ...],
        spool: Path,
    ) -> None:
        self.kinds = kinds
        self.mounts = mounts
        self.shared = shared
        self.spool = spool
        self.size = 0  # bytes of all files of the image
        self.wanted = {path for path, kind in kinds.items() if self.counts(path, kind)}
        self.entries: dict[str, FileEntry] = {}
        self.exclusions: dict[str, Exclusion] = {}
        self.hashes: dict[str, str] = {}
        self.reasons: dict[str, str | None] = {"/": None}

    def counts(self, path: str, kind: Kind) -> bool:
        """Whether a changed path belongs to what is captured."""
        if is_below(path, *_NEVER, *self.mounts):
            return False
        before, compiled, _ = path.partition("/__pycache__")
        if compiled and self.kinds.get(before) is not Kind.ADDED:
            return False  # an import wrote it
        return kind is not Kind.DELETED or not is_below(path, *_ONLY_FOLDERS)

    def read(self, engine: Engine, container: str, report: Report) -> None:
        """Copy what is wanted, until all of it was seen."""
        left = {path for path in self.wanted if self.kinds[path] is not Kind.DELETED}
        later: list[str] = []
        with closing(members(engine, container, self.parts(left), self.size)) as found:
            for path, parent, member, source in found:
                known = os.fsencode(path).decode("utf-8", "replace")  # as the engine's JSON has it
                if known in left and self.leaves_out(path, member) is None:
                    first = f"{parent}{member.linkname.strip('/')}"
                    if member.islnk() and not self.link(path, first):
                        later.append(path)
                    elif not member.islnk():
                        self.take(path, member, source)
                left.discard(known)
                report(Progress(stage="capture", message=path, done=len(self.entries)))
                if not left:
                    break
        for path in later:  # the first name of such a file is none of those that are captured
            with archive(engine, container, path) as source:
                for member in source:
                    self.take(path, member, source)

    def parts(self, left: Iterable[str]) -> list[Part]:
        """Return what to ask the engine for; of folders that are left out only themselves."""
        folders = {_split(path)[0] for path in self.kinds}
        hidden = {path for path in folders if self.reason(path) is not None}
        wanted = [path for path in left if _split(path)[0] not in hidden]
        return parts(self.kinds, wanted, (*_NEVER, *self.mounts, *hidden))

    def leaves_out(self, path: str, member: tarfile.TarInfo) -> str | None:
        """Return why a member does not enter, and note it; None if it does."""
        parent, name = _split(path)
        reason = self.reason(parent)
        if reason is None and member.isdir():
            reason = self.reason(path)
        elif reason is None and is_below(path, *_ONLY_FOLDERS):
            reason = SILENTLY
        elif reason is None and not (member.isreg() or member.issym() or member.islnk()):
            reason = "a device or a named pipe"
        elif reason is None and member.issym():
            reason = _RULES.for_file(parent, name) or _RULES.for_folder(parent, name)
        if reason:
            self.exclusions.setdefault(path, Exclusion(path=path, reason=reason, size=member.size))
        return reason

    def reason(self, folder: str) -> str | None:
        """Return why a folder is left out, or one above it."""
        if folder not in self.reasons:
            parent, name = _split(folder)
            self.reasons[folder] = self.reason(parent)
            if self.reasons[folder] is None:
                self.reasons[folder] = _RULES.for_folder(parent, name)
        return self.reasons[folder]

    def take(self, path: str, member: tarfile.TarInfo, members: tarfile.TarFile) -> None:
        """Keep a folder, a link or a file."""
        owner, mode = (member.uid, member.gid), stat.S_IMODE(member.mode)
        if member.isdir():
            self.entries[path] = FileEntry(path, FileKind.FOLDER, mode, owner=owner)
        elif member.issym():
            self.entries[path] = FileEntry(
                path, FileKind.LINK, 0o777, link=member.linkname, owner=owner
            )
        elif content := members.extractfile(member):
            copy = self.copy(path, content)
            parent, name = _split(path)
            reason = _RULES.for_file(f"{self.spool}{parent}", name)
            if reason is not None:
                copy.unlink()
                self.exclusions[path] = Exclusion(path=path, reason=reason, size=member.size)
                return
            time = int(member.mtime) * 10**9
            os.utime(copy, ns=(time, time))
            able = member.pax_headers.get("SCHILY.xattr.security.capability", "")
            self.entries[path] = FileEntry(
                path,
                FileKind.FILE,
                mode,
                member.size,
                time,
                str(copy),
                owner=owner,
                capability=able.encode("utf-8", "surrogateescape"),
            )

    def copy(self, path: str, content: IO[bytes]) -> Path:
        """Write a file's content below the spool, where links are never made."""
        copy = Path(f"{self.spool}{path}")
        copy.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with copy.open("wb") as file:
            while block := content.read(1024**2):
                digest.update(block)
                file.write(block)
        self.hashes[path] = digest.hexdigest()
        return copy

    def link(self, path: str, first: str) -> bool:
        """Keep a further name of a file; False if that one is not kept."""
        entry = self.entries.get(first)
        if entry is None or entry.kind is not FileKind.FILE:
            return False
        inode = entry.inode or (0, len(self.entries) + 1)
        self.entries[first] = entry._replace(inode=inode)
        self.entries[path] = entry._replace(target=path, inode=inode)
        return True

    def result(self) -> tuple[FileEntry, ...]:
        """Return all entries in order, without folders that changed only for what is left out."""
        made = [entry for entry in self.entries.values() if entry.kind is not FileKind.FOLDER]
        made += self.whiteouts()
        needed = {str(above) for entry in made for above in PurePosixPath(entry.target).parents}
        hidden = (*_NEVER, *self.mounts, *self.exclusions, *self.shared)
        folders = [entry for entry in self.entries.values() if entry.kind is FileKind.FOLDER]
        for entry in sorted(folders, key=itemgetter(0), reverse=True):  # the deepest first
            if entry.target in needed or not self.is_only_above(entry.target, hidden):
                made.append(entry)
                needed.update(map(str, PurePosixPath(entry.target).parents))
        return tuple(sorted(map(self.opened, made), key=itemgetter(0)))

    def is_only_above(self, path: str, hidden: Iterable[str]) -> bool:
        """Whether a folder changed only because of what was left out, or is a shared one."""
        if any(is_below(place, path) for place in hidden):
            return True
        return any(other != path and is_below(other, path) for other in self.kinds)

    def whiteouts(self) -> list[FileEntry]:
        """Return what takes away the removed paths."""
        removed = {path for path in self.wanted if self.kinds[path] is Kind.DELETED}
        made = []
        for path in sorted(removed):
            parent, name = _split(path)
            above = self.entries.get(parent)
            if parent not in removed and (above is None or above.kind is FileKind.FOLDER):
                target = f"{parent.rstrip('/')}/{_WHITEOUT}{name}"
                made.append(FileEntry(target, FileKind.FILE, 0o644, content=b""))
        return made

    def opened(self, entry: FileEntry) -> FileEntry:
        """Give what lies in a shared folder to the image's user."""
        if is_below(entry.target, *self.shared):
            mode = entry.mode | (0o055 if entry.kind is FileKind.FOLDER else 0o044)
            writable = entry.kind is not FileKind.LINK
            return entry._replace(mode=mode, owner=(0, 0), group_writable=writable)
        return entry

    def fingerprint(self) -> str:
        """Return what stays the same as long as the contents do."""
        seen = [
            (entry.target, entry.kind.value, entry.mode, entry.mtime_ns, entry.link, entry.owner)
            for entry in self.result()
        ]
        return hashlib.sha256(repr((seen, sorted(self.hashes.items()))).encode()).hexdigest()


def _split(path: str) -> tuple[str, str]:
    parent, _, name = path.rpartition("/")
    return parent or "/", name
