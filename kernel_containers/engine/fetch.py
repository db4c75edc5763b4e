"""Folders out of containers, which may have ended."""

from __future__ import annotations

import tarfile
import tempfile
from typing import TYPE_CHECKING

from kernel_containers.engine.client import engine_errors

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.engine.client import Engine


def fetch_folder(engine: Engine, container: str, path: str, to: Path) -> Path:
    """Copy a container's folder into the folder `to`; return where it is then.

    Raises:
        NotFound, Unavailable: what the engine said.
        OSError: there is no room here, or no right to write.
    """
    with tempfile.TemporaryFile(dir=to) as file:
        with engine_errors(f"The engine was not able to read {path} in the container."):
            chunks, _ = engine.api.get_archive(container, path)
            file.writelines(chunks)
        file.seek(0)
        with tarfile.open(fileobj=file) as archive:
            archive.extractall(to, filter="data")
    return to / path.rstrip("/").rpartition("/")[2]
