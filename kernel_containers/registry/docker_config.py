"""Docker's `config.json`: where `docker login` leaves credentials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kernel_containers.core.oci_json import read_object
from kernel_containers.errors import InvalidInput

HUB = "docker.io"
HUB_NAMES = frozenset({HUB, "index.docker.io", "registry-1.docker.io"})
HUB_SERVER = "https://index.docker.io/v1/"  # what `docker login` without a host stores


@dataclass(frozen=True, slots=True)
class DockerConfig:
    """What a config.json says about registries; hosts have no scheme and no path."""

    path: Path
    entries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    store: str | None = None  # the helper for all hosts
    helpers: Mapping[str, str] = field(default_factory=dict)  # host → helper

    def helper_for(self, host: str) -> str | None:
        """The name of the program that holds this host's credentials, if there is one."""
        return self.helpers.get(plain_host(host), self.store)

    def entry_for(self, host: str) -> Mapping[str, Any]:
        """What the file itself holds for a host; empty where it holds nothing."""
        return self.entries.get(plain_host(host), {})


def config_path(environ: Mapping[str, str]) -> Path:
    """Where the docker command of this environment reads its settings."""
    folder = environ.get("DOCKER_CONFIG")
    home = environ.get("HOME")
    if folder:
        return Path(folder) / "config.json"
    return (Path(home) if home else Path.home()) / ".docker" / "config.json"


def plain_host(server: str) -> str:
    """Return the host of a server address: `https://HOST/v1/` → `HOST`.

    All names of Docker Hub become one.
    """
    host = server.removeprefix("https://").removeprefix("http://").partition("/")[0]
    return HUB if host in HUB_NAMES else host


def read_docker_config(path: Path) -> DockerConfig:
    """Read a config.json; a missing file has nothing in it.

    Raises:
        InvalidInput: the file can't be read, or is not what Docker writes.
    """
    try:
        text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return DockerConfig(path)
    except OSError as error:
        raise InvalidInput(
            f"{path} can't be read.", why=error.strerror, todo="correct its permissions"
        ) from error
    value = read_object(text, str(path))
    auths = _mapping(path, value, "auths")
    helpers = _mapping(path, value, "credHelpers")
    store = value.get("credsStore") or None
    if not all(isinstance(name, str) for name in [*helpers.values(), store or ""]):
        raise _malformed(path, "the name of a credential helper is not text")
    if not all(isinstance(entry, Mapping) for entry in auths.values()):
        raise _malformed(path, "a member of auths is not an object")
    return DockerConfig(
        path,
        entries=_by_host(auths),
        store=store,
        helpers={plain_host(host): name for host, name in helpers.items()},
    )


def _by_host(auths: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    # An entry under the plain host is newer than one with scheme and path: Docker wrote those
    # before 1.8. An empty entry only says that a helper has the credentials.
    ranked = sorted(auths, key=lambda server: server == plain_host(server))
    return {plain_host(server): auths[server] for server in ranked if auths[server]}


def _mapping(path: Path, value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    member = {} if value.get(name) is None else value[name]
    if not isinstance(member, Mapping):
        raise _malformed(path, f"{name} is not an object")
    return member


def _malformed(path: Path, why: str) -> InvalidInput:
    return InvalidInput(
        f"{path} is not a Docker configuration.", why=why, todo="correct it, or log in again"
    )
