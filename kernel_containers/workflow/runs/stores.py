"""Folders and buckets that runs were written to, for reading."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from kernel_containers.errors import NotFound, Refused, Unauthorized, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_containers.core.uris import Uri

READERS = 16  # files that are read at once; a store's answer takes longer than its reading
_SKIPPED = ("node_modules", "__pycache__")


class Store(Protocol):
    """What lies below a prefix. Called from several threads."""

    def walk(self, prefix: Uri) -> Iterator[str]:
        """Yield the paths of all files below `prefix`, relative to it; no hidden ones.

        Raises:
            NotFound: the folder or bucket does not exist.
            Refused, Unavailable: the store's words are the cause.
        """
        ...

    def read(self, uri: Uri) -> bytes | None:
        """Return a file's bytes, or None where it does not exist.

        Raises:
            Refused, Unavailable: the store's words are the cause.
        """
        ...


def open_store(uri: Uri) -> Store:
    """Return the store of a place.

    Raises:
        Unavailable: the configuration of AWS is malformed.
    """
    return _Folder() if uri.scheme == "file" else _Bucket(uri.bucket)


class _Folder:
    def walk(self, prefix: Uri) -> Iterator[str]:
        top = Path(prefix.path)
        length = len(str(top)) + (top != Path(top.anchor))  # with the slash, which / is itself
        for folder, names, files in os.walk(top, onerror=lambda error: _refuse(top, error)):
            names[:] = [name for name in names if not name.startswith(".") and name not in _SKIPPED]
            start = f"{folder[length:]}/" if len(folder) > length else ""
            yield from (start + name for name in files if not name.startswith("."))

    def read(self, uri: Uri) -> bytes | None:
        try:
            # Runs write neither links, which may lead to what the reader must not see, nor pipes,
            # which nobody may be writing to.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            with os.fdopen(os.open(uri.path, flags), "rb") as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise Refused(f"The file {uri.path} can't be read.", why=error.strerror) from error


def _refuse(top: Path, error: OSError) -> None:
    if error.filename != str(top):
        return  # one folder among many, or one that has just been removed
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise NotFound(
            f"The folder {top} does not exist.", todo="name another with --prefix"
        ) from error
    raise Refused(f"The folder {top} can't be read.", why=error.strerror) from error


class _Bucket:
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

    def read(self, uri: Uri) -> bytes | None:
        from botocore.exceptions import ClientError  # noqa: PLC0415

        with _store_errors(str(uri)):
            try:
                answer = self._s3.get_object(Bucket=self._bucket, Key=uri.path)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404"):
                    return None
                raise
            return bytes(answer["Body"].read())


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
        if code in ("AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch"):
            raise Unauthorized(
                f"The store refused {what}.", why=str(error), todo="check the AWS credentials"
            ) from error
        raise Unavailable(f"{what} can't be read.", why=str(error)) from error
    except (BotoCoreError, ValueError) as error:
        raise Unavailable(f"{what} can't be read.", why=str(error)) from error
