"""`kernel-containers push`."""

from __future__ import annotations

from dataclasses import asdict

import click

from kernel_containers.cli.options import json_option
from kernel_containers.cli.output import Output
from kernel_containers.core.sizes import size_text


@click.command("push")
@click.argument("image")
@click.option("--to", required=True, metavar="HOST/REPOSITORY:TAG", help="Where it goes.")
@click.option("--create", is_flag=True, help="Create the repository if it does not exist.")
@click.option("--overwrite", is_flag=True, help="Move the tag if it exists.")
@json_option
def command(image: str, to: str, create: bool, overwrite: bool, as_json: bool) -> None:
    """Bring IMAGE, which `containerize` left in the engine, to a registry."""
    from kernel_containers.core.reference import parse_destination
    from kernel_containers.engine import connect
    from kernel_containers.workflow.images.push_image import push_image, registry_destination
    from kernel_containers.workflow.registries import Registries
    from kernel_containers.workflow.settings import read_settings

    output, settings = Output(as_json=as_json), read_settings()
    reference = registry_destination(parse_destination(to))
    with output.progress() as report, Registries(settings) as registries:
        registries.prepare(reference, report, create=create, overwrite=overwrite)
        done = push_image(image, reference, connect(), registries, settings=settings, report=report)
    output.result(
        {**asdict(done), "digest": str(done.digest)},
        f"{done.reference}\n{size_text(done.sent)} sent in {done.seconds:.1f} s",
    )
