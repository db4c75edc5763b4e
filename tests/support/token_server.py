"""The server that hands out a registry's bearer tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenServer:
    """Where a registry in mode `token` sends its clients."""

    realm: str
    service: str
    issuer: str
    certificate: Path  # PEM; the registry trusts tokens signed by its key
    username: str
    password: str

    def stop(self) -> None:
        """End the server."""


def start_token_server(folder: Path) -> TokenServer:
    """Start a token server on a free port of the loopback."""
    raise NotImplementedError(folder)
