"""`kernel-containers runs [show|open]`."""

from __future__ import annotations

import csv
import io
import json
import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kernel_containers.cli.options import json_option
from kernel_containers.cli.output import Output, table
from kernel_containers.core.uris import Uri
from kernel_containers.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kernel_containers.workflow.runs.run_store import StoredRun

LONGEST_CELL = 40  # characters of a value in a table for people

prefix_option = click.option(
    "--prefix", metavar="URI", help="Where the runs were written. [./runs]"
)


def _prefix(ctx: click.Context, text: str | None) -> Uri:
    """The command's own --prefix, or that of `runs --prefix URI COMMAND`."""
    from kernel_containers.workflow.runs.submit import place_of

    group = ctx.parent.params.get("prefix") if ctx.parent else None
    return place_of(text or group or "runs")


@click.group("runs", invoke_without_command=True)
@prefix_option
@click.option("--notebook", metavar="NAME", help="Only runs of this notebook.")
@click.option("--status", "statuses", multiple=True, metavar="STATUS", help="Such as failed.")
@click.option("--since", metavar="TIME", help="Such as 7d, 12h, 2026-11-20.")
@click.option("--table", "as_table", is_flag=True, help="With all parameters and scraps.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the table as CSV.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    prefix: str | None,
    as_table: bool,
    as_csv: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """List runs, newest first: folders with a report, and notebooks that papermill executed."""
    if ctx.invoked_subcommand:
        return
    from kernel_containers.workflow.runs.run_filter import make_filter
    from kernel_containers.workflow.runs.run_store import list_runs

    only = make_filter(options["notebook"], options["statuses"], options["since"])
    found = list_runs(_prefix(ctx, prefix), only=only)
    output = Output(as_json=as_json)
    if as_table or as_csv:
        _print_table(output, found, as_csv=as_csv)
        return
    output.result([_as_json(run) for run in found], _list(found) if found else "No runs.")


def _list(found: Sequence[StoredRun]) -> str:
    rows = [
        (run.run_id, run.notebook, run.status, _duration(run.report.get("seconds")))
        for run in found
    ]
    problems = [f"{run.run_id}: {run.problem}" for run in found if run.problem]
    return "\n".join([table(rows, ("RUN", "NOTEBOOK", "STATUS", "DURATION")), *problems])


def _print_table(output: Output, found: Sequence[StoredRun], *, as_csv: bool) -> None:
    from kernel_containers.workflow.runs.run_table import (
        FACTS,
        columns_of,
        parts_of,
        row_of,
    )

    rows = [row_of(run) for run in found]
    columns = columns_of(rows)
    if as_csv:
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_as_text(row.get(name)) for name in columns] for row in rows)
        output.result([parts_of(row) for row in rows], text.getvalue().rstrip("\n"))
        return
    shown = ["run_id", "notebook", "status", "started", "seconds"]
    shown += [name for name in columns if name not in FACTS]
    shown += ["problem"] if any(row["problem"] for row in rows) else []
    lines = [[_short(_as_text(row.get(name))) for name in shown] for row in rows]
    output.result([parts_of(row) for row in rows], table(lines, shown) if rows else "No runs.")


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if hasattr(value, "isoformat"):
        return str(value.isoformat(timespec="seconds")).replace("+00:00", "Z")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_CELL else f"{line[: LONGEST_CELL - 1]}…"


def _duration(seconds: object) -> str:
    return f"{seconds:.1f} s" if isinstance(seconds, int | float) else ""


def _as_json(run: StoredRun) -> dict[str, object]:
    return {
        "run_id": run.run_id,
        "notebook": run.notebook,
        "uri": str(run.uri),
        "problem": run.problem,
        **run.report,
    }


@command.command("show")
@click.argument("run_id", default="latest")
@prefix_option
@json_option
@click.pass_context
def show(ctx: click.Context, run_id: str, prefix: str | None, as_json: bool) -> None:
    """Print the report of RUN_ID, or of the latest run."""
    from kernel_containers.workflow.runs.run_store import read_run

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
    from kernel_containers.workflow.runs.run_store import read_run
    from kernel_containers.workflow.runs.stores import Pieces

    run = read_run(_prefix(ctx, prefix), run_id)
    if run.html is None:
        said = str(run.report.get("message") or "").partition("\n")[0]
        raise NotFound(
            f"The run {run.run_id} wrote no HTML.",
            why=run.problem or said or None,
            todo="open another: `kernel-containers runs` lists them",
        )
    uri = Uri.parse(run.html)
    path = Path(uri.path)
    if uri.scheme == "s3":
        path = Path(tempfile.mkdtemp(prefix="kernel-containers-")) / f"{run.run_id}.html"
        with path.open("wb") as file:
            file.writelines(Pieces(uri))
    opened = webbrowser.open(path.as_uri())
    Output(as_json=as_json).result({"path": str(path), "opened": opened}, str(path))
