"""`kernel-containers kernel add|pull|list|remove`."""

from __future__ import annotations

import os
import shlex
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kernel_containers.cli.kernel_options import config_from, container_options, parse_environment
from kernel_containers.cli.options import GIVEN, GIVEN_PATH, json_option
from kernel_containers.cli.output import Output, table
from kernel_containers.errors import UsageError

if TYPE_CHECKING:
    from kernel_containers.core.containers import Mount
    from kernel_containers.engine import Engine
    from kernel_containers.kernels.kernelspecs import KernelSpec
    from kernel_containers.workflow.kernels.add_kernel import KernelRequest


@click.group("kernel")
def command() -> None:
    """Install, fetch, list and remove kernels that run in containers."""


@command.command("add")
@click.argument("name", required=False)
@click.option("--image", type=GIVEN, metavar="REF", help="An image with Python and ipykernel.")
@click.option("--prefix", type=GIVEN_PATH, help="A venv or conda environment here.")
@click.option("--all", "every", is_flag=True, help="Each Python environment that is found here.")
@click.option("--dry-run", is_flag=True, help="With --all: only list what would be added.")
@click.option("--base", type=GIVEN, metavar="REF", help="The base image under --prefix.")
@click.option("--display-name", metavar="TEXT", help="What the launcher shows.")
@click.option("--command", "words", metavar="TEXT", help="What starts the kernel in the image.")
@click.option("--language", metavar="NAME", help="The language of --command.")
@container_options
@json_option
def add(
    name: str | None, every: bool, image: str | None, prefix: Path | None, **options: Any
) -> None:
    """Install the kernelspec NAME, or with --all one for each environment of this machine.

    With --command, an image needs no Python: R --slave -e 'IRkernel::main()' --args
    {connection_file} starts R. {connection_file} stands where the kernel expects the file.
    """
    from kernel_containers.workflow.kernels.add_kernel import KernelRequest, add_kernel
    from kernel_containers.workflow.settings import read_settings

    output = Output(as_json=options["as_json"])
    request = KernelRequest(
        name=name or "",
        image=image,
        prefix=prefix,
        base=options["base"],
        display_name=options["display_name"],
        command=_words(options["words"] or ""),
        language=options["language"],
        environment=parse_environment(options["environment"], os.environ),
        config=config_from(options),
    )
    if every:
        if name or image or prefix or options["words"]:
            raise UsageError(
                "--all takes no NAME, --image, --prefix or --command.",
                todo="leave them out, or leave out --all to add one kernel",
            )
        _add_all(request, output, dry_run=options["dry_run"])
        return
    if not name:
        raise UsageError("A kernel needs a NAME.", todo="give one, or --all for all environments")
    engine = _connect(options["docker_host"])
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


def _words(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError("--command can't be split into words.", why=str(error)) from error


def _connect(host: str | None, origin: str = "--docker-host") -> Engine:
    """Return the engine where the kernels will be; None for the docker command's."""
    from kernel_containers.engine import connect
    from kernel_containers.engine.endpoint import find_endpoint

    if not host:
        return connect()
    found = find_endpoint({**os.environ, "DOCKER_HOST": host})
    return connect(endpoint=replace(found, origin=origin))


def _mounts(spec: KernelSpec) -> tuple[Mount, ...]:
    return spec.config.mounts if spec.config else ()


def _add_all(request: KernelRequest, output: Output, *, dry_run: bool) -> None:
    from kernel_containers.workflow.kernels.add_all import add_all
    from kernel_containers.workflow.settings import read_settings

    host = request.config.get("docker_host")
    engine = None if dry_run else _connect(str(host) if host else None)
    with output.progress() as report:
        twins = add_all(request, engine, read_settings(), Path.cwd(), report)
    rows = [(twin.outcome, twin.name, twin.prefix, twin.why or "") for twin in twins]
    output.result(
        [asdict(twin) for twin in twins],
        table(rows, ("OUTCOME", "NAME", "ENVIRONMENT", "WHY"))
        if rows
        else "No Python environments were found.",
    )


@command.command("pull")
@click.argument("name")
@json_option
def pull(name: str, as_json: bool) -> None:
    """Fetch the image of the kernelspec NAME: starting a kernel never does."""
    from kernel_containers.kernels import kernelspecs
    from kernel_containers.workflow.kernels.kernel_image import pull_kernel_image

    output = Output(as_json=as_json)
    config = kernelspecs.find(name).config
    engine = _connect(config.docker_host if config else None, "the kernel's kernel.json")
    with output.progress() as report:
        image = pull_kernel_image(name, engine, report)
    output.result({"name": name, "image": str(image.id)}, f"The image of {name} is there.")


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the kernelspecs whose kernels run in containers."""
    from kernel_containers.kernels import kernelspecs

    found = [(spec, spec.config) for spec in kernelspecs.list_kernels() if spec.config]
    rows = [(spec.name, spec.display_name, config.prefix or config.image) for spec, config in found]
    Output(as_json=as_json).result(
        [
            {
                "name": spec.name,
                "display_name": spec.display_name,
                "folder": str(spec.folder),
                "config": asdict(config),
            }
            for spec, config in found
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
