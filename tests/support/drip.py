"""A server that takes connections and says nothing, or too little for anybody's patience."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

Manner = Literal["silent", "head", "drip", "head drip"]
INTERVAL = 0.05  # seconds between two bytes
_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n"
    b'ETag: "1"\r\n\r\n'  # without one it would be no S3 store
)


class Dripping:
    """Answers nothing; a head and no body; a byte of the body, or of the head, at a time."""

    def __init__(self, manner: Manner) -> None:
        self._manner = manner
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = f"http://{self.host}"

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _spawn(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._spawn(self._answer, self._listener.accept()[0])

    def _answer(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            if self._manner == "silent":
                self._ended.wait()
                return
            client.recv(65536)
            if self._manner == "head drip":
                self._drip(client, itertools.chain(b"HTTP/1.1 200 OK\r\nX: ", itertools.repeat(97)))
                return
            client.sendall(_HEAD)
            if self._manner == "drip":
                self._drip(client, itertools.repeat(32))
            self._ended.wait()

    def _drip(self, client: socket.socket, numbers: Iterable[int]) -> None:
        for number in numbers:
            if self._ended.wait(INTERVAL):
                return
            client.sendall(bytes([number]))
