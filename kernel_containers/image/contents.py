"""Whether cached layers still have the contents of the files that they stand for.

A fingerprint believes sizes and times. Who put these back after a change, or does not trust the
disk, has every byte compared, at the price of reading them all and unpacking the layers.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from typing import IO, TYPE_CHECKING

from kernel_containers.core.progress import Progress, Report
from kernel_containers.errors import Unavailable
from kernel_containers.image.compress import decompressed
from kernel_containers.image.delta import Stack, describe
from kernel_containers.image.layer import keys_of
from kernel_containers.image.lower import Lower
from kernel_containers.image.placement import place
from kernel_containers.image.split import split_file_set
from kernel_containers.image.store import layer_from_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kernel_containers.core.oci import Layer
    from kernel_containers.core.snapshot import FileEntry, FileSet
    from kernel_containers.image.base import BaseImage
    from kernel_containers.image.compress import Compressor
    from kernel_containers.image.layer import Keys
    from kernel_containers.image.store import BlobStore

_BLOCK = 1024 * 1024  # bytes


def forget_changed(
    file_sets: Sequence[FileSet],
    base: BaseImage,
    store: BlobStore,
    report: Report,
    compressor: Compressor,
) -> tuple[str, ...]:
    """Return the files whose contents differ from those of the layers that would be used.

    These are what `build_layers` would take with the same `compressor`.

    Layers with such files are forgotten, so that `build_layers` builds them anew. Byte code does
    not count: it is compiled again at any time.

    Raises:
        Unavailable: a layer or a file can't be read.
    """
    lower = Lower(base, compressor)
    changed: list[str] = []
    for file_set in (each.whole() for each in file_sets):
        key = lower.key(file_set)
        before = len(changed)
        for part in split_file_set(file_set):
            lower.replace(part)
            placed = place(part.entries, lower.ground)
            keys = keys_of(part, placed, compressor)
            layers, reused = _would_be_used(keys, placed.entries, store)
            found = _differing(reused, _cached(layers, store, report), report)
            if found:
                store.forget(keys)
            changed += found
            lower.put(placed.entries)
        if key and len(changed) > before:
            store.forget([key])
        lower.end(file_set)
    return tuple(changed)


def _would_be_used(
    keys: Keys, entries: Sequence[FileEntry], store: BlobStore
) -> tuple[Sequence[Layer], Sequence[FileEntry]]:
    """Return the cached layers of a set, and which of its entries would come from them."""
    if known := store.recall_record(keys.stack):
        return [layer_from_json(layer) for layer in known["layers"]], entries
    if layer := store.recall(keys.layer):
        return [layer], entries
    if last := store.recall_record(keys.last):
        stack = Stack.from_json(last)
        described = describe(entries)
        kept = [e for e in entries if stack.content.get(e.target) == described[e.target]]
        return stack.layers, kept
    return [], []


def _differing(
    entries: Iterable[FileEntry], cached: Mapping[bytes, bytes], report: Report
) -> list[str]:
    found = []
    for entry in entries:
        before = cached.get(os.fsencode(entry.target[1:]))
        if before is not None and entry.source is not None:
            report(Progress(stage="compare", message=entry.target))
            if _hash_of(entry.source) != before:
                found.append(entry.source)
    return found


def _cached(layers: Sequence[Layer], store: BlobStore, report: Report) -> dict[bytes, bytes]:
    """Return the hash of each file in a set's layers; those of upper ones count."""
    found: dict[bytes, bytes] = {}
    for layer in layers:
        path = store.path(layer.descriptor.digest)
        try:
            with (
                decompressed(path) as file,
                tarfile.open(fileobj=file, mode="r|", bufsize=_BLOCK) as archive,
            ):
                for member in archive:
                    content = archive.extractfile(member) if member.isreg() else None
                    if content and "/__pycache__/" not in member.name:
                        report(Progress(stage="compare", message=member.name))
                        found[os.fsencode(member.name)] = _hash(content)
        except (tarfile.TarError, EOFError, OSError) as error:
            raise Unavailable(f"The layer {path} can't be read.", why=str(error)) from error
    return found


def _hash_of(source: str) -> bytes:
    try:
        with open(source, "rb", buffering=0) as file:  # noqa: PTH123 - half the time of a Path's
            return _hash(file)
    except FileNotFoundError:
        return b""  # building the layer will say so
    except OSError as error:
        raise Unavailable(f"{source} can't be read.", why=error.strerror) from error


def _hash(file: IO[bytes]) -> bytes:
    hashed = hashlib.sha256()
    while block := file.read(_BLOCK):
        hashed.update(block)
    return hashed.digest()
