"""The `Authorization` header of one registry: learned from challenges, renewed when it expires."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from kernel_containers.core.redaction import MASK, hide_user_info
from kernel_containers.errors import Unauthorized
from kernel_containers.registry.answers import Peer
from kernel_containers.registry.challenge import Challenge, parse_challenges
from kernel_containers.registry.token import Token, fetch_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_containers.registry.answers import Answer, Scope
    from kernel_containers.registry.credentials import Credentials
    from kernel_containers.registry.stop import Stop
    from kernel_containers.registry.transport import Transport

_SHORTEST_SECRET = 4  # characters; masking shorter ones would only garble messages


class Authorizer:
    """Credentials are looked up when a registry first asks for them, and at each renewal.

    Threads that find the same header expired renew it once.
    """

    def __init__(
        self,
        transport: Transport,
        find: Callable[[], Credentials | None],
        *,
        is_ecr: bool,
    ) -> None:
        self.peer = Peer(transport.host, is_ecr, self.clean)
        # ECR answers 403 once a token has expired, and HEAD has no message to tell it by.
        self._renewing = frozenset({401, 403}) if is_ecr else frozenset({401})
        self._transport = transport
        self._find = find
        self._lock = threading.Lock()
        self._challenge: Challenge | None = None
        self._basic: str | None = None
        self._tokens: list[Token] = []
        self._secrets: frozenset[str] = frozenset()

    def header(self, scope: Scope) -> str | None:
        """Return the header for a request, None where nothing was asked for yet."""
        with self._lock:
            return self._known(scope)

    def must_renew(self, answer: Answer) -> bool:
        """Whether an answer asks for a (new) header."""
        return answer.status in self._renewing

    def renew(self, answer: Answer, scope: Scope, refused: str | None, stop: Stop) -> str | None:
        """Return another header than `refused`; None if there is no other.

        Raises:
            Unauthorized: no credentials, or the token service does not accept them.
        """
        with self._lock:
            known = self._known(scope)
            if known and known != refused:
                return known  # another thread was faster
            challenge = self._choose(answer)
            if challenge is None:
                return None
            credentials = self._find()
            self._hide(credentials)
            if challenge.scheme == "basic":
                return self._renew_basic(credentials, refused)
            self._tokens = [
                token
                for token in self._tokens
                if token.header != refused and token.opens(token.scope)
            ]
            token = fetch_token(
                self._transport, self.peer, challenge, scope, credentials=credentials, stop=stop
            )
            self._secrets |= {token.value}
            self._tokens.append(token)
            return token.header

    def clean(self, text: str) -> str:
        """Return a message of the registry without anything secret that we sent it."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return hide_user_info(text)

    def _known(self, scope: Scope) -> str | None:
        if self._basic:
            return self._basic
        return next((token.header for token in self._tokens if token.opens(scope)), None)

    def _choose(self, answer: Answer) -> Challenge | None:
        offered = parse_challenges(answer.headers.get_list("WWW-Authenticate"))
        for scheme in ("bearer", "basic"):
            for challenge in offered:
                if challenge.scheme == scheme:
                    self._challenge = challenge
                    return challenge
        if offered:
            names = ", ".join(challenge.scheme for challenge in offered)
            raise Unauthorized(
                f"{self.peer.host} asks for a kind of login that is not supported.", why=names
            )
        return self._challenge

    def _renew_basic(self, credentials: Credentials | None, refused: str | None) -> str | None:
        if credentials is None:
            raise Unauthorized(
                f"{self.peer.host} wants to know who asks, and there are no credentials for it.",
                todo=self.peer.login,
            )
        if credentials.is_identity_token:
            raise Unauthorized(
                f"{self.peer.host} takes passwords, and an identity token is stored for it.",
                todo=f"docker logout {self.peer.host}; then {self.peer.login}",
            )
        if credentials.basic == refused:
            return None
        self._basic = credentials.basic
        return self._basic

    def _hide(self, credentials: Credentials | None) -> None:
        if credentials is None:
            return
        encoded = credentials.basic.removeprefix("Basic ")
        shown = {credentials.secret, encoded}
        self._secrets |= {secret for secret in shown if len(secret) >= _SHORTEST_SECRET}
