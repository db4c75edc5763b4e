"""Opens folders and buckets that runs were written to, and files in them, for reading."""

from __future__ import annotations

import os
import stat
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from kernel_containers.errors import NotFound, Refused, TryAgain, Unavailable
from kernel_containers.workflow.runs.store import BLOCK, Store, is_shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_containers.core.uris import Uri
    from kernel_containers.workflow.runs.store import Opened

READERS = 16  # files that are read at once; a store's answer takes longer than its reading


def open_store(uri: Uri) -> Store:
    """Return the store of a place.

    Raises:
        Unavailable: the configuration of AWS is malformed.
    """
    if uri.scheme == "file":
        return _Folder()
    from kernel_containers.workflow.runs.bucket import Bucket  # noqa: PLC0415 - boto3 takes 0.3 s

    return Bucket(uri.bucket, READERS)


def open_file(uri: Uri) -> Opened:
    """Return a file to be closed.

    Raises:
        NotFound: it does not exist.
        Refused, Unavailable: the store's words are the cause.
    """
    opened = open_store(uri).open(uri)
    if opened is None:
        raise NotFound(f"{uri} does not exist.")
    return opened


@dataclass(frozen=True, slots=True)
class Pieces:
    """A file's bytes, read block by block each time they are asked for; raises as `open_file`."""

    uri: Uri

    def __iter__(self) -> Iterator[bytes]:
        with closing(open_file(self.uri)) as opened:
            yield from opened.blocks(0, opened.size)


class _Folder(Store):
    def walk(self, prefix: Uri) -> Iterator[str]:
        top = Path(prefix.path)
        length = len(str(top)) + (top != Path(top.anchor))  # with the slash, which / is itself
        for folder, names, files in os.walk(top, onerror=lambda error: _refuse(top, error)):
            names[:] = filter(is_shown, names)
            start = f"{folder[length:]}/" if len(folder) > length else ""
            yield from (start + name for name in files if is_shown(name))

    def open(self, uri: Uri) -> Opened | None:
        try:
            # Runs write neither links, which may lead to what the reader must not see, nor pipes,
            # which nobody may be writing to.
            handle = os.open(uri.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise Refused(f"The file {uri.path} can't be read.", why=error.strerror) from error
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            os.close(handle)
            raise Refused(f"{uri.path} is not a file.")
        version = f"{state.st_ino:x}-{state.st_mtime_ns:x}-{state.st_size:x}"
        return _OpenFile(uri.path, os.fdopen(handle, "rb"), state.st_size, version)


@dataclass(frozen=True, slots=True)
class _OpenFile:
    path: str
    file: BinaryIO
    size: int
    version: str

    def blocks(self, start: int, stop: int) -> Iterator[bytes]:
        try:
            self.file.seek(start)
            while start < stop:
                block = self.file.read(min(BLOCK, stop - start))
                if not block:
                    raise TryAgain(f"{self.path} became shorter while it was read.")
                start += len(block)
                yield block
        except OSError as error:
            raise Unavailable(f"The file {self.path} can't be read.", why=error.strerror) from error

    def close(self) -> None:
        self.file.close()


def _refuse(top: Path, error: OSError) -> None:
    if error.filename != str(top):
        return  # one folder among many, or one that has just been removed
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise NotFound(
            f"The folder {top} does not exist.", todo="name another with --prefix"
        ) from error
    raise Refused(f"The folder {top} can't be read.", why=error.strerror) from error
