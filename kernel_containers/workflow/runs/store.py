"""What readers of runs ask of a place, whatever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import closing
from typing import TYPE_CHECKING, Protocol

from kernel_containers.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_containers.core.uris import Uri

BLOCK = 1024**2  # bytes; what stands in memory of a file that is handed on
LONGEST = 200 * 1000**2  # bytes of a file that is read as a whole
_SKIPPED = ("node_modules", "__pycache__")


def is_shown(name: str) -> bool:
    """Whether a file or folder of this name may belong to a run."""
    return bool(name) and not name.startswith(".") and name not in _SKIPPED


class Opened(Protocol):
    """A file as it was when it was opened, whatever is written there meanwhile; one thread's."""

    @property
    def size(self) -> int:
        """Its bytes."""
        ...

    @property
    def version(self) -> str:
        """A text that its next version will not have."""
        ...

    def blocks(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from `start` to before `stop`, all of them.

        Raises:
            TryAgain: the store keeps no old versions, and has a new one.
            Refused, Unavailable: the store's words are the cause.
        """
        ...

    def close(self) -> None:
        """Let it go."""
        ...


class Store(ABC):
    """What lies below a prefix. Called from several threads."""

    @abstractmethod
    def walk(self, prefix: Uri) -> Iterator[str]:
        """Yield the paths of all files below `prefix`, relative to it; no hidden ones.

        Raises:
            NotFound: the folder or bucket does not exist.
            Refused, Unavailable: the store's words are the cause.
        """

    @abstractmethod
    def open(self, uri: Uri) -> Opened | None:
        """Return a file to be closed, or None where it does not exist.

        Raises:
            Refused, Unavailable: the store's words are the cause.
        """

    def read(self, uri: Uri) -> bytes | None:
        """Return a file's bytes, or None where it does not exist.

        Raises:
            Refused, Unavailable: it is too large, or the store's words are the cause.
        """
        opened = self.open(uri)
        if opened is None:
            return None
        with closing(opened):
            if opened.size > LONGEST:
                why = f"it has more than {LONGEST // 1000**2} MB"
                raise Refused(f"{uri} is too large to be read here.", why=why)
            return b"".join(opened.blocks(0, opened.size))
