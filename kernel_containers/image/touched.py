"""Files that were only touched: their time is another, what is in them is not.

Installing packages anew gives all their files new times. Unpacking the layers to compare takes
1.5 s for a gigabyte, a quarter of building them, and saves the upload.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from kernel_containers.image.compress import decompressed
from kernel_containers.image.tar import BLOCK, UNIT, file_header, padding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kernel_containers.core.oci import Layer
    from kernel_containers.core.snapshot import FileEntry
    from kernel_containers.image.store import BlobStore

_SIZE = slice(124, 136)
_KIND = slice(156, 157)


def with_same_content(
    files: Iterable[tuple[FileEntry, int]], layers: Sequence[Layer], store: BlobStore
) -> frozenset[str]:
    """Return the targets of those files whose bytes the layers hold, the last layer on top.

    Each comes with the time, in nanoseconds, that it has there. Of several names of one file
    only the first is found, and nothing in a layer that is damaged.
    """
    # What the archive has before the file; so no header has to be understood.
    wanted = {file_header(entry._replace(mtime_ns=time)): entry for entry, time in files}
    same: set[str] = set()
    for layer in reversed(layers):
        with (
            suppress(OSError, EOFError, ValueError),
            decompressed(store.path(layer.descriptor.digest)) as archive,
        ):
            while wanted and (head := _next_header(archive)):
                content = _content(archive, _size(head))
                entry = wanted.pop(head, None)
                with suppress(OSError):  # a file that can't be read counts as changed
                    if entry and entry.source and _is_same(content, entry.source):
                        same.add(entry.target)
                deque(content, 0)
    return frozenset(same)


def _next_header(archive: IO[bytes]) -> bytes:
    """Return a member's header with the pax records before it; nothing at the end."""
    head = archive.read(UNIT)
    if head[_KIND] == b"x":
        size = _size(head)
        return head + archive.read(size + len(padding(size))) + archive.read(UNIT)
    return head if any(head) else b""


def _size(head: bytes) -> int:
    field = head[-UNIT:][_SIZE]
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    return int(field[:-1], 8)


def _content(archive: IO[bytes], size: int) -> Iterator[bytes]:
    """Yield a member's content and go to the next one."""
    left = size
    while left and (block := archive.read(min(left, BLOCK))):
        left -= len(block)
        yield block
    archive.read(len(padding(size)))


def _is_same(content: Iterable[bytes], source: str) -> bool:
    with open(source, "rb") as file:  # noqa: PTH123 - half the time of a Path's
        return all(file.read(len(block)) == block for block in content) and not file.read(1)
