"""`kernel-containers clean`."""

from __future__ import annotations

from dataclasses import asdict

import click

from kernel_containers.cli.options import json_option
from kernel_containers.cli.output import Output
from kernel_containers.core.sizes import size_text
from kernel_containers.errors import Refused, Unavailable


@click.command("clean")
@click.option("--cache", is_flag=True, help="Remove cached layers and packages, too.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@json_option
def command(cache: bool, dry_run: bool, as_json: bool) -> None:
    """Remove what ended processes left: containers, runs, half-loaded images, files."""
    from kernel_containers.engine import connect
    from kernel_containers.workflow.clean import clean
    from kernel_containers.workflow.settings import read_settings

    output = Output(as_json=as_json)
    try:
        engine = connect()
    except (Refused, Unavailable) as error:
        if not cache:
            raise
        engine = None  # a full disk may be why it does not answer
        output.note(f"Containers were not looked at. {error.what}")
    cleaned = clean(engine, read_settings(), cache=cache, dry_run=dry_run)
    verb = "Would remove" if dry_run else "Removed"
    lines = [f"{verb} the container {name}." for name in cleaned.containers]
    lines += [f"The only copy of a run's outputs is in {place}." for place in cleaned.kept]
    lines += [f"{verb} the image {name}." for name in cleaned.images]
    if cleaned.leftovers:
        lines.append(f"{verb} {size_text(cleaned.leftovers)} of files that nobody uses.")
    if cache:
        lines.append(f"{verb} {size_text(cleaned.cache)} of cached data.")
    output.result(asdict(cleaned), "\n".join(lines) or "Nothing to remove.")
