"""Blobs into a repository.

Large ones as POST, one streamed PATCH and PUT: ECR acknowledges and drops further PATCHes
(aws/containers-roadmap#2831), and distribution 2.8 can't resume a cut one, so a cut blob starts
anew. Small ones as POST and PUT, which is one round trip less.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import httpx

from kernel_containers.errors import KernelContainersError, Unauthorized, Unavailable
from kernel_containers.registry.addresses import follow
from kernel_containers.registry.answers import scope_of
from kernel_containers.registry.source import Source, check, read_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kernel_containers.core.digest import Digest
    from kernel_containers.core.oci import Descriptor
    from kernel_containers.registry.answers import Answer, Call
    from kernel_containers.registry.meter import Meter
    from kernel_containers.registry.repository import RepositoryClient
    from kernel_containers.registry.sessions import Sessions

SMALL = 1024 * 1024  # bytes; sent with the PUT itself
# The specification has 202 for PATCH and 201 for PUT; ECR answers 201 to both, others 204.
STORED = frozenset({200, 201, 202, 204})

Outcome = Literal["sent", "mounted", "reused"]


class Uploader:
    """Sends the blobs of one operation, and knows the upload sessions that it has open."""

    def __init__(
        self, client: RepositoryClient, meter: Meter, opened: Sessions | None = None
    ) -> None:
        self._client = client
        self._registry = client.registry
        self._meter = meter
        self._opened = opened  # before there was anything to send; small blobs take them
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
        """Delete the sessions that are still open; who does not answer is not asked again."""
        for digest in list(self._sessions):
            if not self._abandon(digest):
                break

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
        check(blob, source)
        if self._opened and blob.size <= SMALL and blob.digest not in self._sessions:
            url = self._opened.take()
            if url:
                self._sessions[blob.digest] = url
        # That session, or the one of a refused mount, serves the first attempt.
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
        if blob.size <= SMALL:
            return self._finish(blob, session, read_whole(blob, source, self._meter))
        answer = self._stream(blob, session, source)
        if answer.status not in STORED:
            return answer
        return self._finish(blob, self._sessions[blob.digest], b"")

    def _stream(self, blob: Descriptor, session: str, source: Path) -> Answer:
        sources: list[Source] = []

        def content() -> Iterator[bytes]:
            sources.append(Source(blob, source, self._meter, self._client.stop))
            return iter(sources[-1])

        # No Content-Length: a body in chunks can end early and in order.
        answer = self._registry.try_once(
            self._call(blob, "PATCH", session, content), self._client.stop
        )
        location = answer.headers.get("Location")
        if answer.status in STORED and location:
            self._sessions[blob.digest] = follow(answer.url, location)
        if sources[-1].failure:
            raise sources[-1].failure
        return answer

    def _finish(self, blob: Descriptor, session: str, content: bytes) -> Answer:
        joint = "&" if "?" in session else "?"
        url = f"{session}{joint}digest={quote(str(blob.digest), safe='')}"
        answer = self._registry.try_once(self._call(blob, "PUT", url, content), self._client.stop)
        self._meter.add(blob.digest, len(content))
        return answer

    def _call(
        self,
        blob: Descriptor,
        method: str,
        url: str,
        content: Callable[[], Iterator[bytes]] | bytes,
    ) -> Call:
        return replace(
            self._client.call(f"take {blob.digest}", method, ""),
            url=url,
            headers={"Content-Type": "application/octet-stream"},
            content=content,
        )

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

    def _abandon(self, digest: Digest) -> bool:
        """Delete a blob's session if it has one; False if there was no answer."""
        url = self._sessions.pop(digest, None)
        if url is None:
            return True
        call = replace(self._client.call("forget an upload", "DELETE", ""), url=url)
        try:
            self._registry.forget(call)
        except (httpx.HTTPError, KernelContainersError):
            return False
        return True
