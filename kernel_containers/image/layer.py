"""A set of files to a layer in the store."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from kernel_containers.core.labels import LAYER
from kernel_containers.core.oci import LAYER_GZIP, Descriptor, Layer
from kernel_containers.core.progress import Progress, Report
from kernel_containers.core.snapshot import FileKind, FileSet
from kernel_containers.image import tar
from kernel_containers.image.compress import compress, fastest
from kernel_containers.image.placement import Placed, place
from kernel_containers.image.read_ahead import read_ahead

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kernel_containers.core.snapshot import FileEntry
    from kernel_containers.image.base import BaseImage
    from kernel_containers.image.store import BlobStore

PART = 1024**3  # bytes; an upload that breaks starts again with its layer
_USUAL_RATIO = 0.5  # blob to archive: 0.35 for scientific packages, 0.56 with CUDA libraries


def build_layer(file_set: FileSet, base: BaseImage, store: BlobStore, report: Report) -> Layer:
    """Return the layer that puts `file_set` directly on `base`; see `build_layers`."""
    return build_layers([file_set], base, store, report)[0]


def build_layers(
    file_sets: Sequence[FileSet], base: BaseImage, store: BlobStore, report: Report
) -> tuple[Layer, ...]:
    """Return the layers that put `file_sets` on `base`, the first one lowest.

    Targets go where the links of the base and of lower sets lead; parent folders that nothing
    below has are added as 0755. A set whose fingerprint the store knows is not read again: a
    layer of it that lands alike is used, whatever the base.

    Raises:
        TryAgain: files changed while they were read; nothing of their layer is kept.
        Refused: a file can't be read.
        CannotWrite: the store's disk is full.
        InvalidInput: the set does not fit on the base.
    """
    ground, layers = base.ground, []
    for file_set in file_sets:
        placed = place(file_set.entries, ground)
        layers.append(_named(_layer(file_set, placed, store, report), file_set.name))
        ground = ground.under(placed.entries)
    return tuple(layers)


def _named(layer: Layer, name: str) -> Layer:
    return replace(layer, descriptor=replace(layer.descriptor, annotations={LAYER: name}))


def _layer(file_set: FileSet, placed: Placed, store: BlobStore, report: Report) -> Layer:
    key = _key(file_set.fingerprint, placed) if file_set.fingerprint else None
    known = store.recall(key) if key else None
    if known:
        size = known.descriptor.size
        report(_progress(file_set, size, size))
        return known
    layer = _write(file_set, placed.entries, store, report)
    if key:
        made_from = {
            "name": file_set.name,
            "fingerprint": file_set.fingerprint,
            "files": file_set.count,
            "bytes": file_set.size,
        }
        store.remember(key, layer, made_from)
    return layer


def _key(fingerprint: str, placed: Placed) -> str:
    # Of the base only what decided on the targets: the layer then serves other bases as well.
    landing = json.dumps([placed.links, placed.parents])
    return " ".join(
        (
            f"layer {tar.FORMAT}",
            fingerprint,
            hashlib.sha256(landing.encode()).hexdigest(),
            fastest().name,
        )
    )


def _write(
    file_set: FileSet, entries: tuple[FileEntry, ...], store: BlobStore, report: Report
) -> Layer:
    total = _bytes_to_read(entries)
    blocks = _reported(tar.blocks(entries), file_set, total, report)
    with store.write(expected=int(total * _USUAL_RATIO)) as blob, read_ahead(entries):
        done = compress(blocks, blob.write, fastest())
        blob.keep(done.digest)
    descriptor = Descriptor(media_type=LAYER_GZIP, digest=done.digest, size=done.size)
    report(_progress(file_set, total, total))
    return Layer(descriptor, done.diff_id)


def _bytes_to_read(entries: Iterable[FileEntry]) -> int:
    seen: set[tuple[int, int]] = set()
    total = 0
    for entry in entries:
        if entry.inode not in seen:
            total += entry.size
        if entry.inode:
            seen.add(entry.inode)
    return total


def _reported(
    blocks: Iterable[bytes], file_set: FileSet, total: int, report: Report
) -> Iterator[bytes]:
    done = 0
    for block in blocks:
        yield block
        done += len(block)
        report(_progress(file_set, min(done, total), total))


def _progress(file_set: FileSet, done: int, total: int) -> Progress:
    return Progress(stage="layer", message=file_set.name, done=done, total=total, unit="bytes")


def split_file_set(file_set: FileSet, limit: int = PART) -> tuple[FileSet, ...]:
    """Return the set in parts of about `limit` bytes, cut along the order of targets.

    `.pyc` files, which fingerprints leave out, do not move the cuts: parts that were built at
    different times still make up the whole.
    """
    parts: list[list[FileEntry]] = [[]]
    filled = 0
    for entry in file_set.entries:
        counts = entry.kind is FileKind.FILE and not entry.target.endswith(".pyc")
        if counts and filled and filled + entry.size > limit:
            parts.append([])
            filled = 0
        parts[-1].append(entry)
        filled += entry.size if counts else 0
    if len(parts) == 1:
        return (file_set,)
    return tuple(
        FileSet(
            name=f"{file_set.name} {number}/{len(parts)}",
            entries=tuple(part),
            fingerprint=file_set.fingerprint
            and f"{file_set.fingerprint} {limit} {number}/{len(parts)}",
        )
        for number, part in enumerate(parts, 1)
    )
