"""How a registry is reached: scheme, certificates, credentials."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

import httpx

from kernel_containers.errors import InvalidInput, Unavailable
from kernel_containers.registry.addresses import is_loopback, split_host
from kernel_containers.registry.authorization import Authorizer
from kernel_containers.registry.client import Registry
from kernel_containers.registry.credentials import Credentials, find_credentials
from kernel_containers.registry.docker_config import (
    HUB_NAMES,
    config_path,
    read_docker_config,
)
from kernel_containers.registry.settings import EcrHost, RegistrySettings, ecr_host
from kernel_containers.registry.tls import causes, is_distrust, tls_context
from kernel_containers.registry.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.registry.ecr import Ecr

HUB_API = "registry-1.docker.io"
PROBE_TIMEOUT = 5.0  # seconds; only this machine's own servers are probed
# What a server that expects TLS answers to plain HTTP, if anything.
_WANTS_TLS = frozenset({301, 302, 307, 308, 400, 426, 497})


def open_registry(
    host: str,
    settings: RegistrySettings | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> Registry:
    """Return the registry at `host[:port]`; the caller closes it.

    Only https is spoken, except with this machine's own loopback, where http will do.
    Credentials are looked up when the registry asks for them: for ECR from AWS, else (and for
    ECR where there are none) from Docker's config.json.

    Raises:
        InvalidInput: not a host, or a certificate file is unusable.
        Unavailable: a registry on the loopback does not answer.
    """
    settings = settings or RegistrySettings()
    environ = os.environ if environ is None else environ
    _check(host)
    context = tls_context(host, settings, environ)
    url = f"https://{HUB_API if host in HUB_NAMES else host}/"
    place = ecr_host(host, settings)
    ecr = _ecr(host, place, settings) if place else None
    path = settings.docker_config or config_path(environ)

    def find() -> Credentials | None:
        found = ecr.credentials() if ecr else None
        return found or find_credentials(
            host, read_docker_config(path), environ=environ, timeout=settings.helper_timeout
        )

    transport = Transport(host, url, settings, context)
    if is_loopback(host):
        try:
            transport.url = _loopback_url(transport)
        except BaseException:
            transport.close()
            raise
    return Registry(transport, Authorizer(transport, find, is_ecr=ecr is not None), ecr)


def _check(host: str) -> None:
    try:
        name, _ = split_host(host)
        name.encode("idna")  # as the look-up of its address will
    except ValueError:
        name = ""
    if not name or "/" in host or "@" in host:
        raise InvalidInput(
            f"{host!r} is not a registry's host.", todo="give HOST or HOST:PORT, as in references"
        )


def _ecr(host: str, place: EcrHost, settings: RegistrySettings) -> Ecr:
    # boto3 takes half a second to load, which other registries need not wait for.
    from kernel_containers.registry.ecr import Ecr  # noqa: PLC0415

    return Ecr(host, place, settings)


def _loopback_url(transport: Transport) -> str:
    # Plain HTTP is asked first where a port is given: a server that expects TLS refuses it at
    # once, while a plain server may wait for ever for the rest of a TLS greeting.
    host = transport.host
    _, port = split_host(host)
    order = ("http", "https") if port else ("https", "http")
    failures: dict[str, httpx.TransportError] = {}
    for scheme in order:
        url = f"{scheme}://{host}/"
        try:
            # Without credentials, and whatever the answer is, the registry is judged later.
            status = transport.greet(url, PROBE_TIMEOUT)
        except httpx.TransportError as error:
            failures[scheme] = error
        else:
            if scheme == "https" or status not in _WANTS_TLS:
                return url
    secure = failures["https"]
    if all(_is_absent(error) for error in failures.values()):
        raise Unavailable(
            f"Nothing answers at {host}.", why=str(secure), todo="start the registry"
        ) from secure
    # The requests that follow tell what else is wrong.
    return f"https://{host}/" if is_distrust(secure) else f"http://{host}/"


def _is_absent(error: httpx.TransportError) -> bool:
    connected = any(isinstance(cause, ssl.SSLError) for cause in causes(error))
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout) and not connected
