"""Schedulers of one machine: cron, systemd, and a workflow's steps on its runner."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.schedulers.examples import FOLDER, TOKEN, given

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.schedulers.examples import Site

pytestmark = [pytest.mark.full, pytest.mark.timeout(1200)]
PATIENCE = 300  # seconds; the first run pulls the image
CRON_PATH = "/usr/bin:/bin"


def cron_line(text: str) -> str:
    """Return the command of a crontab's only job, as cron reads it."""
    (job,) = [line for line in text.splitlines() if re.match(r"[0-9*]", line)]
    command = job.split(None, 5)[5]
    assert "%" not in command, "cron ends the command there"
    assert len(job) < 1000, "cron's longest line"
    return command


@pytest.mark.parametrize(("region", "told"), [("north", ""), ("3", "The report failed with 3")])
def test_cron_runs_its_line_and_mails_nothing_but_a_failure(
    site: Site, tmp_path: Path, region: str, told: str
) -> None:
    text = site.fill_in("report.crontab").replace("region north", f"region {region}")

    finished = subprocess.run(
        ["/bin/sh", "-c", site.reach_store(cron_line(text))],
        env={"HOME": str(tmp_path), "PATH": CRON_PATH, "LOGNAME": "root", "SHELL": "/bin/sh"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    log = (tmp_path / "report.log").read_text()
    assert finished.stdout.startswith(told), log
    assert bool(finished.stdout) == bool(told), log
    (report,) = site.runs()
    assert report["exit_code"] == int(region if told else 0)
    assert given(report) == (region, 13)
    assert site.latest()["run_id"] == report["run_id"]
    assert TOKEN not in log


def unit(text: str) -> configparser.SectionProxy:
    """Return a unit's section of its service; continued lines are joined."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text.replace("\\\n", " "))
    return parser["Service"]


def service(site: Site) -> tuple[Sequence[str], str]:
    """Return the words of the unit's command, and the name of its container."""
    text = site.reach_store(site.fill_in("report.service"))
    name = f"report-{site.bucket}"
    return shlex.split(unit(text.replace("--name=report", f"--name={name}"))["ExecStart"]), name


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for name in ("report.service", "report.timer"):
        (tmp_path / name).write_text((FOLDER / name).read_text())

    subprocess.run(["systemd-analyze", "verify", tmp_path / "report.timer"], check=True)
    told = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / "report.service"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stderr == ""


def test_systemd_s_command_runs_the_image(site: Site) -> None:
    command, _ = service(site)

    subprocess.run(command, check=True, timeout=PATIENCE, stdout=subprocess.DEVNULL)

    (report,) = site.runs()
    assert report["status"] == "succeeded"


def test_a_service_that_is_stopped_ends_its_container_and_keeps_its_outputs(site: Site) -> None:
    command, name = service(site)
    command = ["wait" if word == "north" else word for word in command]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if "waiting" in line:
                break
        process.send_signal(signal.SIGTERM)  # what systemd sends to all of the unit's processes
        process.stdout.read()

    assert process.returncode == 143
    (report,) = site.runs()
    assert (report["status"], report["cause"]) == ("cancelled", "terminated")
    assert not site.has_container(name)


def test_a_workflow_s_steps_run_the_image_and_leave_its_results(site: Site, tmp_path: Path) -> None:
    text = site.fill_in("github-actions.yml").replace("ghcr.io/team/report:1", site.image)
    _, step = [step for step in yaml.safe_load(text)["jobs"]["report"]["steps"] if "run" in step]
    secret, region = "${{ secrets.REPORT_TOKEN }}", "${{ inputs.region || 'north' }}"
    assert step["env"] == {"TOKEN": secret, "REGION": region}
    assert "${{" not in step["run"]
    runner = tmp_path / "runner"
    runner.mkdir()

    finished = subprocess.run(
        ["bash", "-e", "-c", step["run"]],
        env={**os.environ, "RUNNER_TEMP": str(runner), "TOKEN": TOKEN, "REGION": "it's; exit 1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert TOKEN not in finished.stdout + finished.stderr
    (report,) = site.product.json("runs", "--prefix", str(tmp_path / "results"))
    assert given(report) == ("it's; exit 1", 13)
