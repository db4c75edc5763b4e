"""`kernel-containers check`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from kernel_containers.cli.options import json_option
from kernel_containers.cli.output import Output


@click.command("check")
@click.argument("notebook", type=click.Path(path_type=Path))
@json_option
def command(notebook: Path, as_json: bool) -> int:
    """Say how fit NOTEBOOK is to be run unattended; exits with 1 where a run would fail."""
    from kernel_containers.workflow.check import check_notebook

    found = check_notebook(notebook)
    lines: list[str] = []
    for remark in found:
        place = "" if remark.cell is None else f"cell {remark.cell + 1}, line {remark.line}: "
        lines += [
            f"{remark.severity}  {place}{remark.what} [{remark.code}]",
            f"         Cause: {remark.why}",
            f"         Try: {remark.todo}",
        ]
    text = "\n".join(lines) or "Nothing speaks against running it unattended."
    Output(as_json=as_json).result([asdict(remark) for remark in found], text)
    return int(any(remark.severity == "error" for remark in found))
