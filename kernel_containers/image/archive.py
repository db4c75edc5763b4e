"""The archive of `docker save`, read as a stream.

Engines before 25 write `<id>/layer.tar` and `<id>.json`; later ones `blobs/sha256/<hex>`, where a
blob may be a layer (tar or gzip) or JSON. Which is which, `manifest.json` tells at the very end.
So members are told apart by their first bytes, and layers go into the store as they come.
"""

from __future__ import annotations

import hashlib
import io
import posixpath
import tarfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from kernel_containers.core.digest import Digest
from kernel_containers.core.oci import INDEX, LAYER_GZIP, Descriptor, Layer
from kernel_containers.core.oci_json import Json, config_from_json, manifest_from_json, read_object
from kernel_containers.engine.chunks import readable
from kernel_containers.errors import InvalidInput, Unavailable
from kernel_containers.image.compress import ZSTD_MAGIC, compress, decompressed, fastest
from kernel_containers.image.tar import BLOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kernel_containers.image.store import BlobStore

_GZIP = b"\x1f\x8b"
_LARGEST_DOCUMENT = 16 * 1024**2  # bytes; configs and manifests have kilobytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedImage:
    """An image's config, as JSON, and its layers as they now lie in the store."""

    config: Json
    layers: tuple[Layer, ...]


def read_archive(chunks: Iterable[bytes], store: BlobStore) -> SavedImage:
    """Put the layers of a saved image into the store, gzip-compressed.

    Raises:
        Unavailable: the archive is cut or damaged, or its layers are not those of its config.
        InvalidInput: a layer is compressed with zstd.
        CannotWrite: the store's disk is full.
    """
    archive = _Archive(store)
    stream = readable(chunks)
    try:
        with tarfile.open(fileobj=stream, mode="r|", bufsize=BLOCK, encoding="utf-8") as members:
            for member in members:
                archive.take(member, members.extractfile)
        return archive.image()
    except (tarfile.TarError, EOFError, KeyError, IndexError, TypeError) as error:
        raise Unavailable(
            "The engine's archive of the image can't be read.", why=repr(error), todo="try again"
        ) from error


class _Archive:
    """What was seen of an archive so far, by member name."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self._documents: dict[str, bytes] = {}
        self._layers: dict[str, Layer] = {}
        self._aliases: dict[str, str] = {}

    def take(
        self, member: tarfile.TarInfo, extract: Callable[[tarfile.TarInfo], IO[bytes] | None]
    ) -> None:
        name = posixpath.normpath(member.name)
        if member.issym():
            # Before 25, a layer that occurs twice is a link to its first folder.
            self._aliases[name] = posixpath.normpath(
                posixpath.join(posixpath.dirname(name), member.linkname)
            )
        elif member.islnk():
            self._aliases[name] = posixpath.normpath(member.linkname)
        file = extract(member) if member.isreg() else None
        if not isinstance(file, io.BufferedReader):
            return
        start = file.peek(512)[:512]
        if start.startswith(ZSTD_MAGIC):
            raise InvalidInput(
                "The base image has a layer compressed with zstd.",
                why="engines before version 23 can't read it, so images on it would not run there",
                todo="choose or build a base image with gzip layers",
            )
        if start.startswith(_GZIP):
            self._layers[name] = self._keep(file)
        elif _is_tar(start):
            self._layers[name] = self._compress(file, member.size)
        elif member.size <= _LARGEST_DOCUMENT:
            self._documents[name] = file.read()

    def _compress(self, file: IO[bytes], size: int) -> Layer:
        with self._store.write(expected=size // 2) as blob:
            done = compress(_blocks(file), blob.write, fastest())
            blob.keep(done.digest)
        return Layer(
            Descriptor(media_type=LAYER_GZIP, digest=done.digest, size=done.size), done.diff_id
        )

    def _keep(self, file: IO[bytes]) -> Layer:
        blob_hash, size = hashlib.sha256(), 0
        with self._store.write() as blob:
            for block in _blocks(file):
                blob.write(block)
                blob_hash.update(block)
                size += len(block)
            digest = Digest("sha256", blob_hash.hexdigest())
            path = blob.keep(digest)
        tar_hash = hashlib.sha256()
        with decompressed(path) as tar:
            for block in _blocks(tar):
                tar_hash.update(block)
        return Layer(
            Descriptor(media_type=LAYER_GZIP, digest=digest, size=size),
            Digest("sha256", tar_hash.hexdigest()),
        )

    def image(self) -> SavedImage:
        if "manifest.json" in self._documents:
            found = read_object(b'{"all":%b}' % self._documents["manifest.json"], "manifest.json")
            entry = found["all"][0]
            config, names = self._documents[self._real(entry["Config"])], entry["Layers"]
        else:
            config, names = self._from_index()
        layers = tuple(self._layers[self._real(name)] for name in names)
        value = read_object(config, "The config of the engine's image")
        expected = config_from_json(value).diff_ids
        if tuple(layer.diff_id for layer in layers) != expected:
            raise Unavailable(
                "The engine handed out other layers than its image has.",
                why="their digests are not those of the image's config",
                todo="check the engine's disk, then pull the image again",
            )
        return SavedImage(config=value, layers=layers)

    def _real(self, name: str) -> str:
        name = posixpath.normpath(name)
        return self._aliases.get(name, name)

    def _from_index(self) -> tuple[bytes, list[str]]:
        value = read_object(self._documents["index.json"], "index.json")
        while "manifests" in value:
            # An index may stand in an index; platforms that the engine lacks have no blobs.
            found = [_blob_name(item["digest"]) for item in value["manifests"]]
            there = [name for name in found if name in self._documents]
            value = read_object(self._documents[there[0]], "A manifest of the engine's image")
        manifest = manifest_from_json(value, INDEX)
        names = [_blob_name(str(layer.digest)) for layer in manifest.layers]
        return self._documents[_blob_name(str(manifest.config.digest))], names


def _blob_name(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _is_tar(start: bytes) -> bool:
    # A layer without members has only the two blocks of zeros that end an archive.
    return start[257:262] == b"ustar" or (len(start) == 512 and not any(start))


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(BLOCK):
        yield block
