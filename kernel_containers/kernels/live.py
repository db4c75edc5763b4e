"""Which container a running kernel has.

Labels alone do not tell: a container from the pool got its labels before it got a kernel. Its
name can be changed, so every kernel's container carries its kernel and notebook there.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import TYPE_CHECKING

from kernel_containers.core import labels
from kernel_containers.engine import containers

if TYPE_CHECKING:
    from kernel_containers.engine import Engine
    from kernel_containers.engine.containers import Found

_NAME = re.compile(r"kernel-(?P<kernel>.+)-(?P<notebook>[0-9a-f]{16})-[0-9a-f]{4}")


def container_name(kernel_id: str, notebook: str | None) -> str:
    """Return a new name for the container of a kernel."""
    return f"kernel-{kernel_id}-{_mark(notebook)}-{secrets.token_hex(2)}"


def find_live(
    engine: Engine, *, kernel_id: str | None = None, notebook: str | None = None
) -> list[Found]:
    """Return the running containers of a kernel, or of a notebook's kernels, newest first.

    `notebook` is an absolute path. With neither, all kernels' containers are returned.

    Raises:
        Unavailable: the engine does not answer.
    """
    found = []
    for container in containers.find(engine, {labels.KIND: None}):
        name = _NAME.fullmatch(container.name)
        if (
            container.state == "running"
            and name
            and kernel_id in (None, name["kernel"])
            and (notebook is None or _mark(notebook) == name["notebook"])
        ):
            found.append(container)
    return found


def _mark(notebook: str | None) -> str:
    return hashlib.sha256((notebook or "").encode()).hexdigest()[:16]
