"""Whose certificates are trusted."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import certifi

from kernel_containers.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kernel_containers.registry.settings import RegistrySettings


def tls_context(
    host: str, settings: RegistrySettings, environ: Mapping[str, str]
) -> ssl.SSLContext:
    """Return what verifies the certificate of `host`, and proves who we are where that is set up.

    Trusted are the system's authorities (or those of SSL_CERT_FILE and SSL_CERT_DIR), the
    settings' `ca_file`, and `*.crt` in the host's folder of `certs_folder`; `*.cert` with `*.key`
    there are ours.

    Raises:
        InvalidInput: a file can't be read or is not a certificate.
    """
    context = _system_context(environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR"))
    folder = settings.certs_folder / host
    more = sorted(folder.glob("*.crt")) if folder.is_dir() else []
    for file in [*([settings.ca_file] if settings.ca_file else []), *more]:
        _trust(context, file)
    for certificate in sorted(folder.glob("*.cert")) if folder.is_dir() else []:
        with _reading(certificate):
            context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    return context


def _system_context(file: str | None, folder: str | None) -> ssl.SSLContext:
    if file or folder:
        with _reading(Path(file or folder or "")):
            return ssl.create_default_context(cafile=file, capath=folder)
    paths = ssl.get_default_verify_paths()
    if paths.cafile or paths.capath:
        return ssl.create_default_context()
    # A Python built elsewhere looks where this system keeps nothing.
    return ssl.create_default_context(cafile=certifi.where())


def is_distrust(error: BaseException) -> bool:
    """Whether a failed connection has an untrusted certificate behind it."""
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes(error))


def is_not_tls(error: BaseException) -> bool:
    """Whether a failed connection reached something that does not speak TLS."""
    return any(isinstance(cause, ssl.SSLError) for cause in causes(error)) and not is_distrust(
        error
    )


def causes(error: BaseException) -> list[BaseException]:
    """Return an exception and what it was raised from, outermost first."""
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        current = current.__cause__ or current.__context__
    return found


def _trust(context: ssl.SSLContext, file: Path) -> None:
    with _reading(file):
        context.load_verify_locations(cafile=file)


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # ssl.SSLError is one
        raise InvalidInput(
            f"The certificate {file} can't be used.",
            why=error.strerror or str(error),
            todo="give a readable file in PEM format",
        ) from error
