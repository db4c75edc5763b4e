"""Blobs into a repository.

Large ones as POST, one streamed PATCH and PUT: ECR acknowledges and drops further PATCHes
(aws/containers-roadmap#2831), and distribution 2.8 can't resume a cut one, so a cut blob starts
anew. Small ones as POST and PUT, which is one round trip less.
"""

from __future__ import annotations

import contextlib
import hashlib
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import httpx

from kernel_containers.errors import (
    InvalidInput,
    KernelContainersError,
    NotFound,
    Unauthorized,
    Unavailable,
)
from kernel_containers.registry.addresses import follow
from kernel_containers.registry.answers import scope_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel_containers.core.digest import Digest
    from kernel_containers.core.oci import Descriptor
    from kernel_containers.registry.answers import Answer, Call
    from kernel_containers.registry.meter import Meter
    from kernel_containers.registry.repository import RepositoryClient

SMALL = 1024 * 1024  # bytes; sent with the PUT itself
BLOCK = 256 * 1024  # bytes between two looks at whether to stop
# The specification has 202 for PATCH and 201 for PUT; ECR answers 201 to both, others 204.
STORED = frozenset({200, 201, 202, 204})

Outcome = Literal["sent", "mounted", "reused"]


class Uploader:
    """Sends the blobs of one operation, and knows the upload sessions that it has open."""

    def __init__(self, client: RepositoryClient, meter: Meter) -> None:
        self._client = client
        self._registry = client.registry
        self._meter = meter
        self._sessions: dict[Digest, str] = {}

    def provide(
        self, blob: Descriptor, source: Path, *, mount_from: str | None, ask: bool
    ) -> Outcome:
        """Make sure that the repository holds a blob, whose bytes are in `source` if need be.

        `mount_from` is a repository of the same registry that may hold it; `ask` looks for it
        before it is sent.

        Raises:
            NotFound, InvalidInput: the local file is missing or damaged.
            Unauthorized, NotFound, Refused, TryAgain, Unavailable: the registry does not take it.
            Stopped: the operation is over.
        """
        self._meter.begin(blob.digest)
        outcome: Outcome = "sent"
        if mount_from and self._mount(blob, mount_from):
            outcome = "mounted"
        elif ask and self._client.has_blob(blob.digest):
            self._abandon(blob.digest)  # a refused mount opened one
            outcome = "reused"
        else:
            self._send(blob, source)
        self._meter.finish(blob.digest)
        return outcome

    def clean_up(self) -> None:
        """Delete the sessions that are still open; failures leave them to the registry."""
        for digest in list(self._sessions):
            self._abandon(digest)

    def _mount(self, blob: Descriptor, source: str) -> bool:
        call = self._start_call(blob, f"?mount={blob.digest}&from={quote(source, safe='')}")
        call = replace(call, scope=call.scope | scope_of(source, "pull"))
        try:
            answer = self._registry.transport.retrying(
                call, self._client.stop, lambda: self._registry.try_once(call, self._client.stop)
            )
        except Unauthorized:  # for the source, perhaps; sending will tell
            return False
        if answer.status == 202:
            self._sessions[blob.digest] = self._session(call, answer)
        return answer.status == 201

    def _send(self, blob: Descriptor, source: Path) -> None:
        _check(blob, source)
        # The session of a refused mount serves the first attempt.
        left = [self._sessions[blob.digest]] if blob.digest in self._sessions else []
        call = self._start_call(blob, "")
        answer = self._registry.transport.retrying(
            call,
            self._client.stop,
            lambda: self._attempt(blob, source, left.pop() if left else None),
        )
        if answer.status not in STORED:
            raise self._registry.peer.error_for(call, answer)
        if answer.digest not in {None, blob.digest}:
            raise Unavailable(
                f"{self._registry.host} stored {blob.digest} as {answer.digest}.",
                todo="tell the registry's administrator",
            )
        self._sessions.pop(blob.digest, None)

    def _attempt(self, blob: Descriptor, source: Path, session: str | None) -> Answer:
        """Send a blob once; any answer but that of the last step ends the attempt."""
        if session is None:
            self._abandon(blob.digest)
            start = self._start_call(blob, "")
            answer = self._registry.try_once(start, self._client.stop)
            if answer.status != 202:
                return self._odd(start, answer)
            session = self._sessions[blob.digest] = self._session(start, answer)
        if blob.size > SMALL:
            answer = self._transfer("PATCH", session, blob, source)
            if answer.status not in STORED:
                return answer
            if location := answer.headers.get("Location"):
                session = self._sessions[blob.digest] = follow(answer.url, location)
        joint = "&" if "?" in session else "?"
        end = f"{session}{joint}digest={quote(str(blob.digest), safe='')}"
        return self._transfer("PUT", end, blob, source if blob.size <= SMALL else None)

    def _transfer(self, method: str, url: str, blob: Descriptor, source: Path | None) -> Answer:
        content = partial(self._read, blob, source) if source else b""
        size = blob.size if source else 0
        call = replace(
            self._client.call(f"take {blob.digest}", method, ""),
            url=url,
            headers={"Content-Type": "application/octet-stream", "Content-Length": str(size)},
            content=content,
        )
        return self._registry.try_once(call, self._client.stop)

    def _read(self, blob: Descriptor, source: Path) -> Iterator[bytes]:
        """Yield the blob's bytes, and see at the end that they were the right ones."""
        self._meter.begin(blob.digest)
        seen = hashlib.new(blob.digest.algorithm)
        with _reading(source), source.open("rb") as file:
            while block := file.read(BLOCK):
                self._client.stop.check()
                seen.update(block)
                if file.tell() == blob.size and seen.hexdigest() != blob.digest.hex:
                    raise _damaged(source)
                yield block
                self._meter.add(blob.digest, len(block))

    def _start_call(self, blob: Descriptor, query: str) -> Call:
        return self._client.call(f"take {blob.digest}", "POST", f"blobs/uploads/{query}")

    def _session(self, call: Call, answer: Answer) -> str:
        location = answer.headers.get("Location")
        if not location:
            raise Unavailable(
                f"{self._registry.host} did not say where to send {call.doing.split()[-1]}."
            )
        return follow(answer.url, location)

    def _odd(self, call: Call, answer: Answer) -> Answer:
        if answer.status in STORED:  # nothing was sent yet
            raise self._registry.peer.error_for(call, answer)
        return answer

    def _abandon(self, digest: Digest) -> None:
        url = self._sessions.pop(digest, None)
        if url is None:
            return
        call = replace(self._client.call("forget an upload", "DELETE", ""), url=url)
        with contextlib.suppress(httpx.HTTPError, KernelContainersError):
            self._registry.forget(call)


def _check(blob: Descriptor, source: Path) -> None:
    with _reading(source):
        size = source.stat().st_size
    if size != blob.size:
        raise _damaged(source)


@contextmanager
def _reading(source: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(
            f"The layer {source.name[:12]} is neither in the registry nor on this machine.",
            why=f"{source} is missing",
            todo="containerize the notebook again",
        ) from error
    except OSError as error:
        raise Unavailable(f"{source} can't be read.", why=error.strerror) from error


def _damaged(source: Path) -> InvalidInput:
    return InvalidInput(
        f"The stored layer {source} is damaged.",
        why="its content does not have the digest that it is named for",
        todo="remove the file and containerize the notebook again",
    )
