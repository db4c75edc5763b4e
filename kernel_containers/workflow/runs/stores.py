"""Folders and buckets that runs were written to, for reading."""

from __future__ import annotations

import os
import stat
from abc import ABC, abstractmethod
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from kernel_containers.errors import NotFound, Refused, TryAgain, Unauthorized, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kernel_containers.core.uris import Uri

READERS = 16  # files that are read at once; a store's answer takes longer than its reading
BLOCK = 1024**2  # bytes; what stands in memory of a file that is handed on
LONGEST = 200 * 1000**2  # bytes of a file that is read as a whole
_SKIPPED = ("node_modules", "__pycache__")


class Opened(Protocol):
    """A file as it was when it was opened, whatever is written there meanwhile; one thread's."""

    @property
    def size(self) -> int:
        """Its bytes."""
        ...

    @property
    def version(self) -> str:
        """A text that its next version will not have."""
        ...

    def blocks(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from `start` to before `stop`, all of them.

        Raises:
            TryAgain: the store keeps no old versions, and has a new one.
            Refused, Unavailable: the store's words are the cause.
        """
        ...

    def close(self) -> None:
        """Let it go."""
        ...


class Store(ABC):
    """What lies below a prefix. Called from several threads."""

    @abstractmethod
    def walk(self, prefix: Uri) -> Iterator[str]:
        """Yield the paths of all files below `prefix`, relative to it; no hidden ones.

        Raises:
            NotFound: the folder or bucket does not exist.
            Refused, Unavailable: the store's words are the cause.
        """

    @abstractmethod
    def open(self, uri: Uri) -> Opened | None:
        """Return a file to be closed, or None where it does not exist.

        Raises:
            Refused, Unavailable: the store's words are the cause.
        """

    def read(self, uri: Uri) -> bytes | None:
        """Return a file's bytes, or None where it does not exist.

        Raises:
            Refused, Unavailable: it is too large, or the store's words are the cause.
        """
        opened = self.open(uri)
        if opened is None:
            return None
        with closing(opened):
            if opened.size > LONGEST:
                why = f"it has more than {LONGEST // 1000**2} MB"
                raise Refused(f"{uri} is too large to be read here.", why=why)
            return b"".join(opened.blocks(0, opened.size))


def open_store(uri: Uri) -> Store:
    """Return the store of a place.

    Raises:
        Unavailable: the configuration of AWS is malformed.
    """
    return _Folder() if uri.scheme == "file" else _Bucket(uri.bucket)


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
            names[:] = [name for name in names if not name.startswith(".") and name not in _SKIPPED]
            start = f"{folder[length:]}/" if len(folder) > length else ""
            yield from (start + name for name in files if not name.startswith("."))

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


class _Bucket(Store):
    def __init__(self, bucket: str) -> None:
        import boto3  # noqa: PLC0415 - 0.3 s, and only for s3
        from botocore.config import Config  # noqa: PLC0415

        config = Config(
            connect_timeout=10,
            read_timeout=20,  # seconds of silence, three times; people wait for the answer
            retries={"mode": "standard", "total_max_attempts": 3},
            max_pool_connections=READERS,
            # Servers other than AWS refuse the checksum trailers that newer boto3 sends.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        # The default session would keep the first credentials it saw.
        with _store_errors(f"s3://{bucket}"):
            session = boto3.Session()
            # Without a region the SDK refuses some calls; S3 itself redirects.
            region = session.region_name or "us-east-1"
            self._s3: Any = session.client("s3", config=config, region_name=region)
        self._bucket = bucket

    def walk(self, prefix: Uri) -> Iterator[str]:
        start = f"{prefix.path}/" if prefix.path else ""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=start
        )
        with _store_errors(str(prefix)):
            for page in pages:
                names = [item["Key"].removeprefix(start) for item in page.get("Contents", ())]
                yield from (name for name in names if _is_shown(name))

    def open(self, uri: Uri) -> Opened | None:
        from botocore.exceptions import ClientError  # noqa: PLC0415

        with _store_errors(str(uri)):
            try:
                answer = self._s3.get_object(Bucket=self._bucket, Key=uri.path)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404"):
                    return None
                raise
        return _OpenObject(self._s3, uri, answer)


class _OpenObject:
    """One answer is the whole object, so that a small one needs one request."""

    def __init__(self, client: Any, uri: Uri, answer: Mapping[str, Any]) -> None:
        self._s3 = client
        self._uri = uri
        self._body: Any = answer["Body"]
        self._etag = str(answer["ETag"])
        self.size = int(answer["ContentLength"])
        self.version = self._etag.strip('"')

    def blocks(self, start: int, stop: int) -> Iterator[bytes]:
        if start >= stop:
            return
        with _store_errors(str(self._uri)):
            if self._body.tell() or (start, stop) != (0, self.size):
                self._ask_for(start, stop)
            yield from self._body.iter_chunks(BLOCK)

    def _ask_for(self, start: int, stop: int) -> None:
        self._body.close()
        answer = self._s3.get_object(
            Bucket=self._uri.bucket,
            Key=self._uri.path,
            Range=f"bytes={start}-{stop - 1}",
            IfMatch=self._etag,
        )
        self._body = answer["Body"]

    def close(self) -> None:
        self._body.close()


def _is_shown(name: str) -> bool:
    return bool(name) and not any(
        part.startswith(".") or part in _SKIPPED for part in name.split("/")
    )


@contextmanager
def _store_errors(what: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in ("NoSuchBucket", "404"):
            raise NotFound(f"The bucket of {what} does not exist.") from error
        if code in ("PreconditionFailed", "412"):
            raise TryAgain(f"{what} was written anew while it was read.") from error
        if code in ("AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch"):
            raise Unauthorized(
                f"The store refused {what}.", why=str(error), todo="check the AWS credentials"
            ) from error
        raise Unavailable(f"{what} can't be read.", why=str(error)) from error
    except (BotoCoreError, ValueError) as error:
        raise Unavailable(f"{what} can't be read.", why=str(error)) from error
