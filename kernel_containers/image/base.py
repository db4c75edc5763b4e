"""The image that others are built on, as the store keeps it.

The engine hands it out uncompressed (`docker save`); each layer is compressed once. A registry
hands out the layers as they were pushed. What later layers must know of its file system is kept
beside: symbolic links, and folders with their modes.
"""

from __future__ import annotations

import functools
from dataclasses import astuple, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from kernel_containers.core.digest import Digest
from kernel_containers.core.oci import DOCKER_LAYER, LAYER_GZIP
from kernel_containers.core.oci_json import config_from_json, read_object
from kernel_containers.core.progress import Progress, Report
from kernel_containers.engine import images
from kernel_containers.errors import InvalidInput, NotFound
from kernel_containers.image.archive import SavedImage, read_archive
from kernel_containers.image.compress import fastest
from kernel_containers.image.inventory import Inventory, Package, read_packages, read_system
from kernel_containers.image.placement import Ground
from kernel_containers.image.store import layer_from_json, layer_to_json
from kernel_containers.image.tree import Tree, read_layer
from kernel_containers.image.upkeep import in_use

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kernel_containers.core.oci import BuiltImage, ImageConfig, Layer
    from kernel_containers.engine import Engine
    from kernel_containers.image.store import BlobStore

ROOT = (0, 0)
_FORMAT = 3  # of the record: raise it when it changes


@dataclass(frozen=True)
class BaseImage:
    """An image whose layers are in the store.

    `links` maps the absolute path of each symbolic link to its text, `folders` that of each
    folder to its mode, and `owners` that of each folder which is not root's to the numbers of
    its user and group. `/` is in none of them. `packages` are those in its layers, and `system`
    the name of the distribution whose they are.
    """

    name: str
    id: Digest
    config: ImageConfig
    layers: tuple[Layer, ...]
    links: Mapping[str, str]
    folders: Mapping[str, int]
    owners: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    packages: tuple[Package, ...] = ()
    system: str = ""

    @functools.cached_property
    def ground(self) -> Ground:
        """What the first layer on this image has to respect."""
        attributes = {
            path: (mode, *self.owners.get(path, ROOT)) for path, mode in self.folders.items()
        }
        return Ground(self.links, attributes)


def import_base(engine: Engine, image: str, store: BlobStore, report: Report) -> BaseImage:
    """Return an image of the engine with all its layers in the store.

    The same image id is read from the engine only once, as long as the store keeps its blobs.

    Raises:
        NotFound: the engine has no such image.
        Unavailable: the engine's archive is cut, or does not match the image's own digests.
        CannotWrite: the store's disk is full.
    """
    found = images.inspect(engine, image)
    if found is None:
        raise NotFound(
            f"The engine has no image {image}.", todo=f"pull it first: `docker pull {image}`"
        )
    key = _key(found.id)
    with in_use(store):
        record = store.recall_record(key)
        if record is None:
            chunks = _counted(images.save(engine, [str(found.id)]), image, found.size, report)
            saved = read_archive(chunks, store)
            record = _record(saved, store)
            store.remember_record(key, record, saved.layers)
    return _from_record(image, found.id, record)


def recall_pulled(name: str, digest: Digest, store: BlobStore) -> BaseImage | None:
    """Return what `keep_pulled` has kept of an image, as long as the store has its blobs."""
    record = store.recall_record(_pulled_key(digest))
    return _from_record(name, Digest.parse(record["id"]), record) if record else None


def keep_pulled(name: str, digest: Digest, image: BuiltImage, store: BlobStore) -> BaseImage:
    """Return an image whose blobs a registry has brought into the store, as a base.

    `digest` is what it was asked for by: its own, or that of an index.

    Raises:
        InvalidInput: it has layers that are not of gzip, which old engines can't read.
        Unavailable: a layer is damaged.
    """
    layers = tuple(map(_as_oci, image.layers))
    config = read_object(image.config_bytes, f"The config of {name}")
    image_id = image.manifest.config.digest
    record = {"id": str(image_id), **_record(SavedImage(config=config, layers=layers), store)}
    store.remember_record(_pulled_key(digest), record, layers)
    # Where the engine gets it as well, it does not have to hand it out.
    store.remember_record(_key(image_id), record, layers)
    return _from_record(name, image_id, record)


def _key(image_id: Digest) -> str:
    return f"base {_FORMAT} {image_id} {fastest().name}"


def _pulled_key(digest: Digest) -> str:
    return f"pulled base {_FORMAT} {digest}"


def _as_oci(layer: Layer) -> Layer:
    if layer.descriptor.media_type not in (LAYER_GZIP, DOCKER_LAYER):
        raise InvalidInput(
            "The base image has a layer that is not compressed with gzip.",
            why=f"its type is {layer.descriptor.media_type}",
            todo="choose or build a base image with gzip layers",
        )
    return replace(layer, descriptor=replace(layer.descriptor, media_type=LAYER_GZIP))


def _counted(chunks: Iterable[bytes], image: str, total: int, report: Report) -> Iterator[bytes]:
    done = 0
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        report(
            Progress(stage="base", message=image, done=min(done, total), total=total, unit="bytes")
        )


def _record(saved: SavedImage, store: BlobStore) -> dict[str, Any]:
    tree, inventory = Tree(), Inventory()
    for layer in saved.layers:
        tree.put(read_layer(store.path(layer.descriptor.digest), inventory))
    folders = tree.folders()
    return {
        "config": saved.config,
        "layers": [layer_to_json(layer) for layer in saved.layers],
        "links": tree.links(),
        "folders": {path: mode for path, (mode, *_) in folders.items()},
        "owners": {path: owner for path, (_, *owner) in folders.items() if any(owner)},
        "packages": [astuple(package) for package in read_packages(inventory.documents)],
        "system": read_system(inventory.documents),
    }


def _from_record(name: str, image_id: Digest, record: dict[str, Any]) -> BaseImage:
    owners = record["owners"].items()
    return BaseImage(
        name=name,
        id=image_id,
        config=config_from_json(record["config"]),
        layers=tuple(layer_from_json(layer) for layer in record["layers"]),
        links=record["links"],
        folders=record["folders"],
        owners={path: (user, group) for path, (user, group) in owners},
        packages=tuple(Package(*package) for package in record["packages"]),
        system=record["system"],
    )
