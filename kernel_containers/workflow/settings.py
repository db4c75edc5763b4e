"""Where this user's things are, read once from the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_containers.core.containers import parse_size
from kernel_containers.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`cache` holds blobs, records and the runner's packages; it can be deleted at any time."""

    cache: Path
    environ: Mapping[str, str]
    cache_limit: int = 20 * 1024**3  # bytes of blobs; more than that the least recently used go
    base: str | None = None  # the base image to prefer over one chosen by the operating system

    @property
    def store(self) -> Path:
        """The folder of the blob store."""
        return self.cache / "store"

    @property
    def known_blobs(self) -> Path:
        """The file that remembers what registries hold."""
        return self.cache / "known-blobs.json"

    @property
    def runner(self) -> Path:
        """The folder of the runner's packages."""
        return self.cache / "runner"


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of this process's environment.

    The cache is KERNEL_CONTAINERS_CACHE, else `kernel-containers` below XDG_CACHE_HOME or
    ~/.cache; the most that its blobs may take is KERNEL_CONTAINERS_CACHE_LIMIT (20g); the base
    image is KERNEL_CONTAINERS_BASE.

    Raises:
        UsageError: nobody says where the cache is, and this user has no home folder.
        InvalidInput: the limit is no size.
    """
    environ = os.environ if environ is None else environ
    cache = environ.get("KERNEL_CONTAINERS_CACHE")
    return Settings(
        cache=Path(cache).absolute() if cache else _caches(environ) / "kernel-containers",
        environ=environ,
        cache_limit=parse_size(environ.get("KERNEL_CONTAINERS_CACHE_LIMIT") or "20g"),
        base=environ.get("KERNEL_CONTAINERS_BASE") or None,
    )


def _caches(environ: Mapping[str, str]) -> Path:
    if folder := environ.get("XDG_CACHE_HOME"):
        return Path(folder)
    try:
        return Path(environ.get("HOME") or Path.home()) / ".cache"
    except RuntimeError as error:
        raise UsageError(
            "This user has no home folder.",
            why=str(error),
            todo="set HOME, or KERNEL_CONTAINERS_CACHE to a folder for cached data",
        ) from error
