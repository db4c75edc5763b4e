"""`kernel-containers runs [show|open]`."""

from __future__ import annotations

import json
import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kernel_containers.cli.options import json_option
from kernel_containers.cli.output import Output, table
from kernel_containers.core.uris import Uri
from kernel_containers.errors import NotFound

if TYPE_CHECKING:
    from kernel_containers.workflow.run_store import StoredRun

prefix_option = click.option(
    "--prefix", metavar="URI", help="Where the runs were written. [./runs]"
)


def _prefix(ctx: click.Context, text: str | None) -> Uri:
    """The command's own --prefix, or that of `runs --prefix URI COMMAND`."""
    from kernel_containers.workflow.submit import place_of

    group = ctx.parent.params.get("prefix") if ctx.parent else None
    return place_of(text or group or "runs")


@click.group("runs", invoke_without_command=True)
@prefix_option
@click.option("--notebook", metavar="SLUG", help="Only runs of this notebook.")
@json_option
@click.pass_context
def command(ctx: click.Context, prefix: str | None, notebook: str | None, as_json: bool) -> None:
    """List runs, newest first."""
    if ctx.invoked_subcommand:
        return
    from kernel_containers.workflow.run_store import list_runs

    found = list_runs(_prefix(ctx, prefix), notebook)
    rows = [
        (
            run.run_id,
            run.notebook,
            str(run.report.get("status", "")),
            _duration(run.report.get("seconds")),
        )
        for run in found
    ]
    Output(as_json=as_json).result(
        [_as_json(run) for run in found],
        table(rows, ("RUN", "NOTEBOOK", "STATUS", "DURATION")) if rows else "No runs.",
    )


def _duration(seconds: object) -> str:
    return f"{seconds:.1f} s" if isinstance(seconds, int | float) else ""


def _as_json(run: StoredRun) -> dict[str, object]:
    return {"run_id": run.run_id, "notebook": run.notebook, "uri": str(run.uri), **run.report}


@command.command("show")
@click.argument("run_id", default="latest")
@prefix_option
@json_option
@click.pass_context
def show(ctx: click.Context, run_id: str, prefix: str | None, as_json: bool) -> None:
    """Print the report of RUN_ID, or of the latest run."""
    from kernel_containers.workflow.run_store import read_run

    run = read_run(_prefix(ctx, prefix), run_id)
    text = json.dumps(run.report, indent=2, ensure_ascii=False)
    Output(as_json=as_json).result(_as_json(run), text)


@command.command("open")
@click.argument("run_id", default="latest")
@prefix_option
@json_option
@click.pass_context
def open_(ctx: click.Context, run_id: str, prefix: str | None, as_json: bool) -> None:
    """Open the HTML of RUN_ID, or of the latest run, in a browser."""
    from kernel_containers.workflow.run_store import read_file, read_run

    run = read_run(_prefix(ctx, prefix), run_id)
    if run.html is None:
        raise NotFound(f"The run {run.run_id} wrote no HTML.")
    uri = Uri.parse(run.html)
    path = Path(uri.path)
    if uri.scheme == "s3":
        path = Path(tempfile.mkdtemp(prefix="kernel-containers-")) / f"{run.run_id}.html"
        path.write_bytes(read_file(uri))
    opened = webbrowser.open(path.as_uri())
    Output(as_json=as_json).result({"path": str(path), "opened": opened}, str(path))
