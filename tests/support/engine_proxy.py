"""A Unix socket before the engine's own whose connections can be cut, as when the engine stops."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from typing import Self

BLOCK = 64 * 1024
LONGEST_HOLD = 120.0  # seconds


class EngineProxy:
    """Passes bytes both ways until `stop`; `start` lets new connections in again."""

    def __init__(self, path: Path, engine: Path) -> None:
        self.path = path
        self._engine = engine
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
        for thread in self._threads:
            thread.join()

    def start(self) -> None:
        """Listen."""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        self._spawn(self._accept, self._listener)

    def stop(self) -> None:
        """Close all connections and go away; a second call does nothing."""
        if self._listener is None:
            return
        self.path.unlink()
        with self._lock:
            ending, self._open = [self._listener, *self._open], []
        self._listener = None
        for connection in ending:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _spawn(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                engine = socket.socket(socket.AF_UNIX)
                engine.connect(str(self._engine))
                with self._lock:
                    self._open += [client, engine]
                self._spawn(self._pass, client, engine)
                self._spawn(self._pass, engine, client)

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(BLOCK):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


class HeldEngine(EngineProxy):
    """It holds whoever sends or gets `words`, and `after` more bytes, until it is let go."""

    def __init__(self, path: Path, words: bytes, *, after: int = 0) -> None:
        super().__init__(path, Path("/var/run/docker.sock"))
        self._words = words
        self._after = after
        self.held, self.go_on = threading.Event(), threading.Event()

    def stop(self) -> None:
        """Go away; what is held never arrives."""
        super().stop()
        self.go_on.set()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        left: int | None = None
        with contextlib.suppress(OSError):
            while data := source.recv(BLOCK):
                if left is None and self._words in data:
                    left = self._after
                if left is not None:
                    left -= len(data)
                    if left < 0:
                        self.held.set()
                        self.go_on.wait(LONGEST_HOLD)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
