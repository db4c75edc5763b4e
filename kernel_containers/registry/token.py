"""Access tokens of a registry's token service.

https://distribution.github.io/distribution/spec/auth/token/ and, for identity tokens, …/oauth/.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from kernel_containers.errors import Refused, Unauthorized, Unavailable
from kernel_containers.registry.addresses import follow, is_loopback
from kernel_containers.registry.answers import Call, Scope

if TYPE_CHECKING:
    from kernel_containers.registry.answers import Answer, Peer
    from kernel_containers.registry.challenge import Challenge
    from kernel_containers.registry.credentials import Credentials
    from kernel_containers.registry.stop import Stop
    from kernel_containers.registry.transport import Transport

LIFETIME = 60.0  # seconds, where the service does not say: the specification's default
CLIENT = "kernel-containers"


@dataclass(frozen=True, slots=True)
class Token:
    """What opens `scope` until the monotonic clock shows `until`."""

    value: str = field(repr=False)
    scope: Scope
    until: float

    @property
    def header(self) -> str:
        """The value of an `Authorization` header."""
        return f"Bearer {self.value}"

    def opens(self, scope: Scope) -> bool:
        """Whether a request for `scope` can be tried with it."""
        return scope <= self.scope and time.monotonic() < self.until


def fetch_token(
    transport: Transport,
    peer: Peer,
    challenge: Challenge,
    scope: Scope,
    *,
    credentials: Credentials | None,
    stop: Stop,
) -> Token:
    """Ask the service that `challenge` names for a token, anonymously without credentials.

    Raises:
        Unauthorized: the service does not accept the credentials.
        Refused: the credentials would travel without encryption.
        Unavailable, TryAgain: the service does not answer as it should.
    """
    realm = _realm(transport, challenge, credentials)
    wanted = _merged(scope, challenge)
    call = _call(realm, challenge.parameters.get("service", ""), wanted, credentials)
    asked = time.monotonic()
    answer = transport.retrying(call, stop, lambda: transport.once(call, None))
    if answer.status in {400, 401, 403} and credentials:
        raise Unauthorized(
            f"{urlsplit(realm).hostname} does not accept the credentials for {peer.host}.",
            why=peer.clean(answer.message),
            todo=peer.login,
        )
    if answer.status != 200:
        raise peer.error_for(call, answer)
    value, lifetime = _read(transport, answer)
    # Renewed a little early: the request has to arrive before the end.
    return Token(value, wanted, asked + 0.9 * lifetime)


def _realm(transport: Transport, challenge: Challenge, credentials: Credentials | None) -> str:
    named = challenge.parameters.get("realm")
    if not named:
        raise Unavailable(f"{transport.host} asks for a token and does not say whose.")
    realm = follow(transport.url, named)
    parts = urlsplit(realm)
    if credentials and parts.scheme != "https" and not is_loopback(parts.netloc):
        raise Refused(
            f"{transport.host} wants the password to go to {parts.hostname} without encryption.",
            todo="give the registry's token service a certificate",
        )
    return realm


def _merged(scope: Scope, challenge: Challenge) -> Scope:
    asked: set[str] = set()
    for part in challenge.parameters.get("scope", "").split():
        resource, _, actions = part.rpartition(":")
        asked |= {f"{resource}:{action}" for action in actions.split(",") if resource and action}
    return scope | asked


def _call(realm: str, service: str, scope: Scope, credentials: Credentials | None) -> Call:
    fields = [("service", service)] if service else []
    call = Call(doing="give an access token", method="GET", url=realm)
    if credentials and credentials.is_identity_token:
        fields += [
            ("scope", " ".join(_lines(scope))),
            ("grant_type", "refresh_token"),
            ("refresh_token", credentials.secret),
            ("client_id", CLIENT),
        ]
        return replace(
            call,
            method="POST",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            content=urlencode(fields).encode(),
        )
    fields += [("scope", line) for line in _lines(scope)]
    headers: dict[str, str] = {}
    if credentials:
        fields.append(("account", credentials.username))
        headers["Authorization"] = credentials.basic
    joint = "&" if urlsplit(realm).query else "?"
    return replace(
        call, url=f"{realm}{joint}{urlencode(fields)}" if fields else realm, headers=headers
    )


def _lines(scope: Scope) -> list[str]:
    actions: dict[str, list[str]] = {}
    for part in sorted(scope):
        resource, _, action = part.rpartition(":")
        actions.setdefault(resource, []).append(action)
    return [f"{resource}:{','.join(names)}" for resource, names in actions.items()]


def _read(transport: Transport, answer: Answer) -> tuple[str, float]:
    try:
        body: Any = json.loads(answer.body)
    except ValueError:
        body = None
    if isinstance(body, Mapping):
        value = body.get("token") or body.get("access_token")
        lifetime = body.get("expires_in")
        if isinstance(value, str):
            seconds = lifetime if isinstance(lifetime, int | float) and lifetime > 0 else LIFETIME
            return value, float(seconds)
    # The body may hold a token under another name, so it is not shown.
    raise Unavailable(f"The token service of {transport.host} did not answer with a token.")
