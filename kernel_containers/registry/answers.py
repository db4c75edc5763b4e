"""What a registry answered, and what that means."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kernel_containers.core.digest import Digest
from kernel_containers.errors import (
    InvalidInput,
    KernelContainersError,
    NotFound,
    Refused,
    TryAgain,
    Unauthorized,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

# 499 and 522 come from proxies whose client or server went away.
TRANSIENT = frozenset({408, 429, 499, 500, 502, 503, 504, 522})
# The upload was lost or mangled on its way: it can be sent anew.
_UPLOAD_LOST = frozenset(
    {"BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID", "DIGEST_INVALID", "SIZE_INVALID"}
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_LONGEST_MESSAGE = 300  # characters of a registry's own words

# Rights as the token service names them, `repository:team/report:pull`; one action each.
Scope = frozenset[str]


def scope_of(repository: str, *actions: str) -> Scope:
    """Return the right to do `actions` (pull, push) in a repository."""
    return frozenset(f"repository:{repository}:{action}" for action in actions)


CATALOG: Scope = frozenset({"registry:catalog:*"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. `doing` completes "the registry refused to …"; `url` may be a path.

    `content` is made anew for each attempt; its length stands in `headers`.
    """

    doing: str
    method: str
    url: str
    scope: Scope = frozenset()
    headers: dict[str, str] = field(default_factory=dict)
    content: Callable[[], Iterator[bytes]] | bytes = b""
    repository: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer; `url` is where it came from, after redirects."""

    status: int
    url: str
    headers: httpx.Headers
    body: bytes = b""

    @property
    def errors(self) -> list[tuple[str, str]]:
        """Codes and messages of the specification's error body; empty for any other body."""
        try:
            listed = json.loads(self.body)["errors"]
            return [(str(e.get("code", "")), str(e.get("message", ""))) for e in listed]
        except (ValueError, LookupError, TypeError, AttributeError):
            return []

    @property
    def codes(self) -> frozenset[str]:
        """The codes of `errors`."""
        return frozenset(code for code, _ in self.errors)

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed a little later."""
        return self.status in TRANSIENT or bool(self.codes & _UPLOAD_LOST)

    @property
    def digest(self) -> Digest | None:
        """The `Docker-Content-Digest` header, if it is a digest."""
        try:
            return Digest.parse(self.headers.get("Docker-Content-Digest", ""))
        except InvalidInput:
            return None

    def digests(self) -> list[Digest]:
        """All digests that the body names."""
        return [Digest.parse(text) for text in _DIGEST.findall(self.body.decode(errors="replace"))]

    @property
    def message(self) -> str:
        """The registry's own words, as one line."""
        said = "; ".join(f"{code}: {text}" if code else text for code, text in self.errors)
        line = " ".join(said.split())
        return f"HTTP {self.status}{' ' if line else ''}{line}"[:_LONGEST_MESSAGE]


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom errors are about. `clean` removes the secrets that this process sent."""

    host: str
    is_ecr: bool
    clean: Callable[[str], str]

    @property
    def login(self) -> str:
        """How to get rights."""
        if self.is_ecr:
            return "renew the AWS credentials (aws sso login, AWS_PROFILE) and check their policy"
        return f"docker login {self.host}, with an account that may do this"

    def error_for(self, call: Call, answer: Answer) -> KernelContainersError:
        """Return the error that an unexpected answer is."""
        why = self.clean(answer.message)
        if answer.status in {401, 403}:
            return Unauthorized(f"{self.host} refused to {call.doing}.", why=why, todo=self.login)
        if "TAG_INVALID" in answer.codes or "immutable" in answer.message.lower():
            return Refused(
                f"{self.host} refused to {call.doing}: the tag can't be moved.",
                why=why,
                todo="push under another tag, or make the repository's tags mutable",
            )
        if answer.status == 404 and not answer.is_transient:
            return self._not_found(call, answer, why)
        if answer.status in range(400, 500) and not answer.is_transient:
            return Refused(f"{self.host} refused to {call.doing}.", why=why)
        return self._failed(call, answer, why)

    def _failed(self, call: Call, answer: Answer, why: str) -> KernelContainersError:
        if answer.status == 429:
            return TryAgain(
                f"{self.host} has no time to {call.doing}.",
                why=f"{why}, also after several attempts",
                todo="wait a few minutes: what was sent is kept",
            )
        if answer.status in range(200, 400):
            return Unavailable(f"{self.host} answered oddly when asked to {call.doing}.", why=why)
        return Unavailable(
            f"{self.host} was not able to {call.doing}.",
            why=why,
            todo="try again later, or look into the registry's log",
        )

    def _not_found(self, call: Call, answer: Answer, why: str) -> NotFound:
        repository = f"{self.host}/{call.repository}"
        known = {"MANIFEST_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"} & answer.codes
        if known or not call.repository:
            return NotFound(
                f"{self.host} has nothing to {call.doing}.",
                why=why,
                todo="check the name and the tag",
            )
        return NotFound(
            f"{repository} does not exist.",
            why=why,
            todo=f"create the repository: kernel-containers repositories create {repository}"
            if self.is_ecr
            else "check the name; most registries make a repository at the first push, some want "
            "it created in their web pages",
        )
