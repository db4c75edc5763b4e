"""The options of `kernel add` that become keys of kernel.json."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, get_args

import click

from kernel_containers.cli.options import Command, limits
from kernel_containers.errors import UsageError
from kernel_containers.kernels.config import Pool, Restart, Transport, Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

# Options whose value is that of the key.
_KEYS = (
    *("network", "transport", "pool", "workspace", "workdir", "user", "restart", "outlive"),
    *("start_timeout", "memory", "cpus", "pids", "shm_size", "gpus", "docker_host"),
)


def container_options(command: Command) -> Command:
    """Add the options."""
    for option in reversed(
        (
            click.option(
                *("--mount", "mounts"),
                multiple=True,
                metavar="SOURCE[:TARGET[:ro]]",
                help="A folder or file of this machine. [at the same path]",
            ),
            click.option("--tmpfs", multiple=True, metavar="TARGET[:OPTIONS]", help="In memory."),
            click.option(
                "--workspace",
                type=click.Choice(get_args(Workspace)),
                help="The folder of notebooks that kernels see. [root-dir: the server's]",
            ),
            click.option("--workdir", metavar="PATH", help="Where kernels start."),
            click.option(
                *("--env", "environment"),
                multiple=True,
                metavar="NAME[=VALUE]",
                help="A variable of its kernels. [its value here]",
            ),
            click.option(
                *("--pass-env", "passed"),
                multiple=True,
                metavar="NAME",
                help="Taken over at each start.",
            ),
            click.option(
                "--user", metavar="host|image|UID[:GID]", help="Who kernels are. [host: you]"
            ),
            click.option(
                *("--group", "groups"),
                type=int,
                multiple=True,
                metavar="GID",
                help="A further group of that user.",
            ),
            click.option("--network", metavar="NAME", help="bridge, none, host or a network's."),
            click.option(
                "--transport",
                type=click.Choice(get_args(Transport)),
                help="How kernels are reached. [auto: the fastest that works]",
            ),
            click.option("--pool", type=click.Choice(get_args(Pool)), help="What waits ready."),
            click.option("--read-only", is_flag=True, help="A read-only root file system."),
            click.option("--keep-capabilities", is_flag=True, help="Root's, for user `image`."),
            click.option(
                "--restart",
                type=click.Choice(get_args(Restart)),
                help="What happens to the container at a kernel's restart. [keep]",
            ),
            click.option(
                "--outlive", type=float, metavar="SECONDS", help="How long without its server."
            ),
            click.option(
                "--start-timeout", type=float, metavar="SECONDS", help="Until a kernel answers."
            ),
            click.option(
                *("--label", "labels"),
                multiple=True,
                metavar="NAME=VALUE",
                help="A label of its containers.",
            ),
            click.option(
                "--docker-host", metavar="ADDRESS", help="Another engine, as in DOCKER_HOST."
            ),
        )
    ):
        command = option(command)
    return limits(command)


def config_from(options: Mapping[str, Any]) -> dict[str, object]:
    """Return the keys of kernel.json that were given.

    Raises:
        UsageError: a mount, or a label without a value.
    """
    config = {
        **{name: options[name] for name in _KEYS},
        "mounts": [mount_from(text) for text in options["mounts"]],
        "tmpfs": {path: rest for path, _, rest in (t.partition(":") for t in options["tmpfs"])},
        "env_passthrough": list(options["passed"]),
        "groups": list(options["groups"]),
        "labels": dict(_label(text) for text in options["labels"]),
        "read_only": options["read_only"] or None,
        "drop_capabilities": False if options["keep_capabilities"] else None,
    }
    return {name: value for name, value in config.items() if value not in (None, [], {})}


def mount_from(text: str) -> dict[str, object]:
    """Return the kernel.json form of SOURCE[:TARGET[:ro]]; a source is a path as in a shell.

    Raises:
        UsageError: no source, or another mode.
    """
    source, _, rest = text.partition(":")
    target, _, mode = rest.partition(":")
    if not source or mode not in ("", "ro", "rw"):
        raise UsageError(f"{text!r} is not a mount.", todo="give SOURCE[:TARGET[:ro]]")
    source = os.path.abspath(os.path.expanduser(source))  # noqa: PTH100, PTH111 - and no `..`
    return {"source": source, "target": target or source, "read_only": mode == "ro"}


def parse_environment(items: tuple[str, ...], environ: Mapping[str, str]) -> dict[str, str]:
    """Return variables from `NAME=value` or `NAME`, the latter taken from this process.

    Raises:
        UsageError: no name, or a name alone that this process does not have.
    """
    found: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not name:
            raise UsageError(f"{item!r} has no name.", todo="give NAME=VALUE or NAME")
        if not equals:
            if name not in environ:
                raise UsageError(
                    f"The variable {name} is not set here, so it can't be passed on.",
                    todo=f"export it, or give {name}=VALUE",
                )
            value = environ[name]
        found[name] = value
    return found


def _label(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise UsageError(f"{text!r} is not a label.", todo="give NAME=VALUE")
    return name, value
