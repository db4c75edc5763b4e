"""`kernel-containers run`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from kernel_containers.cli.options import json_option, limits, resources_from
from kernel_containers.cli.output import Output
from kernel_containers.errors import UsageError
from kernel_containers.workflow.runs.outcome import failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.workflow.runs.run_arguments import RunOptions
    from kernel_containers.workflow.runs.submit import Outcome

SECONDS = click.FloatRange(min=0, min_open=True)


@click.command("run")
@click.argument("image")
@click.option(
    *("-p", "--parameter", "parameters"),
    nargs=2,
    multiple=True,
    metavar="NAME VALUE",
    help="A value of the parameter's type; @FILE and @s3://… read a large one.",
)
@click.option(
    *("-r", "--raw", "raw"),
    nargs=2,
    multiple=True,
    metavar="NAME TEXT",
    help="The text as a string.",
)
@click.option(
    *("-f", "--file", "files"),
    multiple=True,
    metavar="FILE|s3://…",
    help="A YAML or JSON file of values.",
)
@click.option("-y", "--yaml", "yaml", multiple=True, metavar="YAML", help="The values themselves.")
@click.option(
    "-b", "--base64", "base64", multiple=True, metavar="BASE64", help="The same, in base64."
)
@click.option("--output", metavar="URI", help="A folder, file:// or s3:// prefix. [./runs]")
@click.option(
    "--secret", "secrets", multiple=True, metavar="NAME", help="Asked for, or from $NAME."
)
@click.option("--network", default="bridge", metavar="NAME", help="none, host … [bridge]")
@click.option("--timeout", type=SECONDS, metavar="SECONDS", help="Deadline of the whole run.")
@click.option("--cell-timeout", type=SECONDS, metavar="SECONDS", help="Limit of each cell.")
@click.option("--allow-errors", is_flag=True, help="Go on after a cell failed.")
@click.option("--allow-unknown", is_flag=True, help="Accept parameters the image does not have.")
@click.option("--no-input", is_flag=True, help="Leave code out of the HTML.")
@click.option("--pdf", is_flag=True, help="Write a PDF, too; the image needs Chromium.")
@click.option("--detach", is_flag=True, help="Return when the run has started.")
@limits
@json_option
def command(image: str, detach: bool, as_json: bool, **options: Any) -> int:
    """Run IMAGE with parameters and write its outputs."""
    from kernel_containers.cli.run_lines import RunLines
    from kernel_containers.engine import connect
    from kernel_containers.workflow.runs import submit

    output = Output(as_json=as_json)
    asked = _options(image, options)
    engine = connect()
    with output.progress() as report:
        found = submit.image_to_run(engine, image, report)
    request = submit.make_request(found, asked, os.environ)
    if detach:
        run = submit.start(engine, request)
        output.result(
            {"run_id": run.run_id, "container": run.container},
            f"Run {run.run_id} has started; follow it with `docker logs -f {run.container[:12]}`.",
        )
        return 0
    outcome = submit.execute(engine, request, RunLines(output))
    return conclude(output, outcome)


def _options(image: str, options: Mapping[str, Any]) -> RunOptions:
    from kernel_containers.workflow.runs.run_arguments import RunOptions

    further = ["--log-format", "json"]
    for name in ("timeout", "cell_timeout"):
        if options[name] is not None:
            further += [f"--{name.replace('_', '-')}", str(options[name])]
    flags = ("allow_errors", "allow_unknown", "no_input", "pdf")
    further += [f"--{name.replace('_', '-')}" for name in flags if options[name]]
    return RunOptions(
        image=image,
        parameters=options["parameters"],
        raw_parameters=options["raw"],
        files=options["files"],
        yaml=options["yaml"],
        base64=options["base64"],
        output=_output(options["output"]),
        secrets={name: _secret(name) for name in options["secrets"]},
        resources=resources_from(options),
        network=options["network"],
        further=tuple(further),
    )


def _output(text: str | None) -> str:
    if text == "":  # a variable of a script that is not set
        raise UsageError("--output is empty.", todo="give a folder or s3://BUCKET/PREFIX")
    return text or "runs"


def _secret(name: str) -> str:
    if name in os.environ:
        return os.environ[name]
    if not sys.stdin.isatty():
        raise UsageError(
            f"The secret {name} is not known.",
            why="there is no terminal to ask on",
            todo=f"set the variable {name}",
        )
    return str(click.prompt(name, hide_input=True, err=True))


def conclude(output: Output, outcome: Outcome) -> int:
    """Print how a run ended, or raise what its cause is; `sys.exit(65)` is none of ours."""
    result = {"run_id": outcome.run_id, **outcome.end}
    if outcome.code == 0:
        lines = [f"{name}: {uri}" for name, uri in (outcome.end.get("outputs") or {}).items()]
        output.result(result, "\n".join(lines) or "Succeeded.")
        return 0
    if output.as_json and outcome.end:
        output.result(result, "")
    raise failure(outcome)
