"""`kernel-containers kernel add|list|remove`."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kernel_containers.cli.options import json_option, limits
from kernel_containers.cli.output import Output, table
from kernel_containers.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.core.containers import Mount
    from kernel_containers.kernels.kernelspecs import KernelSpec


@click.group("kernel")
def command() -> None:
    """Install, list and remove kernels that run in containers."""


@command.command("add")
@click.argument("name")
@click.option("--image", metavar="REF", help="An image with Python and ipykernel.")
@click.option("--prefix", type=click.Path(path_type=Path), help="A venv or conda environment here.")
@click.option("--base", metavar="REF", help="The base image under --prefix.")
@click.option("--display-name", metavar="TEXT")
@click.option("--network", metavar="NAME", help="bridge, none, host or a network's name.")
@click.option("--mount", "mounts", multiple=True, metavar="SOURCE[:TARGET[:ro]]")
@click.option("--env", "environment", multiple=True, metavar="NAME[=VALUE]")
@click.option(
    "--pass-env", "passed", multiple=True, metavar="NAME", help="Taken over at each start."
)
@click.option("--read-only", is_flag=True, help="A read-only root file system.")
@limits
@json_option
def add(name: str, image: str | None, prefix: Path | None, as_json: bool, **options: Any) -> None:
    """Install the kernelspec NAME."""
    from kernel_containers.engine import connect
    from kernel_containers.workflow.add_kernel import KernelRequest, add_kernel
    from kernel_containers.workflow.settings import read_settings
    from kernel_containers.workflow.submit import parse_environment

    if (image is None) == (prefix is None):
        raise UsageError("A kernel needs either --image REF or --prefix PATH.")
    output = Output(as_json=as_json)
    request = KernelRequest(
        name=name,
        image=image,
        prefix=prefix,
        base=options["base"],
        display_name=options["display_name"],
        environment=parse_environment(options["environment"], os.environ),
        config=_config(options),
    )
    engine = connect()
    with output.progress() as report:
        spec = add_kernel(request, engine, read_settings(), report)
    libraries = [name for mount in _mounts(spec) if ".so" in (name := Path(mount.target).name)]
    lacking = f"\nmounted, as the base image lacks them: {', '.join(libraries)}"
    output.result(
        {
            "name": spec.name,
            "display_name": spec.display_name,
            "folder": str(spec.folder),
            "libraries": libraries,
        },
        f"{spec.display_name}\ninstalled as {spec.name} in {spec.folder}"
        f"{lacking if libraries else ''}",
    )


def _mounts(spec: KernelSpec) -> tuple[Mount, ...]:
    return spec.config.mounts if spec.config else ()


def _config(options: Mapping[str, Any]) -> dict[str, object]:
    config = {
        "network": options["network"],
        "mounts": [mount_from(text) for text in options["mounts"]],
        "env_passthrough": list(options["passed"]),
        "read_only": options["read_only"] or None,
        "memory": options["memory"],
        "cpus": options["cpus"],
        "pids": options["pids"],
        "shm_size": options["shm_size"],
        "gpus": options["gpus"],
    }
    return {name: value for name, value in config.items() if value not in (None, [])}


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


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the kernelspecs whose kernels run in containers."""
    from kernel_containers.kernels import kernelspecs

    specs = [spec for spec in kernelspecs.list_kernels() if spec.config]
    rows = [
        (spec.name, spec.display_name, spec.config.prefix or spec.config.image)
        for spec in specs
        if spec.config
    ]
    Output(as_json=as_json).result(
        [
            {
                "name": spec.name,
                "display_name": spec.display_name,
                "folder": str(spec.folder),
                "config": asdict(spec.config) if spec.config else None,
            }
            for spec in specs
        ],
        table(rows, ("NAME", "DISPLAY NAME", "SOURCE"))
        if rows
        else "No containerized kernels yet.",
    )


@command.command("remove")
@click.argument("name")
@json_option
def remove(name: str, as_json: bool) -> None:
    """Remove the kernelspec NAME; running kernels are not touched."""
    from kernel_containers.kernels import kernelspecs

    kernelspecs.remove(name)
    Output(as_json=as_json).result({"removed": name}, f"Removed {name}.")
