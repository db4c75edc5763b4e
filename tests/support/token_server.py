"""The server that hands out a registry's bearer tokens.

https://distribution.github.io/distribution/spec/auth/token/ and …/oauth/.
"""

from __future__ import annotations

import base64
import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path

SERVICE = "tests-registry"
ISSUER = "tests-issuer"
USERNAME = "analyst"
READER = "reader"  # may pull only
PASSWORD = "correct horse"
IDENTITY_TOKEN = "identity-token-of-analyst"
RIGHTS = {USERNAME: frozenset({"pull", "push", "delete", "*"}), READER: frozenset({"pull"})}


@dataclass(slots=True)
class Grant:
    """One token that was given: to whom (None: anybody), how it was asked for, and for what."""

    user: str | None
    method: str
    scopes: list[str]


@dataclass(slots=True, kw_only=True)
class TokenServer:
    """Where a registry in mode `token` sends its clients."""

    realm: str
    service: str
    issuer: str
    certificate: Path  # PEM; the registry trusts tokens signed by its key
    username: str
    password: str
    lifetime: int = 300  # seconds, as the answer says
    stale: int = 0  # how many of the next tokens the registry will find expired
    grants: list[Grant] = field(default_factory=list)
    server: ThreadingHTTPServer = field(repr=False)
    thread: threading.Thread = field(repr=False)

    def stop(self) -> None:
        """End the server."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def start_token_server(folder: Path) -> TokenServer:
    """Start a token server on a free port of the loopback."""
    folder.mkdir(parents=True, exist_ok=True)
    key, certificate = _key_and_certificate()
    path = folder / "token.crt"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    tokens = TokenServer(
        realm=f"http://127.0.0.1:{server.server_port}/token",
        service=SERVICE,
        issuer=ISSUER,
        certificate=path,
        username=USERNAME,
        password=PASSWORD,
        server=server,
        thread=thread,
    )
    _Handler.of[server.server_port] = _Signer(tokens, key, certificate)
    thread.start()
    return tokens


@dataclass(slots=True)
class _Signer:
    tokens: TokenServer
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def sign(self, user: str | None, method: str, service: str, scopes: list[str]) -> str:
        self.tokens.grants.append(Grant(user, method, scopes))
        now = int(time.time())
        # The registry forgives clocks that differ by a minute.
        age = 3600 if self.tokens.stale > 0 else 0
        self.tokens.stale = max(0, self.tokens.stale - 1)
        claims = {
            "iss": ISSUER,
            "sub": user or "",
            "aud": service,
            "iat": now - age,
            "nbf": now - age,
            "exp": now - age + self.tokens.lifetime,
            "jti": uuid.uuid4().hex,
            "access": [_access(scope, RIGHTS.get(user or "", frozenset())) for scope in scopes],
        }
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        chain = [base64.b64encode(der).decode()]
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"x5c": chain})


class _Handler(BaseHTTPRequestHandler):
    of: dict[int, _Signer] = {}  # noqa: RUF012  # by port

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        user, known = self._user()
        if not known:
            self._answer(401, {"details": "incorrect username or password"})
            return
        scopes = [part for scope in query.get("scope", []) for part in scope.split()]
        token = self._signer.sign(user, "GET", query.get("service", [""])[0], scopes)
        self._answer(200, {"token": token, "expires_in": self._signer.tokens.lifetime})

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        form = {
            name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()
        }
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != IDENTITY_TOKEN:
            self._answer(401, {"details": "unknown refresh token"})
            return
        token = self._signer.sign(USERNAME, "POST", form["service"], form["scope"].split())
        self._answer(200, {"access_token": token, "expires_in": self._signer.tokens.lifetime})

    @property
    def _signer(self) -> _Signer:
        return self.of[self.server.server_address[1]]

    def _user(self) -> tuple[str | None, bool]:
        header = self.headers.get("Authorization", "")
        if not header:
            return None, True
        name, _, password = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
        return name, name in RIGHTS and password == PASSWORD

    def _answer(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Write nothing: the grants tell."""


def _access(scope: str, rights: frozenset[str]) -> dict[str, object]:
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return {"type": kind, "name": name, "actions": sorted(rights & set(actions.split(",")))}


def _key_and_certificate() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kernel-containers tests")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
    )
    return key, builder.sign(key, hashes.SHA256())
