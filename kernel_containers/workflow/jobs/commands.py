"""Command lines that do what a request of the wizard does. No secret's value is in any of them."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from kernel_containers.core.contract import OUTPUT_VARIABLE, SECRETS_FOLDER
from kernel_containers.core.declarations import declaration_to_text
from kernel_containers.core.uris import Uri

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kernel_containers.core.containers import Resources
    from kernel_containers.workflow.images.plan import ContainerizeRequest
    from kernel_containers.workflow.kernels.add_kernel import KernelRequest

PROGRAM = "kernel-containers"


def containerize_command(
    request: ContainerizeRequest, *, allow_secrets: bool = False, verify_environment: bool = False
) -> str:
    """Return `kernel-containers containerize …`."""
    words = [PROGRAM, "containerize", str(request.notebook)]
    words += _option("--kernel", request.kernel)
    words += _option("--to", str(request.destination) if request.destination else None)
    words += _options("--parameter", request.parameters or ())
    words += _options("--secret", request.secrets)
    words += _options("--declare", map(declaration_to_text, request.declarations))
    words += _options("--include", map(str, request.includes))
    words += _options("--exclude", map(str, request.excludes))
    words += _option("--base", request.base)
    words += _option("--kernel-id", request.kernel_id)
    words += _option("--compression", None if request.compression == "gzip" else "zstd")
    words += _option("--title", request.title)
    words += _option("--description", request.description)
    words += ["--verify-environment"] if verify_environment else []
    return shlex.join([*words, *(["--allow-secrets"] if allow_secrets else [])])


def push_command(image: str, to: object, *, create: bool, overwrite: bool) -> str:
    """Return `kernel-containers push …`."""
    flags = [*(["--create"] if create else []), *(["--overwrite"] if overwrite else [])]
    return shlex.join([PROGRAM, "push", image, "--to", str(to), *flags])


def add_kernel_command(request: KernelRequest) -> str:
    """Return `kernel-containers kernel add …`; values of variables are left to the shell."""
    config = request.config
    words = [PROGRAM, "kernel", "add", request.name]
    words += _option("--image", request.image)
    words += _option("--prefix", str(request.prefix) if request.prefix else None)
    words += _option("--base", request.base)
    words += _option("--display-name", request.display_name)
    for name in ("network", "memory", "cpus", "pids", "shm_size", "gpus"):
        value = config.get(name)
        words += _option(f"--{name.replace('_', '-')}", None if value is None else str(value))
    mounts: Any = config.get("mounts") or ()
    for mount in mounts:
        ending = ":ro" if mount.get("read_only") else ""
        words += ["--mount", f"{mount['source']}:{mount.get('target', mount['source'])}{ending}"]
    passed: Any = config.get("env_passthrough") or ()
    words += _options("--pass-env", passed)
    words += _options("--env", request.environment)
    return shlex.join([*words, *(["--read-only"] if config.get("read_only") else [])])


def run_command(
    image: str,
    values: Mapping[str, Any],
    secrets: Iterable[str],
    output: str,
    resources: Resources,
) -> str:
    """Return `kernel-containers run …`."""
    words = [PROGRAM, "run", image, *_values(values), "--output", output]
    words += _options("--secret", secrets)
    for name in ("memory", "cpus", "pids", "shm_size", "gpus"):
        value = getattr(resources, name)
        words += _option(f"--{name.replace('_', '-')}", None if value is None else str(value))
    return shlex.join(words)


def docker_command(
    image: str, values: Mapping[str, Any], secrets: Iterable[str], output: str
) -> str:
    """Return `docker run …`; each secret is a file of its name in the current folder."""
    words = ["docker", "run", "--rm"]
    text = ""
    place = Uri.parse(output)
    if place.scheme == "file":
        words += ["-v", f"{place.path}:{place.path}"]
        text = ' --user "$(id -u):0"'
    words += ["-e", f"{OUTPUT_VARIABLE}={output}"]
    before = shlex.join(words)
    mounts = "".join(
        f' -v "$PWD"/{shlex.quote(f"{name}:{SECRETS_FOLDER}/{name}:ro")}' for name in secrets
    )
    return f"{before}{text}{mounts} {shlex.join([image, *_values(values)])}"


def _values(values: Mapping[str, Any]) -> list[str]:
    words: list[str] = []
    for name, value in values.items():
        if isinstance(value, str):
            words += ["-r", name, value]
        else:
            words += ["-p", name, json.dumps(value, ensure_ascii=False)]
    return words


def _option(name: str, value: str | None) -> list[str]:
    return [] if value is None else [name, value]


def _options(name: str, values: Iterable[str]) -> list[str]:
    return [word for value in values for word in (name, value)]
