"""A short text that stays the same while files stay the same, without reading them."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from kernel_containers.core.snapshot import FileEntry, FileKind

if TYPE_CHECKING:
    from collections.abc import Iterable


def fingerprint(entries: Iterable[FileEntry]) -> str:
    """Return the hash of path, type, mode, size, time and link of all entries, in their order.

    What is in `__pycache__` does not count: importing a package writes it. Content that stands
    in an entry counts instead of its time. Only a changed file whose size and time were put
    back goes unseen.
    """
    file, link, root = FileKind.FILE, FileKind.LINK, (0, 0)
    lines: list[str] = []
    for target, kind, mode, size, mtime_ns, _, to, _, content, writable, owner, able in entries:
        if "/__pycache__" in target:
            continue
        rights = f"{mode:o}{'w' if writable else ''}{'' if owner == root else owner}{able.hex()}"
        if kind is file:
            seen = mtime_ns if content is None else hashlib.sha256(content).hexdigest()
            lines.append(f"{target}\0f{rights} {size} {seen}")
        elif kind is link:
            lines.append(f"{target}\0l{to}")
        else:
            lines.append(f"{target}\0d{rights}")
    return hashlib.sha256(os.fsencode("\0\n".join(lines))).hexdigest()
