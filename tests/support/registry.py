"""A real registry: Debian's docker-registry on a free port of the loopback."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Literal

from tests.support.process import Server, start_server
from tests.support.token_server import TokenServer, start_token_server

if TYPE_CHECKING:
    from pathlib import Path

Mode = Literal["none", "htpasswd", "tls-htpasswd", "token"]

USERNAME = "analyst"
PASSWORD = "correct horse"  # a space and no shell-safe quoting, as real ones have


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryServer:
    """A running registry. `ca` is the certificate that clients must trust, with TLS only.

    The Docker engine takes any address of 127.0.0.0/8 without TLS or with an unknown certificate.
    """

    host: str  # 127.0.0.1:PORT
    url: str
    mode: Mode
    folder: Path
    log: Path
    ca: Path | None
    username: str | None
    password: str | None
    server: Server
    tokens: TokenServer | None

    def stop(self) -> None:
        """End the registry and its token server."""
        self.server.stop()
        if self.tokens:
            self.tokens.stop()


def start_registry(folder: Path, mode: Mode = "none") -> RegistryServer:
    """Start an empty registry that stores below `folder`; deletion is allowed.

    With `token`, `tests.support.token_server` hands out the tokens and decides who may do what.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tls = mode.startswith("tls")
    tokens = start_token_server(folder / "tokens") if mode == "token" else None
    configuration = folder / "config.json"  # docker-registry reads YAML, which JSON is a part of
    configuration.write_text(json.dumps(_configuration(folder, mode, tokens)))
    if tls:
        make_certificate(folder)
    if mode.endswith("htpasswd"):
        _write_passwords(folder / "htpasswd")
    log = folder / "registry.log"
    try:
        server, found = start_server(
            [_program("docker-registry"), "serve", str(configuration)],
            log,
            r"listening on (127\.0\.0\.1:\d+)",
        )
    except RuntimeError:
        if tokens:
            tokens.stop()
        raise
    host = found[1]
    return RegistryServer(
        host=host,
        url=f"{'https' if tls else 'http'}://{host}",
        mode=mode,
        folder=folder,
        log=log,
        ca=folder / "tls.crt" if tls else None,
        username=None if mode == "none" else tokens.username if tokens else USERNAME,
        password=None if mode == "none" else tokens.password if tokens else PASSWORD,
        server=server,
        tokens=tokens,
    )


def _configuration(folder: Path, mode: Mode, tokens: TokenServer | None) -> dict[str, object]:
    http: dict[str, object] = {"addr": "127.0.0.1:0", "relativeurls": True, "secret": "tests"}
    if mode.startswith("tls"):
        http["tls"] = {"certificate": str(folder / "tls.crt"), "key": str(folder / "tls.key")}
    configuration: dict[str, object] = {
        "version": "0.1",
        "log": {"level": "info"},
        "storage": {
            "filesystem": {"rootdirectory": str(folder / "data")},
            "delete": {"enabled": True},
            "cache": {"blobdescriptor": "inmemory"},
        },
        "http": http,
    }
    if mode.endswith("htpasswd"):
        configuration["auth"] = {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}
    if tokens:
        configuration["auth"] = {
            "token": {
                "realm": tokens.realm,
                "service": tokens.service,
                "issuer": tokens.issuer,
                "rootcertbundle": str(tokens.certificate),
            }
        }
    return configuration


def make_certificate(folder: Path) -> None:
    """Write `tls.key` and `tls.crt`, a certificate for the loopback that signs itself."""
    options = {
        "-newkey": "ec",
        "-pkeyopt": "ec_paramgen_curve:P-256",
        "-days": "30",
        "-subj": "/CN=kernel-containers tests",
        "-keyout": str(folder / "tls.key"),
        "-out": str(folder / "tls.crt"),
    }
    extensions = (
        "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "keyUsage=critical,digitalSignature,keyCertSign",
    )
    command = [_program("openssl"), "req", "-x509", "-nodes", *chain(*options.items())]
    for extension in extensions:
        command += ["-addext", extension]
    subprocess.run(command, check=True, capture_output=True)


def _write_passwords(path: Path) -> None:
    # Cost 4, the lowest of bcrypt: the registry checks the password at every request.
    made = subprocess.run(
        [_program("htpasswd"), "-BbnC", "4", USERNAME, PASSWORD],
        check=True,
        capture_output=True,
    )
    path.write_bytes(made.stdout)


def _program(name: str) -> str:
    found = shutil.which(name)
    if not found:
        raise RuntimeError(f"{name} is missing; scripts/test installs what the tests need")
    return found
