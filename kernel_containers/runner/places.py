"""Reads and writes files here and in S3."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_containers.core.uris import Uri
from kernel_containers.errors import InvalidInput, OutputsNotWritten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, TypeAlias

    Content: TypeAlias = Iterable[bytes]  # pieces, the same each time they are asked for

_IN_MEMORY = 8_000_000  # bytes; larger objects go through a file
_LONGEST_TEXT = 200 * 1000**2  # bytes of a file of parameters


def read_text(place: str, source: str) -> str:
    """Return the text of a file, or of an `s3://` object.

    Raises:
        InvalidInput: there is none, it is not UTF-8, or it is too long.
    """
    try:
        data = _read_s3(place) if place.startswith("s3://") else _read_file(Path(place))
        if len(data) > _LONGEST_TEXT:
            raise InvalidInput(f"{place} is longer than {_LONGEST_TEXT // 1000**2} MB.")
        return data.decode()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        todo = "-r gives a text that starts with @" if source.startswith("-p") else None
        raise InvalidInput(
            f"{place!r}, given by {source}, can't be read.", why=why or str(error), todo=todo
        ) from error


def _read_file(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LONGEST_TEXT + 1)  # /dev/zero has no end


def _read_s3(place: str) -> bytes:
    from kernel_containers.runner import s3  # noqa: PLC0415 - boto3 takes 0.4 s

    uri = Uri.parse(place)
    try:
        return s3.read(uri)
    except s3.S3Error as error:
        raise InvalidInput(f"{place} can't be read.", why=str(error)) from error


# A network's file system may be back in a moment.
_MAY_PASS = (errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.ENOTCONN)


class PlaceRefused(OutputsNotWritten):
    """An output's place says no; trying again is useless."""


class Writer:
    """Writes outputs; keeps one S3 client. `on_progress` is called as data is taken."""

    def __init__(self, folder: Path, on_progress: Callable[[], None] = lambda: None) -> None:
        self._folder = folder  # for files on their way to S3
        self._on_progress = on_progress
        self._s3: Any = None

    def write(self, uri: Uri, data: Content, content_type: str) -> None:
        """Write a whole file or object; readers see the old one or the new one.

        Raises:
            OutputsNotWritten: the place refused, or did not answer.
        """
        pieces = _Told(data, self._on_progress)
        if uri.scheme == "file":
            _write_file(Path(uri.path), pieces)
        else:
            self._write_s3(uri, pieces, content_type)

    def _write_s3(self, uri: Uri, data: Content, content_type: str) -> None:
        from kernel_containers.runner import s3  # noqa: PLC0415 - boto3 takes 0.4 s

        try:
            if self._s3 is None:
                self._s3 = s3.connect()
            with tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(self._folder)) as file:
                file.writelines(data)
                file.seek(0)
                s3.write(self._s3, uri, file, content_type, lambda _: self._on_progress())
        except OSError as error:  # a full disk here; what the network says is an S3Error
            raise OutputsNotWritten(f"{uri} was not written.", why=error.strerror) from error
        except s3.S3Error as error:
            kind = PlaceRefused if error.final else OutputsNotWritten
            raise kind(f"{uri} was not written.", why=str(error), todo=error.todo) from error


class _Told:
    """Content that tells when more of it is asked for; as often as `data` itself."""

    def __init__(self, data: Content, on_progress: Callable[[], None]) -> None:
        self._data = data
        self._on_progress = on_progress

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._data:
            self._on_progress()
            yield piece


def _write_file(path: Path, data: Content) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _replace(path, data)
        except OSError:
            # A file that is a mount of its own can be written, but not replaced.
            if not path.is_mount():
                raise
            with path.open("wb") as file:
                file.writelines(data)
    except OSError as error:
        kind = OutputsNotWritten if error.errno in _MAY_PASS else PlaceRefused
        raise kind(
            f"{path} was not written.",
            why=error.strerror or str(error),
            todo=f"give a folder that uid {os.getuid()} can write to and that has room; "
            "a container needs it mounted",
        ) from error


def _replace(path: Path, data: Content) -> None:
    handle, temporary = tempfile.mkstemp(prefix=".kc-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(data)
        # mkstemp() lets nobody else read; outputs follow the container's umask.
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
