"""`kernel-containers describe`."""

from __future__ import annotations

import json

import click

from kernel_containers.cli.options import json_option
from kernel_containers.cli.output import Output


@click.command("describe")
@click.argument("image")
@click.option("--sbom", is_flag=True, help="Print its packages, as CycloneDX, instead.")
@json_option
def command(image: str, sbom: bool, as_json: bool) -> None:
    """Print the parameters of IMAGE as JSON Schema."""
    from kernel_containers.workflow.images.describe import describe, describe_sbom
    from kernel_containers.workflow.settings import read_settings

    found = (describe_sbom if sbom else describe)(image, read_settings())
    Output(as_json=as_json).result(found, json.dumps(found, indent=2, ensure_ascii=False))
