"""What a container has changed of its image's files."""

from __future__ import annotations

import tarfile
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING

from kernel_containers.engine.chunks import readable
from kernel_containers.engine.client import Engine, engine_errors
from kernel_containers.engine.images import request
from kernel_containers.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Generator

_AT_ONCE = 1024**2  # bytes


class Kind(IntEnum):
    """What happened to a path, as the engine's API numbers it."""

    CHANGED = 0
    ADDED = 1
    DELETED = 2


def changes(engine: Engine, container: str) -> dict[str, Kind]:
    """Return what happened to each path; a folder counts as changed when something in it did.

    Raises:
        NotFound: there is no such container.
    """
    with engine_errors("The engine was not able to tell what a container has changed."):
        return {item["Path"]: Kind(item["Kind"]) for item in engine.api.diff(container) or ()}


@contextmanager
def archive(engine: Engine, container: str, path: str) -> Generator[tarfile.TarFile]:
    """Open a file, or a folder with all below it; names begin with the path's last part.

    Folders of the host that are mounted below it are read as well.

    Raises:
        NotFound: there is no such path any more.
        Unavailable: the archive is cut.
    """
    what = f"The engine was not able to read {path} of a container."
    with _opened(engine, f"/containers/{container}/archive", what, path=path) as opened:
        yield opened


@contextmanager
def export(engine: Engine, container: str) -> Generator[tarfile.TarFile]:
    """Open all files of a container without what is mounted in it; names have no leading slash.

    Raises:
        NotFound: there is no such container.
        Unavailable: the archive is cut.
    """
    what = "The engine was not able to read the files of a container."
    with _opened(engine, f"/containers/{container}/export", what) as opened:
        yield opened


@contextmanager
def _opened(engine: Engine, url: str, what: str, **params: str) -> Generator[tarfile.TarFile]:
    try:
        with (
            engine_errors(what),
            request(engine, "GET", url, params=params) as response,
            readable(response.iter_content(_AT_ONCE)) as stream,
            tarfile.open(fileobj=stream, mode="r|", bufsize=_AT_ONCE, encoding="utf-8") as opened,
        ):
            yield opened
    except (tarfile.TarError, EOFError) as error:
        raise Unavailable(what, why=f"its archive is cut: {error}", todo="try again") from error
