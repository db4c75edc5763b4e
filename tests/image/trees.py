"""Real folders as entries, archives as what they extract to, and bases without an engine."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import tarfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from kernel_containers.core.digest import Digest
from kernel_containers.core.oci import ImageConfig
from kernel_containers.core.snapshot import FileEntry, FileKind, FileSet
from kernel_containers.image.assemble import assemble
from kernel_containers.image.base import BaseImage
from kernel_containers.image.layer import build_layers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from kernel_containers.core.oci import BuiltImage, Layer
    from kernel_containers.core.progress import Report
    from kernel_containers.image.store import BlobStore


class Member(NamedTuple):
    """What a tree has at one place, on disk or in an archive."""

    kind: str
    mode: int
    mtime: int
    content: bytes


def build_layer(file_set: FileSet, base: BaseImage, store: BlobStore, report: Report) -> Layer:
    """Return the one layer that a small set becomes."""
    (layer,) = build_layers((file_set,), base, store, report)
    return layer


def entries_of(folder: Path, target: str) -> tuple[FileEntry, ...]:
    """Return a folder and all below it as entries, `folder` being `target`."""
    paths = (folder, *folder.rglob("*"))
    found = [_entry(path, target + str(path).removeprefix(str(folder))) for path in paths]
    return tuple(sorted(found, key=lambda entry: entry.target))


def _entry(path: Path, target: str) -> FileEntry:
    info = path.lstat()
    mode = stat.S_IMODE(info.st_mode)
    if stat.S_ISDIR(info.st_mode):
        return FileEntry(target, FileKind.FOLDER, mode)
    if stat.S_ISLNK(info.st_mode):
        return FileEntry(target, FileKind.LINK, 0o777, link=str(path.readlink()))
    return FileEntry(
        target,
        FileKind.FILE,
        mode,
        size=info.st_size,
        mtime_ns=info.st_mtime_ns,
        source=str(path),
        inode=(info.st_dev, info.st_ino) if info.st_nlink > 1 else None,
    )


def text(target: str, content: str = "", **options: object) -> FileEntry:
    """Return a small file that has its content with it."""
    data = content.encode()
    return FileEntry(target, FileKind.FILE, 0o644, len(data), content=data)._replace(**options)


def folder(target: str, mode: int = 0o755) -> FileEntry:
    """Return a folder."""
    return FileEntry(target, FileKind.FOLDER, mode)


def link(target: str, to: str) -> FileEntry:
    """Return a symbolic link."""
    return FileEntry(target, FileKind.LINK, 0o777, link=to)


def file_set(*entries: FileEntry, fingerprint: str | None = None) -> FileSet:
    """Return a set of entries in any order."""
    ordered = tuple(sorted(entries, key=lambda entry: entry.target))
    return FileSet(name="test", entries=ordered, fingerprint=fingerprint)


def bare_base(
    links: Mapping[str, str] | None = None, folders: Iterable[str] = ("/opt",)
) -> BaseImage:
    """Return a base that has no layers, but these links and folders."""
    return BaseImage(
        name="bare",
        id=Digest.of(b"bare"),
        config=ImageConfig(),
        layers=(),
        links=links or {},
        folders=dict.fromkeys(folders, 0o755),
    )


def image_of(
    base: BaseImage, layers: Sequence[Layer], store: BlobStore, **options: object
) -> BuiltImage:
    """Return an image of `layers` on `base`; `options` replace arguments of `assemble`."""
    arguments: dict[str, Any] = {
        "user": "0:0",
        "environment": (),
        "working_directory": "/",
        "entrypoint": ("python3", "-B"),
        "labels": {},
        "annotations": {},
        "created": "2025-01-01T00:00:00Z",
    }
    return assemble(base, layers, **{**arguments, **options}, store=store)


def members_of(archive: IO[bytes]) -> dict[str, Member]:
    """Return what a tar archive has, hard links resolved, by name."""
    found: dict[str, Member] = {}
    # Streams of zstd can't be read again from an earlier place.
    with tarfile.open(fileobj=io.BytesIO(archive.read()), mode="r:", encoding="utf-8") as tar:
        for member in tar:
            if member.islnk():
                found[member.name] = found[member.linkname]
                continue
            if member.issym():
                kind, content = "link", os.fsencode(member.linkname)
            elif member.isdir():
                kind, content = "folder", b""
            elif file := tar.extractfile(member):
                kind, content = "file", file.read()
            else:
                continue  # a device of the engine's own
            found[member.name] = Member(kind, member.mode, int(member.mtime), content)
    return found


def expected(entries: Iterable[FileEntry]) -> dict[str, Member]:
    """Return what an archive of `entries` has to contain."""
    return {entry.target[1:]: _member(entry) for entry in entries}


def _member(entry: FileEntry) -> Member:
    if entry.kind is FileKind.FOLDER:
        return Member("folder", entry.mode, 0, b"")
    if entry.kind is FileKind.LINK:
        return Member("link", 0o777, 0, os.fsencode(entry.link or ""))
    content = entry.content
    if content is None:
        assert entry.source
        content = Path(entry.source).read_bytes()
    return Member("file", entry.mode, entry.mtime_ns // 10**9, content)


def odd_tree(root: Path) -> Path:
    """Make a folder with everything that is hard to archive."""
    root.mkdir()
    (root / "empty").mkdir(mode=0o711)
    (root / "plain.txt").write_text("plain")
    (root / "none.txt").touch()
    (root / "script").write_text("#!/bin/sh\n")
    (root / "script").chmod(0o755)
    (root / "ümläut ☃.txt").write_text("unicode")
    (root / "new\nline").write_text("newline")
    (root / os.fsdecode(b"latin-\xe9\xff")).write_text("no UTF-8")
    (root / ("n" * 120)).write_text("longer than 100")
    deep = root / ("d" * 200) / ("e" * 200)
    deep.mkdir(parents=True)
    (deep / ("f" * 200)).write_text("longer than 255")
    (root / ("prefix/" * 18)).mkdir(parents=True)
    (root / ("prefix/" * 18) / ("p" * 90)).write_text("in two parts")
    (root / "hard-1").write_text("one inode")
    (root / "hard-2").hardlink_to(root / "hard-1")
    (root / "empty" / "hard-3").hardlink_to(root / "hard-1")
    (root / "relative").symlink_to("plain.txt")
    (root / "absolute").symlink_to("/usr/bin/python3")
    (root / "dangling").symlink_to("../nowhere")
    (root / "loop").symlink_to("loop")
    (root / "to-odd").symlink_to("ümläut ☃.txt")
    (root / "to-latin").symlink_to(os.fsdecode(b"latin-\xe9\xff"))
    (root / "to-long").symlink_to("x/" * 120)
    (root / "large.bin").write_bytes(os.urandom(1024) * 9 * 1024)
    (root / "exact.bin").write_bytes(b"b" * 4 * 1024**2)
    (root / "secret").write_text("mode 0")
    (root / "secret").chmod(0o000)
    os.utime(root / "plain.txt", ns=(1_700_000_000_987_654_321, 1_700_000_000_987_654_321))
    return root


@contextmanager
def small_disk(mount_point: Path, size: int) -> Iterator[Path]:
    """Mount a file system of `size` bytes."""
    mount_point.mkdir()
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    options = f"size={size},mode=0777"
    subprocess.run([*sudo, "mount", "-t", "tmpfs", "-o", options, "none", mount_point], check=True)
    try:
        yield mount_point
    finally:
        subprocess.run([*sudo, "umount", mount_point], check=True)
