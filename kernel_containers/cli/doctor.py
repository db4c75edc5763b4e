"""`kernel-containers doctor`."""

from __future__ import annotations

from dataclasses import asdict

import click

from kernel_containers.cli.options import json_option
from kernel_containers.cli.output import Output
from kernel_containers.errors import Unavailable

MARKS = {"ok": "ok     ", "warning": "warning", "problem": "PROBLEM"}


@click.command("doctor")
@click.option("--registry", "hosts", multiple=True, metavar="HOST", help="Look at it, too.")
@json_option
def command(hosts: tuple[str, ...], as_json: bool) -> int:
    """Check engine, rights, disks, registries and credentials, each with advice."""
    from kernel_containers.workflow.doctor import diagnose
    from kernel_containers.workflow.settings import read_settings

    checks = diagnose(read_settings(), hosts)
    lines: list[str] = []
    for check in checks:
        lines.append(f"{MARKS[check.status]}  {check.name}: {check.detail}")
        if check.todo:
            lines.append(f"         Try: {check.todo}")
    Output(as_json=as_json).result([asdict(check) for check in checks], "\n".join(lines))
    well = all(check.status != "problem" for check in checks)
    return 0 if well else Unavailable.exit_code
