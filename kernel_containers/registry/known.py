"""Which blobs registries were seen to hold: a hint that saves round trips, never the truth."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from typing import TYPE_CHECKING, Any

from kernel_containers.core.digest import Digest
from kernel_containers.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from kernel_containers.core.reference import Repository

MOST_BLOBS = 500  # per repository, the latest; an image has at most 127
MOST_REPOSITORIES = 200

_Known = dict[str, dict[str, list[str]]]  # host → repository → digests, oldest first


class KnownBlobs:
    """Kept in a JSON file that may be deleted at any time. Threads may share it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()

    def hosts(self) -> set[str]:
        """Return the registries that were pushed to."""
        return set(self._read())

    def of(self, repository: Repository) -> frozenset[Digest]:
        """Return what a repository held when it was last pushed to; empty when never."""
        known = self._read().get(repository.host, {}).get(repository.path, [])
        return frozenset(map(Digest.parse, known))

    def source(self, digest: Digest, *, but: Repository) -> str | None:
        """Return another repository on the same host that held a blob, the latest first."""
        paths = self._read().get(but.host, {})
        for path in reversed(paths):
            if path != but.path and str(digest) in paths[path]:
                return path
        return None

    def remember(self, repository: Repository, digests: Iterable[Digest]) -> None:
        """Add what a repository was just seen to hold."""
        new = [str(digest) for digest in digests]
        with self._lock:
            known = self._read()
            paths = known.setdefault(repository.host, {})
            kept = [text for text in paths.pop(repository.path, []) if text not in new]
            paths[repository.path] = [*kept, *new][-MOST_BLOBS:]
            known[repository.host] = dict(list(paths.items())[-MOST_REPOSITORIES:])
            self._write(known)

    def forget(self, repository: Repository, digests: Iterable[Digest]) -> None:
        """Remove what a repository turned out not to hold."""
        gone = {str(digest) for digest in digests}
        with self._lock:
            known = self._read()
            paths = known.get(repository.host, {})
            if repository.path in paths:
                paths[repository.path] = [t for t in paths[repository.path] if t not in gone]
                self._write(known)

    def _read(self) -> _Known:
        try:
            value = json.loads(self._file.read_bytes())
            _check(value)
        except (OSError, ValueError, AttributeError, TypeError, InvalidInput):
            return {}  # without hints everything is asked for
        known: _Known = value
        return known

    def _write(self, known: _Known) -> None:
        new = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        # A machine that can't store hints pushes all the same.
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(json.dumps(known))
            new.replace(self._file)


def _check(value: Any) -> None:
    for paths in value.values():
        for digests in paths.values():
            for text in digests:
                Digest.parse(text)
