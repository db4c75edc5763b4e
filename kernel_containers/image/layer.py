"""A set of files to a layer in the store."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from kernel_containers.core.collecting import set_aside
from kernel_containers.core.labels import LAYER
from kernel_containers.core.oci import Descriptor, Layer
from kernel_containers.core.progress import Progress, Report
from kernel_containers.image import tar
from kernel_containers.image.compress import compress, fastest
from kernel_containers.image.delta import Stack, describe
from kernel_containers.image.lower import Lower
from kernel_containers.image.placement import Placed, place
from kernel_containers.image.read_ahead import read_ahead
from kernel_containers.image.split import split_file_set
from kernel_containers.image.store import layer_from_json, layer_to_json
from kernel_containers.image.touched import with_same_content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kernel_containers.core.snapshot import FileEntry, FileSet
    from kernel_containers.image.base import BaseImage
    from kernel_containers.image.compress import Compressor
    from kernel_containers.image.delta import Beneath
    from kernel_containers.image.store import BlobStore

SMALLEST_WITH_DELTAS = 32 * 1024**2  # bytes; less is built in 0.1 s
_USUAL_RATIO = 0.5  # blob to archive: 0.35 for scientific packages, 0.56 with CUDA libraries


@set_aside()
def build_layers(
    file_sets: Sequence[FileSet],
    base: BaseImage,
    store: BlobStore,
    report: Report,
    *,
    finished: Callable[[Descriptor], object] = id,
    compressor: Compressor | None = None,
) -> tuple[Layer, ...]:
    """Return the layers that put `file_sets` on `base`, the first one lowest.

    Targets go where the links of the base and of lower sets lead, and the folders above them stay
    as they are. A set whose fingerprint the store knows is not read again: layers of it that land
    alike are used, whatever the base. Of a large set that changed a little only the changes are
    built, as one more layer on its last ones. `finished` is told of each layer when it is there.
    Without a `compressor` it is the fastest.

    Raises:
        TryAgain: files changed while they were read; nothing of their layer is kept.
        Refused: a file can't be read.
        CannotWrite: the store's disk is full.
        InvalidInput: the set does not fit on the base.
    """
    builder = _Builder(store, report, compressor or fastest())
    lower = Lower(base, builder.compressor)
    layers: list[Layer] = []
    for file_set in file_sets:
        known = lower.recall(file_set, store)
        if known is not None:
            builder.report_all(file_set)
            lower.put(file_set.entries)
        for layer in builder.parts(file_set.whole(), lower) if known is None else known:
            layers.append(layer)
            finished(layer.descriptor)
        lower.end(file_set)
    return tuple(layers)


def _may_have_deltas(file_set: FileSet) -> bool:
    # Of an exact set not: its whiteouts mean what lies below, not its own last layers.
    return bool(
        file_set.fingerprint and file_set.size >= SMALLEST_WITH_DELTAS and not file_set.exact
    )


def known_sets(
    file_sets: Sequence[FileSet], base: BaseImage, store: BlobStore, compressor: Compressor
) -> tuple[bool, ...]:
    """Return for each set whether the store has its layers; nothing is read or built."""
    lower = Lower(base, compressor)
    known: list[bool] = []
    for file_set in file_sets:
        found = lower.recall(file_set, store) is not None
        if not found:
            lower.replace(file_set)
            placed = place(file_set.entries, lower.ground)
            keys = keys_of(file_set, placed, compressor)
            found = bool(file_set.fingerprint) and any(map(store.recall_record, keys[:2]))
        known.append(found)
        lower.put(file_set.entries)
        lower.end(file_set)
    return tuple(known)


@dataclass(frozen=True, slots=True)
class _Builder:
    store: BlobStore
    report: Report
    compressor: Compressor

    def parts(self, file_set: FileSet, lower: Lower) -> Iterator[Layer]:
        """Yield the layers of a set as the next one on `lower`."""
        layers: list[Layer] = []
        key, moved = lower.key(file_set), False
        for part in split_file_set(file_set):
            lower.replace(part)
            placed = place(part.entries, lower.ground)
            deltas = _may_have_deltas(part)
            for layer in self.stack(part, placed, lower) if deltas else [self.whole(part, placed)]:
                layers.append(layer)
                yield layer
            lower.put(placed.entries)
            moved = moved or bool(placed.links)
        lower.keep(key, layers, self.store, moved=moved)

    def whole(self, file_set: FileSet, placed: Placed) -> Layer:
        """Return the layer of all entries, from the store if possible."""
        if not file_set.fingerprint:
            return _named(self.write(file_set.name, placed.entries), file_set.name)
        key = keys_of(file_set, placed, self.compressor).layer
        layer = self.store.recall(key)
        if layer:
            self.report_all(file_set)
        else:
            layer = self.write(file_set.name, placed.entries)
            self.store.remember(key, layer, _made_from(file_set))
        return _named(layer, file_set.name)

    def stack(self, file_set: FileSet, placed: Placed, lower: Lower) -> Iterator[Layer]:
        """Yield known layers, and a delta, or a new one; what is kept of it is written after."""
        _, key, last_key = keys_of(file_set, placed, self.compressor)
        known = self.store.recall_record(key)
        if known:
            self.report_all(file_set)
            yield from (_named(layer_from_json(item), file_set.name) for item in known["layers"])
            return
        last = self.store.recall_record(last_key)
        stack = last and self.grown(Stack.from_json(last), file_set, placed, lower.beneath)
        if not stack:
            layer = self.whole(file_set, placed)
            yield layer
            size = bytes_to_read(placed.entries)
            stack = Stack(layers=(layer,), sizes=(size,), content=describe(placed.entries))
        else:
            yield from (_named(layer, file_set.name) for layer in stack.layers)
        layers = list(map(layer_to_json, stack.layers))
        record = {"layers": layers, "made_from": _made_from(file_set)}
        self.store.remember_record(key, record, stack.layers)
        self.store.remember_record(last_key, stack.to_json(), stack.layers)

    def grown(
        self, stack: Stack, file_set: FileSet, placed: Placed, beneath: Beneath
    ) -> Stack | None:
        """Return the stack with what changed on it; None if it has to be built anew."""
        same, unknown = stack.touched(placed.entries)
        if unknown:
            same |= with_same_content(unknown, stack.layers, self.store)
        delta = stack.delta(placed.entries, beneath, same)
        if delta is None:
            return None
        times = {entry[0]: entry[4] for entry in placed.entries if entry[0] in same}
        if not delta.entries:
            self.report_all(file_set)
            return replace(stack, times=times)
        return Stack(
            layers=(*stack.layers, self.write(file_set.name, delta.entries)),
            sizes=(*stack.sizes, bytes_to_read(delta.entries)),
            content=delta.content,
            times=times,
        )

    def write(self, name: str, entries: tuple[FileEntry, ...]) -> Layer:
        total = bytes_to_read(entries)

        def tell(done: int) -> None:
            self.report(Progress(stage="layer", message=name, done=done, total=total, unit="bytes"))

        def blocks() -> Iterator[bytes]:
            done = 0
            for block in tar.blocks(entries):
                yield block
                done += len(block)
                tell(min(done, total))

        expected = int(total * _USUAL_RATIO)
        with self.store.write(expected) as blob, read_ahead(entries):
            done = compress(blocks(), blob.write, self.compressor)
            blob.keep(done.digest)
        tell(total)
        media_type = self.compressor.media_type
        descriptor = Descriptor(media_type=media_type, digest=done.digest, size=done.size)
        return Layer(descriptor, done.diff_id)

    def report_all(self, file_set: FileSet) -> None:
        size = file_set.size
        self.report(
            Progress(stage="layer", message=file_set.name, done=size, total=size, unit="bytes")
        )


def _named(layer: Layer, name: str) -> Layer:
    return replace(layer, descriptor=replace(layer.descriptor, annotations={LAYER: name}))


def _made_from(file_set: FileSet) -> dict[str, Any]:
    """Return what people who look into the store's records may want to know."""
    return {
        "name": file_set.name,
        "fingerprint": file_set.fingerprint,
        "files": file_set.count,
        "bytes": file_set.size,
    }


class Keys(NamedTuple):
    """Of the records of a set that lands in one way: a layer, layers, and the latest of its name.

    Of the base only what decided on the targets counts: other bases are served as well.
    """

    layer: str
    stack: str
    last: str


def keys_of(file_set: FileSet, placed: Placed, compressor: Compressor) -> Keys:
    """Return under which keys the store knows a set's layers; without a fingerprint it does not."""
    decided = json.dumps([placed.links, placed.parents, file_set.compiled])
    landing = hashlib.sha256(decided.encode()).hexdigest()
    ending = f"{landing} format {tar.FORMAT} {compressor.name}"
    first = file_set.entries[0].target if file_set.entries else ""
    return Keys(
        f"layer {file_set.fingerprint} {ending}",
        f"stack {file_set.fingerprint} {ending}",
        f"latest {file_set.name} {first} {ending}",
    )


def bytes_to_read(entries: Iterable[FileEntry]) -> int:
    """Return the bytes of all files, those of hard links once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for entry in entries:
        if entry.inode not in seen:
            total += entry.size
        if entry.inode:
            seen.add(entry.inode)
    return total
