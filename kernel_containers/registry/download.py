"""Blobs out of a repository, into a folder by digest."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_containers.errors import CannotWrite, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_containers.core.digest import Digest
    from kernel_containers.core.oci import Descriptor
    from kernel_containers.registry.meter import Meter
    from kernel_containers.registry.repository import RepositoryClient


def blob_path(blobs: Path, digest: Digest) -> Path:
    """Where a blob lies."""
    return blobs / digest.algorithm / digest.hex


def fetch_blob(client: RepositoryClient, meter: Meter, blobs: Path, blob: Descriptor) -> None:
    """Make sure that a blob lies below `blobs`; it appears there whole or not at all.

    Raises:
        NotFound: the repository does not have it.
        CannotWrite: the disk is full or read-only.
        Unauthorized, TryAgain, Unavailable: the registry does not give it.
    """
    path = blob_path(blobs, blob.digest)
    with _writing(path):
        is_there = path.is_file() and path.stat().st_size == blob.size
        path.parent.mkdir(parents=True, exist_ok=True)
    if not is_there:
        client.download(blob.digest, partial(_keep, client, meter, path, blob))
    meter.finish(blob.digest)


def _keep(
    client: RepositoryClient, meter: Meter, path: Path, blob: Descriptor, data: Iterator[bytes]
) -> None:
    meter.begin(blob.digest)
    with _new_file(path) as (descriptor, new):
        for block in _checked(client, blob, data):
            with _writing(path):
                _write(descriptor, block)
            meter.add(blob.digest, len(block))
        with _writing(path):
            new.chmod(0o644)
            new.replace(path)


def _checked(client: RepositoryClient, blob: Descriptor, data: Iterator[bytes]) -> Iterator[bytes]:
    seen = hashlib.new(blob.digest.algorithm)
    size = 0
    for block in data:
        client.stop.check()
        size += len(block)
        if size > blob.size:
            break
        seen.update(block)
        yield block
    if (size, seen.hexdigest()) != (blob.size, blob.digest.hex):
        raise Unavailable(
            f"{client.registry.host} sent other bytes than those of {blob.digest}.",
            todo="pull again; a proxy may have changed or cut them",
        )


@contextmanager
def _new_file(path: Path) -> Iterator[tuple[int, Path]]:
    with _writing(path):
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".pull-")
    try:
        yield descriptor, Path(name)
    finally:
        os.close(descriptor)
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()


def _write(descriptor: int, block: bytes) -> None:
    left = memoryview(block)
    while left:
        left = left[os.write(descriptor, left) :]


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    # Only around writing: a report may raise an OSError of its own, to cancel.
    try:
        yield
    except OSError as error:
        raise CannotWrite(
            f"{path} could not be stored.", why=error.strerror, todo="make room on the disk"
        ) from error
