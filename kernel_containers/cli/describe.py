"""`kernel-containers describe`."""

from __future__ import annotations

import json

import click

from kernel_containers.cli.options import json_option
from kernel_containers.cli.output import Output


@click.command("describe")
@click.argument("image")
@json_option
def command(image: str, as_json: bool) -> None:
    """Print the parameters of IMAGE as JSON Schema."""
    from kernel_containers.workflow.describe import describe
    from kernel_containers.workflow.settings import read_settings

    schema = describe(image, read_settings())
    Output(as_json=as_json).result(schema, json.dumps(schema, indent=2, ensure_ascii=False))
