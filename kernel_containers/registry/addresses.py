"""Hosts and URLs: who is local, and where an answer may send us."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urljoin, urlsplit

from kernel_containers.errors import Unavailable

_PORTS = {"http": 80, "https": 443}
_OLD_IPV4 = re.compile(r"[0-9a-fx.]+", re.IGNORECASE)


def split_host(host: str) -> tuple[str, int | None]:
    """Return name and port of `name[:port]`; brackets of an IPv6 address are removed."""
    parts = urlsplit(f"//{host}")
    return parts.hostname or "", parts.port


def is_loopback(host: str) -> bool:
    """Whether a registry's host, with or without port, is this machine by its very name.

    Names are not resolved: who controls the name service must not turn encryption off.
    """
    name, _ = split_host(host)
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port; credentials may only go where all three are the same."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)


def follow(base: str, location: str) -> str:
    """Return the URL that an answer from `base` names, relative or absolute, with its query.

    Registries behind a proxy that ends TLS name themselves with `http:`; such a location keeps
    the scheme and port of `base`.

    Raises:
        Unavailable: the location leaves encryption, or points from a public host into a
            private network.
    """
    try:
        url = urljoin(base, location)
        target, source = urlsplit(url), urlsplit(base)
        netloc = target.netloc.rpartition("@")[2]
        name, _ = target.hostname or "", target.port
    except ValueError as error:
        raise _bad_location(base, "it is not a URL") from error
    if target.scheme not in _PORTS or not name:
        raise _bad_location(base, "it is not an http or https URL")
    if source.scheme == "https" and target.scheme == "http":
        if name != source.hostname:
            raise _bad_location(base, f"it leads to {name} without encryption")
        return target._replace(scheme="https", netloc=source.netloc).geturl()
    if name != source.hostname and _is_internal(name) and not _is_internal(source.hostname or ""):
        raise _bad_location(base, f"it leads to {name}, which is inside a private network")
    return target._replace(netloc=netloc).geturl()


def _is_internal(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return not ipaddress.ip_address(name).is_global
    except ValueError:
        pass
    if not _OLD_IPV4.fullmatch(name):
        return False
    try:  # 127.1, 0x7f000001 and 2130706433 are addresses for the C library
        return not ipaddress.ip_address(socket.inet_aton(name)).is_global
    except OSError:
        return False


def _bad_location(base: str, why: str) -> Unavailable:
    return Unavailable(
        f"{urlsplit(base).hostname} answered with a location that can't be followed.",
        why=why,
        todo="tell the registry's administrator",
    )
