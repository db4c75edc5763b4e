"""Blobs on this machine's disk, and records of what they were made from.

Below the root lies an OCI image layout without images (`oci-layout`, `index.json`,
`blobs/sha256/<hex>`), and beside it `records/` and `temporary/`. Whatever appears under its
final name is whole: it was renamed there. So several processes may share a store, and a killed
one leaves nothing but a temporary file.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel_containers.core.digest import Digest
from kernel_containers.core.oci import Layer
from kernel_containers.core.oci_json import canonical, descriptor_from_json, descriptor_to_json
from kernel_containers.errors import InvalidInput
from kernel_containers.image.disk import check_space, writing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

STALE = 24 * 3600.0  # seconds after which a temporary file belongs to nobody
LAYOUT_FILES = {
    "oci-layout": canonical({"imageLayoutVersion": "1.0.0"}),
    "index.json": canonical({"schemaVersion": 2, "manifests": []}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a store holds; `size` counts the bytes of blobs and of unfinished ones."""

    blobs: int
    records: int
    size: int


class BlobWriter:
    """A blob that is being written; `keep` gives it its name."""

    def __init__(self, file: int, temporary: Path, store: BlobStore) -> None:
        self._file = file
        self._temporary = temporary
        self._store = store

    def write(self, data: bytes) -> None:
        """Append `data`.

        Raises:
            CannotWrite: the disk is full.
        """
        view = memoryview(data)
        with writing(self._temporary):
            while view:
                view = view[os.write(self._file, view) :]

    def keep(self, digest: Digest) -> Path:
        """Make what was written the blob of `digest`, which the caller has computed."""
        path = self._store.path(digest)
        with writing(path):
            self._temporary.replace(path)
        return path


class BlobStore:
    """A store below `root`, which need not exist yet."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = root / "blobs"
        self._records = root / "records"
        self._temporary = root / "temporary"
        self._prepared = False

    def path(self, digest: Digest) -> Path:
        """Return where the blob lies or would lie."""
        return self.blobs / digest.algorithm / digest.hex

    def has(self, digest: Digest, size: int | None = None) -> bool:
        """Whether the blob is there, and has `size` bytes if a size is given.

        The size matters after a power failure: files are not synchronized to the disk.
        """
        path = self.path(digest)
        with writing(path):
            try:
                found = path.stat().st_size
            except (FileNotFoundError, NotADirectoryError):
                return False
        return size is None or found == size

    def put(self, data: bytes) -> Digest:
        """Store a small blob."""
        digest = Digest.of(data)
        if self.has(digest, len(data)):
            self._touch(digest)
        else:
            with self.write() as blob:
                blob.write(data)
                blob.keep(digest)
        return digest

    @contextmanager
    def write(self, expected: int = 0) -> Iterator[BlobWriter]:
        """Give a writer for a blob of about `expected` bytes; not kept, it leaves nothing.

        Raises:
            CannotWrite: there is no room for it.
        """
        self._prepare()
        check_space(self._temporary, expected)
        temporary = self._temporary / f"{os.getpid()}-{secrets.token_hex(8)}"
        with writing(temporary):
            file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            yield BlobWriter(file, temporary, self)
        finally:
            os.close(file)
            temporary.unlink(missing_ok=True)

    def recall(self, key: str) -> Layer | None:
        """Return the layer that was remembered under `key`, if its blob is still there."""
        record = self.recall_record(key)
        if record is None:
            return None
        return layer_from_json(record["layer"])

    def remember(self, key: str, layer: Layer, made_from: Mapping[str, Any]) -> None:
        """Note that `key` gives `layer`; `made_from` is for people who look into the records."""
        record = {"layer": layer_to_json(layer), "made_from": dict(made_from)}
        self.remember_record(key, record, [layer])

    def recall_record(self, key: str) -> dict[str, Any] | None:
        """Return a remembered JSON object, if all blobs that it is about are still there.

        They count as used now.
        """
        path = self._record_path(key)
        with writing(path):
            try:
                data = path.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None
        try:
            record = json.loads(data)
            layers = [layer_from_json(layer) for layer in record["layers"]]
            value = record["value"]
        except (ValueError, KeyError, TypeError, InvalidInput):
            # Cut by a power failure, or from another release: the same as not there.
            with suppress(OSError):
                path.unlink()
            return None
        if record.get("key") != key or not isinstance(value, dict):
            return None
        blobs = [layer.descriptor for layer in layers]
        if not all(self.has(blob.digest, blob.size) for blob in blobs):
            return None
        for blob in blobs:
            self._touch(blob.digest)
        return value

    def remember_record(self, key: str, value: Mapping[str, Any], layers: Sequence[Layer]) -> None:
        """Keep a JSON object under `key` as long as the blobs of `layers` are there."""
        self._prepare()
        record = {"key": key, "layers": [layer_to_json(layer) for layer in layers], "value": value}
        # Not in UTF-8: names of files may have surrogates.
        self._replace(self._record_path(key), json.dumps(record).encode("ascii"))

    def usage(self) -> Usage:
        """Return how much the store holds."""
        blobs = list(_files(self.blobs))
        unfinished = list(_files(self._temporary))
        return Usage(
            blobs=len(blobs),
            records=sum(1 for _ in _files(self._records)),
            size=sum(found.st_size for _, found in [*blobs, *unfinished]),
        )

    def clear(self, max_bytes: int = 0, *, unused_for: float = 0.0) -> int:
        """Remove the least recently used blobs until `max_bytes` are left; return bytes removed.

        Blobs used in the last `unused_for` seconds stay. Records whose blobs are gone go too.
        """
        self._sweep(unused_for)
        blobs = sorted(_files(self.blobs), key=lambda item: item[1].st_mtime_ns)
        left = sum(found.st_size for _, found in blobs)
        before = left
        newest = time.time() - unused_for
        for path, found in blobs:
            if left <= max_bytes or found.st_mtime > newest:
                break
            path.unlink(missing_ok=True)
            left -= found.st_size
        for path, _ in _files(self._records):
            self._forget_if_gone(path)
        return before - left

    def _forget_if_gone(self, path: Path) -> None:
        try:
            layers = json.loads(path.read_bytes())["layers"]
            kept = all(self.has(layer_from_json(layer).descriptor.digest) for layer in layers)
        except (OSError, ValueError, KeyError, TypeError, InvalidInput):
            kept = False
        if not kept:
            path.unlink(missing_ok=True)

    def _touch(self, digest: Digest) -> None:
        with suppress(OSError):  # a read-only store is still good to read
            os.utime(self.path(digest))

    def _record_path(self, key: str) -> Path:
        return self._records / f"{hashlib.sha256(key.encode()).hexdigest()}.json"

    def _prepare(self) -> None:
        if self._prepared:
            return
        with writing(self.root):
            # Only this user: layers hold the user's files.
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.blobs / "sha256", self._records, self._temporary):
                folder.mkdir(parents=True, exist_ok=True)
        for name, data in LAYOUT_FILES.items():
            if not (self.root / name).exists():
                self._replace(self.root / name, data)
        self._sweep(STALE)
        self._prepared = True

    def _replace(self, path: Path, data: bytes) -> None:
        temporary = self._temporary / f"{os.getpid()}-{secrets.token_hex(8)}"
        try:
            with writing(path):
                temporary.write_bytes(data)
                temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def _sweep(self, age: float) -> None:
        """Remove temporary files that nobody has written to for `age` seconds, an hour at least."""
        newest = time.time() - max(age, 3600.0)
        for path, found in _files(self._temporary):
            if found.st_mtime < newest:
                path.unlink(missing_ok=True)


def layer_to_json(layer: Layer) -> dict[str, Any]:
    """Return the object that `layer_from_json` reads."""
    return {"descriptor": descriptor_to_json(layer.descriptor), "diff_id": str(layer.diff_id)}


def layer_from_json(value: Mapping[str, Any]) -> Layer:
    """Read a layer.

    Raises:
        InvalidInput: a member has a wrong value. KeyError, TypeError: one is missing.
    """
    return Layer(descriptor_from_json(value["descriptor"]), Digest.parse(value["diff_id"]))


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield the files below a folder that may not exist, while others may remove some."""
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            with suppress(FileNotFoundError):
                yield path, path.stat()
