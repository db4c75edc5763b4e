"""The plan of what enters an image. Sizes are bytes, times whole seconds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from operator import itemgetter
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kernel_containers.core.contract import Contract


class FileKind(Enum):
    """What an entry is; nothing else enters an image."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"


class FileEntry(NamedTuple):
    """One member of a layer. A tuple, not a dataclass: environments have 40,000 of them.

    `target` is the absolute path inside the image; undecodable bytes are surrogates, as in
    `os.fsdecode`. A file's bytes are `content` where it is not None, else those of `source`,
    which has `size` bytes, `mtime_ns`, and the same `inode` (device, number) as its hard links;
    `inode` is None for a file with one name. `owner` holds the numbers of user and group in the
    image: root's, except for what a base image gave to others. `capability` is the value of
    security.capability, the only extended attribute that engines keep.
    """

    target: str
    kind: FileKind
    mode: int
    size: int = 0
    mtime_ns: int = 0
    source: str | None = None
    link: str | None = None
    inode: tuple[int, int] | None = None
    content: bytes | None = None
    group_writable: bool = False
    owner: tuple[int, int] = (0, 0)
    capability: bytes = b""

    @property
    def final_mode(self) -> int:
        """The permission bits; a group-writable entry gives its group what its owner has."""
        mode = self.mode & 0o7777
        return mode | (mode & 0o700) >> 3 | 0o020 if self.group_writable else mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Something that was found and does not enter the image; `size` counts all below a folder."""

    path: str
    reason: str
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSet:
    """What becomes one layer: entries sorted by target, and the name of the layer's purpose.

    Two sets with the same `fingerprint` have the same content; None means unknown, so that
    the layer is built each time. An `exact` set has the real paths of a container, whose folders
    take the place of links, and whiteouts: `.wh.NAME` takes NAME away.

    `byte_code` gives what `__pycache__` folders hold, a third of an environment's files. No
    fingerprint counts it, so it is only looked at where a layer has to be built, by `whole`. A set
    that was not `compiled` then, and is now, is another one: it is written anew.
    """

    name: str
    entries: tuple[FileEntry, ...]
    fingerprint: str | None = None
    exact: bool = False
    byte_code: Callable[[], Sequence[FileEntry]] | None = field(default=None, compare=False)
    compiled: bool = True

    def whole(self) -> FileSet:
        """Return the set with its byte code among the entries."""
        if self.byte_code is None:
            return self
        entries = sorted([*self.entries, *self.byte_code()], key=itemgetter(0))
        return replace(self, entries=tuple(entries), byte_code=None)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum([entry[3] for entry in self.entries])

    @property
    def count(self) -> int:
        """Number of files."""
        return sum(entry.kind is FileKind.FILE for entry in self.entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python as it describes itself. Paths are those it sees."""

    executable: str
    version: tuple[int, int, int]
    implementation: str  # "cpython", as in sys.implementation.name
    machine: str  # "x86_64", as in platform.machine()
    prefix: str
    base_prefix: str
    libc: tuple[str, str]  # ("glibc", "2.36"); ("", "") where unknown
    kernel_version: str | None  # ipykernel's version, None where it is not installed
    path: tuple[str, ...] = ()  # sys.path: folders and archives that exist
    user_base: str = ""  # such as ~/.local, where packages of its user count

    @property
    def version_text(self) -> str:
        """`3.11.7`."""
        return ".".join(map(str, self.version))


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Where the notebook's packages come from.

    `python_path` are folders that the image has to name in PYTHONPATH. `elsewhere` are folders
    and files outside of the prefix that its own `.pth` files, editable installs and links name.
    """

    kind: Literal["venv", "conda", "system", "image"]
    interpreter: Interpreter
    file_sets: tuple[FileSet, ...] = ()  # least changing first; none for kind "image"
    python_path: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A likely secret. `excerpt` is masked: it never holds the secret itself."""

    holder: str  # a cell, a file, or a part of a file
    line: int  # of its text, from 1
    rule: str
    excerpt: str

    @property
    def where(self) -> str:
        """The place, for people."""
        return f"{self.holder}, line {self.line}"

    def __str__(self) -> str:
        return f"{self.where}: {self.rule} {self.excerpt}".rstrip()

    def as_json(self) -> dict[str, str]:
        """Return it as plans and answers of the server have it."""
        return {"where": self.where, "rule": self.rule, "excerpt": self.excerpt}


@dataclass(frozen=True, slots=True)
class Risk:
    """What may make runs fail.

    `rule` is stable and `subject` what it is about, such as a path. A remark about the notebook's
    text that has both says the same.
    """

    rule: str
    subject: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The whole plan: a base image that the engine or a registry has, and what is put on it.

    `file_sets` are in layer order, lowest first, without the runner. `user` is the image's
    numeric `uid:gid`; `user_reason` says why it is not the usual one.
    """

    notebook: Path
    title: str
    description: str
    base: str  # as the engine knows it: an id, a digest or a name
    base_name: str
    environment: Environment
    file_sets: tuple[FileSet, ...]
    contract: Contract
    user: str
    user_reason: str = ""
    variables: tuple[tuple[str, str], ...] = ()  # environment variables of the image
    exclusions: tuple[Exclusion, ...] = ()
    findings: tuple[Finding, ...] = ()
    created: str = ""  # RFC 3339: the notebook's mtime
    notes: tuple[str, ...] = ()
    warnings: tuple[Risk, ...] = ()
