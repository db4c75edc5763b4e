"""Blobs on this machine's disk, and records of what they were made from.

Below the root lies an OCI image layout without images (`oci-layout`, `index.json`,
`blobs/sha256/<hex>`), and beside it `records/` and `temporary/`. Whatever appears under its
final name is whole: it was renamed there. So several processes may share a store, and a killed
one leaves nothing but a temporary file, whose name tells whose it was.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from kernel_containers.core.digest import Digest
from kernel_containers.core.oci import Layer
from kernel_containers.core.oci_json import canonical, descriptor_from_json, descriptor_to_json
from kernel_containers.core.owner import owner_token
from kernel_containers.errors import InvalidInput
from kernel_containers.image.disk import check_space, writing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_PIECE = 4096  # members of an object that are written at once
LAYOUT_FILES = {
    "oci-layout": canonical({"imageLayoutVersion": "1.0.0"}),
    "index.json": canonical({"schemaVersion": 2, "manifests": []}),
}


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
        self.records = root / "records"
        self.temporary = root / "temporary"
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
        check_space(self.temporary, expected)
        temporary = self.temporary / f"{owner_token()}-{secrets.token_hex(8)}"
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
            record = _parsed(data)
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
        self._replace(self._record_path(key), _written(record))

    def forget(self, keys: Iterable[str]) -> None:
        """Remove what was remembered under `keys`; blobs stay."""
        for key in keys:
            path = self._record_path(key)
            with writing(path):
                path.unlink(missing_ok=True)

    def _touch(self, digest: Digest) -> None:
        with suppress(OSError):  # a read-only store is still good to read
            os.utime(self.path(digest))

    def _record_path(self, key: str) -> Path:
        return self.records / f"{hashlib.sha256(key.encode()).hexdigest()}.json"

    def _prepare(self) -> None:
        if self._prepared:
            return
        with writing(self.root):
            # Only this user: layers hold the user's files.
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.blobs / "sha256", self.records, self.temporary):
                folder.mkdir(parents=True, exist_ok=True)
        for name, data in LAYOUT_FILES.items():
            if not (self.root / name).exists():
                self._replace(self.root / name, data)
        self._prepared = True

    def _replace(self, path: Path, data: bytes) -> None:
        temporary = self.temporary / f"{owner_token()}-{secrets.token_hex(8)}"
        try:
            with writing(path):
                temporary.write_bytes(data)
                temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def record_head(data: bytes) -> dict[str, Any]:
    """Return the first line of a record, which tells all but large members of its value.

    Raises:
        ValueError: it is damaged.
    """
    head: dict[str, Any] = json.loads(data.partition(b"\n")[0])
    return head


def _written(record: Mapping[str, Any]) -> bytes:
    """Return a record as lines: its large members follow in pieces.

    One call of json.dumps() or loads() lets no other thread run: 0.25 s for 130,000 files.
    """
    large = {
        name: member
        for name, member in record["value"].items()
        if isinstance(member, Mapping) and len(member) > _PIECE
    }
    value = {name: {} if name in large else member for name, member in record["value"].items()}
    pieces = [
        [name, dict(piece)] for name, member in large.items() for piece in _pieces(member.items())
    ]
    head = {**record, "value": value, "pieces": len(pieces)}
    # Not in UTF-8: names of files may have surrogates.
    return "\n".join(map(json.dumps, [head, *pieces])).encode("ascii")


def _parsed(data: bytes) -> dict[str, Any]:
    head = record_head(data)
    lines = data.split(b"\n")[1:]
    if len(lines) != head["pieces"]:
        raise ValueError("a record was cut")
    for line in lines:
        name, piece = json.loads(line)
        head["value"][name].update(piece)
    return head


def _pieces(items: Iterable[tuple[str, Any]]) -> Iterator[list[tuple[str, Any]]]:
    rest = iter(items)
    while piece := list(itertools.islice(rest, _PIECE)):
        yield piece


def layer_to_json(layer: Layer) -> dict[str, Any]:
    """Return the object that `layer_from_json` reads."""
    return {"descriptor": descriptor_to_json(layer.descriptor), "diff_id": str(layer.diff_id)}


def layer_from_json(value: Mapping[str, Any]) -> Layer:
    """Read a layer.

    Raises:
        InvalidInput: a member has a wrong value. KeyError, TypeError: one is missing.
    """
    return Layer(descriptor_from_json(value["descriptor"]), Digest.parse(value["diff_id"]))
