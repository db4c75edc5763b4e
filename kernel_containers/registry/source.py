"""A blob's bytes on this machine, checked while they are read."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from kernel_containers.errors import InvalidInput, NotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel_containers.core.oci import Descriptor
    from kernel_containers.registry.meter import Meter
    from kernel_containers.registry.stop import Stop

BLOCK = 256 * 1024  # bytes between two looks at whether to stop


class Source:
    """The blocks of a file, once. What goes wrong ends them early and is kept in `failure`.

    A request that ends in order leaves an upload session that can be deleted. One that is torn
    leaves bytes in distribution 2.8 that nobody can delete before its weekly purge.
    """

    def __init__(self, blob: Descriptor, path: Path, meter: Meter, stop: Stop) -> None:
        self.failure: BaseException | None = None
        self._blob = blob
        self._path = path
        self._meter = meter
        self._stop = stop

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._blocks()
        except GeneratorExit:  # the connection is gone
            raise
        except BaseException as error:  # noqa: BLE001  # the caller raises it
            self.failure = error

    def _blocks(self) -> Iterator[bytes]:
        self._meter.begin(self._blob.digest)
        seen = hashlib.new(self._blob.digest.algorithm)
        size = 0
        # Only around reading: a report may raise an OSError of its own, to cancel.
        with _reading(self._path):
            file = self._path.open("rb")
        with file:
            while block := self._next(file):
                self._stop.check()
                seen.update(block)
                size += len(block)
                if size >= self._blob.size and (size, seen.hexdigest()) != _named(self._blob):
                    raise _damaged(self._path)
                yield block
                self._meter.add(self._blob.digest, len(block))
        if size != self._blob.size:
            raise _damaged(self._path)

    def _next(self, file: BinaryIO) -> bytes:
        with _reading(self._path):
            return file.read(BLOCK)


def read_whole(blob: Descriptor, path: Path, meter: Meter) -> bytes:
    """Return the bytes of a small blob.

    Raises:
        NotFound, InvalidInput, Unavailable: the file is missing, damaged or can't be read.
    """
    meter.begin(blob.digest)
    with _reading(path):
        data = path.read_bytes()
    if (len(data), hashlib.new(blob.digest.algorithm, data).hexdigest()) != _named(blob):
        raise _damaged(path)
    return data


def check(blob: Descriptor, path: Path) -> None:
    """See without reading it that a blob's file may be whole.

    Raises:
        NotFound, InvalidInput, Unavailable: the file is missing, has another size, or can't be
            read.
    """
    with _reading(path):
        size = path.stat().st_size
    if size != blob.size:
        raise _damaged(path)


def _named(blob: Descriptor) -> tuple[int, str]:
    return blob.size, blob.digest.hex


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(
            f"The layer {path.name[:12]} is neither in the registry nor on this machine.",
            why=f"{path} is missing",
            todo="containerize the notebook again",
        ) from error
    except OSError as error:
        raise Unavailable(f"{path} can't be read.", why=error.strerror) from error


def _damaged(path: Path) -> InvalidInput:
    return InvalidInput(
        f"The stored layer {path} is damaged.",
        why="its content does not have the digest that it is named for",
        todo="remove the file and containerize the notebook again",
    )
