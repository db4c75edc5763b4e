"""The connection to an engine, and what its failures mean."""

from __future__ import annotations

import functools
import importlib.util
import os
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import docker
import requests
import urllib3
from docker.errors import APIError, DockerException, TLSParameterError
from docker.tls import TLSConfig

from kernel_containers.engine.endpoint import Endpoint, find_endpoint
from kernel_containers.errors import (
    InvalidInput,
    KernelContainersError,
    NotFound,
    Refused,
    TryAgain,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SCHEMES = {"unix", "tcp", "ssh", "http", "https", "npipe", "fd"}
CONNECTIONS = 32  # kept at once: six kernels starting together need about four each
TIMEOUT = 60.0  # seconds without a byte; creating a container takes 0.03 s, under load 2 s
FIRST_ANSWER = 10.0  # seconds for an engine to say its version, which it knows by heart


@dataclass(frozen=True)
class Engine:
    """An engine that has answered once."""

    endpoint: Endpoint
    api: docker.APIClient
    timeout: float = TIMEOUT

    @functools.cached_property
    def patient(self) -> docker.APIClient:
        """A second client without a time limit, for streams that may be silent: load, wait."""
        return _client(self.endpoint, None, self.api.api_version)

    @property
    def is_local(self) -> bool:
        """Whether this machine's folders can be mounted: the engine has a Unix socket here."""
        return self.endpoint.socket is not None

    def knock(self) -> None:
        """Return when somebody listens; a refused request would leave docker-py's socket open.

        Raises:
            Unavailable: nobody does.
        """
        with engine_errors("The Docker Engine does not answer."):
            try:
                _knock(self.endpoint)
            except FileNotFoundError as error:
                raise ConnectionError(error) from error

    def hangs(self) -> bool:
        """Whether it takes connections and then says nothing; one that has ended does not hang."""
        try:
            self.api.get(f"{self.api.base_url}/_ping", timeout=FIRST_ANSWER)
        except requests.Timeout:
            return True
        except requests.RequestException:
            return False
        return False

    def info(self) -> dict[str, Any]:
        """Return the engine's description of itself (`docker info`).

        Raises:
            Unavailable: the engine does not answer.
        """
        with engine_errors("The Docker Engine was not able to describe itself."):
            return self.api.info()

    def close(self) -> None:
        """Close all connections."""
        self.api.close()
        if "patient" in self.__dict__:
            self.patient.close()


def connect(
    environ: Mapping[str, str] | None = None,
    *,
    endpoint: Endpoint | None = None,
    timeout: float = TIMEOUT,
) -> Engine:
    """Return a connection to an engine, by default to the one that the docker command would use.

    Raises:
        NotFound: the Docker context does not exist.
        InvalidInput: Docker's config.json is broken.
        Refused: this user may not use the engine's socket.
        Unavailable: nothing answers.
    """
    endpoint = endpoint or find_endpoint(os.environ if environ is None else environ)
    _check_address(endpoint)
    try:
        _knock(endpoint)
        return Engine(endpoint, _client(endpoint, timeout), timeout)
    except (DockerException, requests.RequestException, OSError) as error:
        raise _cannot_connect(endpoint, error) from error
    except ValueError as error:  # docker-py reads the passwords of config.json at once
        raise InvalidInput(
            "Docker's config.json can't be used.",
            why=str(error),
            todo="correct it, or sign in again: `docker login`",
        ) from error


def _check_address(endpoint: Endpoint) -> None:
    try:
        host = endpoint.host
        address = urlsplit(host if "://" in host else f"tcp://{host}")
        usable = address.scheme in _SCHEMES and (address.port is None or address.port > 0)
        why = None
    except ValueError as error:
        usable, why = False, str(error)
    if not usable:
        raise InvalidInput(
            f"{endpoint.host!r} (from {endpoint.origin}) is not an engine's address.",
            why=why,
            todo="give one such as unix:///var/run/docker.sock or tcp://HOST:2376",
        )


def _knock(endpoint: Endpoint) -> None:
    """Open and close a Unix socket: docker-py leaves its own open when it is refused."""
    if endpoint.socket:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
            knock.connect(str(endpoint.socket))


def _client(endpoint: Endpoint, timeout: float | None, version: str = "auto") -> docker.APIClient:
    tls: TLSConfig | bool = False
    if folder := endpoint.certificates:
        try:
            tls = TLSConfig(
                client_cert=(str(folder / "cert.pem"), str(folder / "key.pem")),
                ca_cert=str(folder / "ca.pem"),
                verify=endpoint.verify,
            )
        except TLSParameterError as error:
            raise InvalidInput(
                f"The certificates for {endpoint.host} can't be used.",
                why=str(error),
                todo=f"put ca.pem, cert.pem and key.pem into {folder}",
            ) from error
    client = docker.APIClient(
        base_url=endpoint.host,
        version=version,
        timeout=min(timeout or FIRST_ANSWER, FIRST_ANSWER),  # type: ignore[arg-type]
        tls=tls,
        max_pool_size=CONNECTIONS,
        use_ssh_client=endpoint.host.startswith("ssh://"),
    )
    client.timeout = timeout  # type: ignore[assignment]  # None, no limit, is passed on
    return client


def _cannot_connect(endpoint: Endpoint, error: BaseException) -> KernelContainersError:
    causes = list(_causes(error))
    where = f"{endpoint.host} (from {endpoint.origin})"
    if any(isinstance(cause, PermissionError) for cause in causes):
        return Refused(
            f"This user may not use the Docker Engine at {where}.",
            why="the socket belongs to root and the group docker",
            todo="run `sudo usermod -aG docker $USER`, then log in again",
        )
    if any(isinstance(cause, FileNotFoundError) for cause in causes):
        return Unavailable(
            f"No Docker Engine answers at {where}.",
            why="its socket does not exist",
            todo="install Docker Engine and start it: `sudo systemctl start docker`",
        )
    if endpoint.host.startswith("ssh://") and not importlib.util.find_spec("paramiko"):
        return Unavailable(
            f"The Docker Engine at {where} can't be reached.",
            why="the package paramiko, which connections over SSH need, is not installed",
            todo="`pip install paramiko`",
        )
    return Unavailable(
        f"No Docker Engine answers at {where}.",
        why=str(causes[-1]) or repr(causes[-1]),
        todo="check that it runs: `docker info`",
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that it was made from: requests hides the OSError deep in args."""
    seen: set[int] = set()
    todo: list[BaseException] = [error]
    while todo:
        current = todo.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        more = [current.__cause__, current.__context__, getattr(current, "reason", None)]
        todo += [item for item in [*more, *current.args] if isinstance(item, BaseException)]


@contextmanager
def engine_errors(what: str) -> Iterator[None]:
    """Turn docker-py's and the connection's errors into ours; `what` says what did not happen.

    404 is NotFound, 409 TryAgain, other 4xx InvalidInput, all else Unavailable.
    """
    try:
        yield
    except APIError as error:
        status = error.status_code or 500
        why = str(error.explanation or error)
        if status == 404:
            raise NotFound(what, why=why) from error
        if status == 409:
            raise TryAgain(what, why=why) from error
        if status in (401, 403):
            raise Refused(what, why=why) from error
        if status < 500:
            raise InvalidInput(what, why=why) from error
        raise Unavailable(what, why=why) from error
    except (
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        DockerException,
        ConnectionError,
        TimeoutError,
    ) as error:
        silent = isinstance(error, requests.Timeout | TimeoutError)
        raise Unavailable(
            what,
            why="the engine did not answer in time"
            if silent
            else f"the connection to the engine broke: {error}",
            todo="check that it runs: `docker info`",
        ) from error
