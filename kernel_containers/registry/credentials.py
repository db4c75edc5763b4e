"""Who we are for a registry: from config.json and the credential helpers that it names.

https://github.com/docker/docker-credential-helpers describes the helpers' protocol.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kernel_containers.errors import InvalidInput, NotFound, Unauthorized, Unavailable
from kernel_containers.registry.docker_config import HUB, HUB_SERVER, plain_host

if TYPE_CHECKING:
    from kernel_containers.registry.docker_config import DockerConfig

_HELPER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NOT_THERE = ("credentials not found", "no credentials", "no basic auth credentials")
_NOT_A_NAME = "<token>"  # the secret is an identity token


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name with its password, or with an identity token that buys access tokens."""

    username: str
    secret: str = field(repr=False)
    is_identity_token: bool = False

    @property
    def basic(self) -> str:
        """The value of an `Authorization` header of scheme Basic."""
        pair = f"{self.username}:{self.secret}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


def find_credentials(
    host: str, config: DockerConfig, *, environ: Mapping[str, str], timeout: float
) -> Credentials | None:
    """Return what `docker login` stored for `host`; None means that there is nothing.

    A helper is asked before the file, as Docker does. `timeout` is in seconds.

    Raises:
        NotFound: the helper is not installed.
        Unauthorized: the helper did not give the credentials.
        Unavailable: the helper did not end in time.
        InvalidInput: the entry is malformed.
    """
    helper = config.helper_for(host)
    found = _ask_helper(helper, host, config, environ, timeout) if helper else None
    return found or _from_entry(host, config)


def _from_entry(host: str, config: DockerConfig) -> Credentials | None:
    entry = config.entry_for(host)
    username = str(entry.get("username") or "")
    password = str(entry.get("password") or "")
    if entry.get("auth"):
        try:
            pair = base64.b64decode(str(entry["auth"]), validate=True).decode()
        except ValueError:
            pair = ""
        username, colon, password = pair.partition(":")
        if not colon:
            # The decoding error would quote the secret, so it is not chained.
            raise InvalidInput(
                f"The entry for {host} in {config.path} is malformed.",
                why="auth is not the base64 text of name:password",
                todo=f"docker login {host}",
            )
    if entry.get("identitytoken"):
        return Credentials(username, str(entry["identitytoken"]), is_identity_token=True)
    # Docker pads what it stores with zero bytes.
    password = password.strip("\x00")
    return Credentials(username, password) if username or password else None


def _ask_helper(
    name: str, host: str, config: DockerConfig, environ: Mapping[str, str], timeout: float
) -> Credentials | None:
    if not _HELPER_NAME.fullmatch(name):
        raise InvalidInput(f"{name!r} in {config.path} is not the name of a credential helper.")
    program = f"docker-credential-{name}"
    server = HUB_SERVER if plain_host(host) == HUB else host
    try:
        ended = subprocess.run(
            [program, "get"],
            input=server.encode(),
            capture_output=True,
            timeout=timeout,
            env=dict(environ),
            check=False,
        )
    except FileNotFoundError as error:
        raise NotFound(
            f"{config.path} keeps the credentials for {host} in {program}, which is not installed.",
            todo=f"put {program} on PATH, or remove the helper from {config.path} and run "
            f"docker login {host}",
        ) from error
    except OSError as error:
        raise Unavailable(f"{program} could not be started.", why=error.strerror) from error
    except subprocess.TimeoutExpired as error:
        raise Unavailable(
            f"{program} did not answer within {timeout:g} s.",
            todo=f"run 'echo {server} | {program} get' in a terminal to see what it waits for",
        ) from error
    if ended.returncode != 0:
        message = (ended.stdout + ended.stderr).decode(errors="replace")
        if any(phrase in message.lower() for phrase in _NOT_THERE):
            return None
        raise Unauthorized(
            f"{program} did not give the credentials for {server}.",
            why=next(iter(message.strip().splitlines()), "it ended without a message")[:200],
            todo=f"unlock the store, or log in again: docker login {server}",
        )
    return _from_helper(program, ended.stdout)


def _from_helper(program: str, output: bytes) -> Credentials | None:
    try:
        answer: Any = json.loads(output)
    except ValueError:
        answer = None
    if not isinstance(answer, Mapping) or not isinstance(answer.get("Secret"), str):
        # The output may hold a secret, so neither it nor the parser's error is shown.
        raise Unavailable(f"{program} did not answer with a username and a secret.")
    username = str(answer.get("Username") or "")
    if not username and not answer["Secret"]:
        return None
    return Credentials(username, answer["Secret"], username == _NOT_A_NAME)
