"""Credentials checked with a registry, then kept where `docker login` keeps them."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kernel_containers.core.oci_json import read_object
from kernel_containers.core.scratch import scratch
from kernel_containers.errors import CannotWrite, InvalidInput, Unavailable
from kernel_containers.registry.check import check
from kernel_containers.registry.connect import open_registry
from kernel_containers.registry.docker_config import (
    HUB,
    HUB_SERVER,
    config_path,
    plain_host,
    read_docker_config,
)
from kernel_containers.registry.watching import LONGEST_QUESTION, within

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kernel_containers.registry.settings import RegistrySettings


def sign_in(
    host: str,
    username: str,
    password: str,
    settings: RegistrySettings,
    *,
    environ: Mapping[str, str],
    wait: float = LONGEST_QUESTION,
) -> None:
    """Keep the credentials of a registry that takes them within `wait` seconds.

    Raises:
        InvalidInput: the name has a colon, or Docker's config.json is broken.
        Unauthorized: the registry does not take them; nothing is kept.
        TryAgain, Unavailable: the registry or the credential helper does not answer.
        CannotWrite: Docker's config.json can't be written.
    """
    if ":" in username:
        raise InvalidInput("A user name can't have a colon.")
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    path = settings.docker_config or config_path(environ)
    config = read_docker_config(path)
    with scratch() as folder:
        trial = folder / "config.json"
        trial.write_text(json.dumps({"auths": {host: {"auth": pair}}}))
        trying = replace(settings, docker_config=trial)
        with (
            open_registry(host, trying, environ=environ) as found,
            within(found.transport, wait),
        ):
            check(found)
    server = HUB_SERVER if plain_host(host) == HUB else host
    helper = config.helper_for(host)
    if helper:
        told = {"ServerURL": server, "Username": username, "Secret": password}
        _tell_helper(helper, told, environ, settings.helper_timeout)
    _write(path, server, {} if helper else {"auth": pair})


def _tell_helper(
    name: str, told: Mapping[str, str], environ: Mapping[str, str], timeout: float
) -> None:
    program = f"docker-credential-{name}"
    try:
        ended = subprocess.run(
            [program, "store"],
            input=json.dumps(told).encode(),
            capture_output=True,
            timeout=timeout,
            env=dict(environ),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        # The error's own text holds what the program was given.
        raise Unavailable(
            f"{program} did not keep the credentials.", why=type(error).__name__
        ) from None
    if ended.returncode != 0:
        raise Unavailable(
            f"{program} did not keep the credentials.",
            todo=f"try it in a terminal: docker login {told['ServerURL']}",
        )


def _write(path: Path, server: str, entry: Mapping[str, str]) -> None:
    """Put one entry into the file and leave all else in it as it is."""
    try:
        value: dict[str, Any] = read_object(path.read_bytes(), str(path)) if path.exists() else {}
        value["auths"] = {**(value.get("auths") or {}), server: dict(entry)}
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = path.resolve()  # a link to a file that is kept elsewhere stays one
        fresh = target.with_name(f".{target.name}.{os.getpid()}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(value, file, indent="\t")
        fresh.replace(target)
    except OSError as error:
        raise CannotWrite(f"{path} can't be written.", why=error.strerror) from error
