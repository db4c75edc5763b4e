"""The folders and symbolic links of an image, merged over its layers with whiteouts respected."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kernel_containers.errors import Unavailable
from kernel_containers.image.compress import decompressed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel_containers.image.inventory import Inventory

# https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_READ_AT_ONCE = 1024**2  # bytes
_IMPLIED = (0o755, 0, 0)  # what an engine makes of a folder that a layer only implies


@dataclass(slots=True)
class _Folder:
    attributes: tuple[int, int, int] = _IMPLIED  # mode, user, group
    children: dict[str, _Folder | str | None] = field(default_factory=dict)
    opaque: bool = False


class Tree:
    """What is known after some layers. Children are folders, or the text of a link.

    In a layer's own tree None stands for all that only takes a place: a file, a whiteout.
    """

    def __init__(self) -> None:
        self._root = _Folder()

    def put(self, layer: Tree) -> None:
        """Lay a layer's tree over this one."""
        _merge(self._root, layer._root)

    def add(self, member: tarfile.TarInfo) -> None:
        """Enter a member of a layer's archive."""
        parts = [part for part in member.name.split("/") if part not in ("", ".")]
        if not parts:
            return
        parent, name = self._folder(parts[:-1]), parts[-1]
        if name == _OPAQUE:
            parent.opaque = True
        elif name.startswith(_WHITEOUT):
            parent.children.setdefault(name.removeprefix(_WHITEOUT), None)
        elif member.isdir():
            attributes = (member.mode & 0o7777, member.uid, member.gid)
            self._folder(parts).attributes = attributes
        elif member.issym():
            parent.children[name] = member.linkname
        elif member.islnk():
            found = self._find(member.linkname)
            parent.children[name] = found if isinstance(found, str) else None
        else:
            parent.children[name] = None

    def _folder(self, parts: list[str]) -> _Folder:
        here = self._root
        for part in parts:
            there = here.children.get(part)
            if not isinstance(there, _Folder):
                there = here.children[part] = _Folder()
            here = there
        return here

    def _find(self, path: str) -> _Folder | str | None:
        here: _Folder | str | None = self._root
        for part in path.split("/"):
            if part not in ("", "."):
                here = here.children.get(part) if isinstance(here, _Folder) else None
        return here

    def links(self) -> dict[str, str]:
        """Return the text of each symbolic link by its absolute path."""
        return {path: node for path, node in _walk(self._root, "") if isinstance(node, str)}

    def folders(self) -> dict[str, tuple[int, int, int]]:
        """Return mode, user and group of each folder by its absolute path, without `/`."""
        return {
            path: node.attributes
            for path, node in _walk(self._root, "")
            if isinstance(node, _Folder)
        }


def _merge(lower: _Folder, upper: _Folder) -> None:
    lower.attributes = upper.attributes
    for name, node in upper.children.items():
        if isinstance(node, _Folder):
            below = lower.children.get(name)
            if node.opaque or not isinstance(below, _Folder):
                below = lower.children[name] = _Folder()
            _merge(below, node)
        elif node is None:
            lower.children.pop(name, None)
        else:
            lower.children[name] = node


def _walk(folder: _Folder, path: str) -> Iterator[tuple[str, _Folder | str]]:
    for name, node in folder.children.items():
        below = f"{path}/{name}"
        if node is not None:
            yield below, node
        if isinstance(node, _Folder):
            yield from _walk(node, below)


def read_layer(blob: Path, inventory: Inventory) -> Tree:
    """Return the tree of one gzip layer, and add to `inventory` what it tells of packages.

    Raises:
        Unavailable: it is not a tar archive.
    """
    layer = Tree()
    try:
        with (
            decompressed(blob) as file,
            tarfile.open(
                fileobj=file, mode="r|", bufsize=_READ_AT_ONCE, encoding="utf-8"
            ) as archive,
        ):
            for member in archive:
                layer.add(member)
                inventory.add(member, archive.extractfile)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise Unavailable(f"The layer {blob.name} can't be read.", why=str(error)) from error
    inventory.end_layer()
    return layer
