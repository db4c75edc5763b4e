"""Which engine to talk to, as the docker command finds it.

Order: DOCKER_HOST, then DOCKER_CONTEXT, then `currentContext` of config.json, then the local
socket (https://docs.docker.com/engine/manage-resources/contexts/). docker-py knows only the
first and the last.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_containers.core.oci_json import read_object
from kernel_containers.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_HOST = "unix:///var/run/docker.sock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An engine's address. `certificates` is a folder with ca.pem, cert.pem and key.pem."""

    host: str
    origin: str  # what decided on it, for messages
    certificates: Path | None = None
    verify: bool = True

    @property
    def socket(self) -> Path | None:
        """The file of a Unix socket; None for an engine reached through a network."""
        if not self.host.startswith("unix://"):
            return None
        return Path("/" + self.host.removeprefix("unix://").lstrip("/"))


def docker_config_folder(environ: Mapping[str, str]) -> Path:
    """Return where the docker command keeps its config.json and contexts."""
    if folder := environ.get("DOCKER_CONFIG"):
        return Path(folder)
    # Not Path.home(): it fails for a user without one, who then has no config.json either.
    home = environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111
    return Path(home, ".docker")


def find_endpoint(environ: Mapping[str, str]) -> Endpoint:
    """Return the engine's address.

    Raises:
        InvalidInput: config.json or a context's meta.json can't be read.
        NotFound: the named context does not exist.
    """
    if host := environ.get("DOCKER_HOST"):
        tls = environ.get("DOCKER_TLS_VERIFY", "")
        folder = environ.get("DOCKER_CERT_PATH") or str(docker_config_folder(environ))
        return Endpoint(
            host=host,
            origin="DOCKER_HOST",
            certificates=Path(folder) if tls else None,
            verify=bool(tls),
        )
    folder_ = docker_config_folder(environ)
    name = environ.get("DOCKER_CONTEXT") or _current_context(folder_ / "config.json")
    if name and name != "default":
        return _from_context(folder_, name)
    return Endpoint(host=DEFAULT_HOST, origin="the default socket")


def _current_context(config: Path) -> str:
    try:
        text = config.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise InvalidInput(f"{config} can't be read.", why=str(error)) from error
    return str(read_object(text, str(config)).get("currentContext") or "")


def _from_context(folder: Path, name: str) -> Endpoint:
    key = hashlib.sha256(name.encode()).hexdigest()
    meta = folder / "contexts" / "meta" / key / "meta.json"
    try:
        docker = json.loads(meta.read_text("utf-8"))["Endpoints"]["docker"]
        host = docker.get("Host") or DEFAULT_HOST
        verify = not docker.get("SkipTLSVerify", False)
    except FileNotFoundError as error:
        raise NotFound(
            f"The Docker context {name!r} does not exist.",
            todo="list them with `docker context ls`, or unset DOCKER_CONTEXT",
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(
            f"The Docker context {name!r} can't be read.", why=f"{meta}: {error!r}"
        ) from error
    tls = folder / "contexts" / "tls" / key / "docker"
    return Endpoint(
        host=host,
        origin=f"the context {name!r}",
        certificates=tls if tls.is_dir() else None,
        verify=verify,
    )
