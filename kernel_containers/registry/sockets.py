"""The open connections of one HTTP client, so that a cancelled operation need not wait for them."""

from __future__ import annotations

import contextlib
import socket
import threading
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPENED = frozenset({"connection.connect_tcp.complete", "connection.start_tls.complete"})


class Sockets:
    """Remembers sockets as httpcore opens them; pass `trace` as the extension of that name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Take note of a connection."""
        if event in _OPENED:
            opened = info["return_value"].get_extra_info("socket")
            with self._lock:
                self._open.add(opened)

    def shut(self) -> None:
        """End all connections, also those that another thread reads from or writes to.

        Closing would not wake that thread, and its number could already belong to another file.
        """
        with self._lock:
            opened = list(self._open)
        for each in opened:
            with contextlib.suppress(OSError):
                # Not SSLSocket's own method, which takes the TLS object away from the reader.
                socket.socket.shutdown(each, socket.SHUT_RDWR)
