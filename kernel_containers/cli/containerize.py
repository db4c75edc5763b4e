"""`kernel-containers containerize`."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from kernel_containers.cli.options import GIVEN, GIVEN_PATH, json_option, yes_option
from kernel_containers.cli.output import Output
from kernel_containers.cli.run_lines import RunLines
from kernel_containers.cli.verification import as_text
from kernel_containers.core.oci import LAYER_ZSTD
from kernel_containers.core.reference import ToLayout, ToRegistry, parse_destination
from kernel_containers.errors import Refused, RunFailed, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kernel_containers.core.reference import Destination
    from kernel_containers.engine import Engine
    from kernel_containers.workflow.images.containerize import Containerized
    from kernel_containers.workflow.images.look_ahead import LookAhead
    from kernel_containers.workflow.images.plan import ContainerizeRequest, Plan
    from kernel_containers.workflow.images.verify import Verification
    from kernel_containers.workflow.registries import Registries
    from kernel_containers.workflow.settings import Settings


@click.command("containerize")
@click.argument("notebook", type=GIVEN_PATH)
@click.option("--kernel", type=GIVEN, metavar="NAME", help="The kernelspec. [the notebook's own]")
@click.option(
    "--to",
    type=GIVEN,
    metavar="WHERE",
    help="docker:NAME:TAG, HOST/REPOSITORY:TAG or oci:FOLDER. [docker:<notebook>:latest]",
)
@click.option(
    "--parameter", "parameters", multiple=True, metavar="NAME", help="Declare this variable."
)
@click.option("--secret", "secrets", multiple=True, metavar="NAME", help="Declare it secret.")
@click.option(
    "--declare",
    "declarations",
    multiple=True,
    metavar="NAME:TYPE[=DEFAULT]",
    help="Say what the notebook doesn't; or JSON with name, type, default, description, choices, "
    "required, secret, excluded.",
)
@click.option(
    "--include",
    "includes",
    multiple=True,
    type=GIVEN_PATH,
    help="A file or folder that the notebook needs, too.",
)
@click.option(
    "--exclude",
    "excludes",
    multiple=True,
    type=GIVEN_PATH,
    help="A file or folder beside the notebook that stays out.",
)
@click.option("--base", type=GIVEN, metavar="REF", help="The base image under a local environment.")
@click.option(
    "--kernel-id", type=GIVEN, metavar="ID", help="Capture this live kernel. [the notebook's own]"
)
@click.option(
    "--compression",
    type=click.Choice(["gzip", "zstd"]),
    default="gzip",
    help="zstd is a tenth smaller, and for Docker 23 and newer. [gzip]",
)
@click.option("--title", type=GIVEN, metavar="TEXT", help="[the notebook's first heading]")
@click.option("--description", metavar="TEXT", help="[the notebook's first paragraph]")
@click.option("--dry-run", is_flag=True, help="Print the plan and build nothing.")
@click.option("--verify", is_flag=True, help="Run it and compare with the notebook's outputs.")
@click.option(
    "--verify-environment",
    is_flag=True,
    help="Compare the contents of all files with those of cached layers.",
)
@click.option("--allow-secrets", is_flag=True, help="Go on although likely secrets were found.")
@yes_option
@json_option
def command(
    notebook: Path,
    dry_run: bool,
    allow_secrets: bool,
    yes: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Make a container image of NOTEBOOK, its environment and its files."""
    from kernel_containers.workflow.images.look_ahead import LookAhead
    from kernel_containers.workflow.registries import Registries
    from kernel_containers.workflow.settings import read_settings

    output = Output(as_json=as_json)
    settings = read_settings()
    destination = parse_destination(options["to"]) if options["to"] else None
    with Registries(settings) as registries:
        looked = None
        if isinstance(destination, ToRegistry) and not dry_run:
            looked = LookAhead(registries, destination.reference)
        # The registry answers while the rest is imported, which takes 0.2 s.
        from kernel_containers.engine import connect
        from kernel_containers.workflow.images.containerize import containerize, verify_environment
        from kernel_containers.workflow.images.plan import make_plan
        from kernel_containers.workflow.images.plan_report import plan_as_json, plan_as_text

        request = _request(notebook, destination, options)
        engine = connect()
        with output.progress() as report:
            plan = make_plan(request, engine, settings, report)
        if dry_run:
            output.result(plan_as_json(plan), plan_as_text(plan))
            return 0
        if not allow_secrets:
            _ask_about_findings(plan)
        verifier = _Verifier(plan, engine, output) if options["verify"] else None
        _tell_plan(plan, output)
        with output.progress() as report:
            if looked:
                _prepare(registries, looked, yes=yes)
            verifies = options["verify_environment"]
            changed = verify_environment(plan, settings, report) if verifies else ()
            done = containerize(plan, engine, registries, settings, report)
        _tell_notes(output, changed, done.notes)
        verification = verifier.verify(done, engine, registries, settings) if verifier else None
    output.result(
        {
            **asdict(done),
            "digest": str(done.digest),
            "image_id": str(done.image_id),
            **({"changed_files": changed} if verifies else {}),
            **({"verification": asdict(verification)} if verification else {}),
        },
        f"{done.reference}\n"
        f"{len(done.layers)} layers, built and delivered in {done.seconds:.1f} s"
        + ("" if isinstance(plan.destination, ToLayout) else _how_to_run(done.reference))
        + (f"\n{as_text(verification)}" if verification else ""),
    )
    return RunFailed.exit_code if verification and verification.status != "same" else 0


def _request(
    notebook: Path, destination: Destination | None, options: dict[str, Any]
) -> ContainerizeRequest:
    from kernel_containers.core.declarations import declaration_from_text
    from kernel_containers.workflow.images.plan import ContainerizeRequest

    return ContainerizeRequest(
        notebook=notebook,
        title=options["title"],
        description=options["description"],
        kernel=options["kernel"],
        kernel_id=options["kernel_id"],
        compression=options["compression"],
        destination=destination,
        parameters=options["parameters"] or None,
        secrets=options["secrets"],
        declarations=tuple(map(declaration_from_text, options["declarations"])),
        includes=options["includes"],
        excludes=options["excludes"],
        base=options["base"],
    )


def _tell_plan(plan: Plan, output: Output) -> None:
    for exclusion in plan.snapshot.exclusions:
        output.note(f"left out: {exclusion.path} ({exclusion.reason})")
    for note in plan.snapshot.notes:
        output.note(f"note: {note}")
    for risk in plan.snapshot.warnings:
        output.note(f"warning: {risk.message}")


def _tell_notes(output: Output, changed: Sequence[str], notes: Sequence[str]) -> None:
    for path in changed:
        output.note(f"note: {path} had other contents in a cached layer, which was made anew")
    for note in notes:
        output.note(f"note: {note}")


class _Verifier:
    """Made before anything is built, so that a value that is missing is said early."""

    def __init__(self, plan: Plan, engine: Engine, output: Output) -> None:
        from kernel_containers.workflow.images.compression import check_reads_zstd
        from kernel_containers.workflow.images.verify import values_for_verification

        if plan.compressor.media_type == LAYER_ZSTD:
            check_reads_zstd(engine)
        contract = plan.snapshot.contract
        self._given = values_for_verification(
            contract.parameters, plan.snapshot.notebook, os.environ
        )
        self._plan = plan
        self._output = output

    def verify(
        self, done: Containerized, engine: Engine, registries: Registries, settings: Settings
    ) -> Verification:
        """Run the image; its lines are shown as those of `run`."""
        from kernel_containers.workflow.images.verify import verify

        self._output.note(f"{done.reference} was made and is run now.")
        return verify(
            self._plan,
            done,
            engine,
            registries,
            settings,
            given=self._given,
            on_line=RunLines(self._output),
        )


def _how_to_run(reference: str) -> str:
    return f"\nRun it: kernel-containers run {reference} --output ./runs"


def _ask_about_findings(plan: Plan) -> None:
    from kernel_containers.workflow.images.containerize import check_findings

    try:
        check_findings(plan.snapshot)
    except Refused as refused:
        if not sys.stdin.isatty():
            raise
        click.echo(str(refused), err=True)
        click.confirm("Go on all the same?", abort=True, err=True)


def _prepare(registries: Registries, looked: LookAhead, *, yes: bool) -> None:
    """Settle what would stop the push at its end, before anything is built."""
    to, state = looked.to, looked.result()
    if not state.repository_exists:
        _ask(f"The repository {to.repository} does not exist. Create it?", yes=yes)
        registries.create(to.repository)
    elif state.tag_digest:
        _ask(f"{to} exists ({state.tag_digest.short}). Move the tag?", yes=yes)


def _ask(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(question, why="there is no terminal to ask on", todo="give --yes")
    click.confirm(question, abort=True, err=True)
