"""Airflow reads the DAG and runs it, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.schedulers.examples import given

if TYPE_CHECKING:
    from pathlib import Path

    from tests.schedulers.examples import Site

pytestmark = [pytest.mark.full, pytest.mark.timeout(1200)]
PACKAGES = ("apache-airflow==3.*", "apache-airflow-providers-docker")
PATIENCE = 900  # seconds; the first time the packages are downloaded


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, with a database."""
    folder = tmp_path_factory.mktemp("airflow")
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", folder], check=True, timeout=PATIENCE)
    install = [*uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python"]
    subprocess.run([*install, *PACKAGES], check=True, timeout=PATIENCE)
    subprocess.run(
        [folder / "bin" / "airflow", "db", "migrate"],
        env=environment(folder),
        check=True,
        timeout=PATIENCE,
        capture_output=True,
    )
    return folder / "bin" / "airflow"


def environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
    }


def run_dag(airflow: Path, site: Site, region: str) -> str:
    """Run the DAG once, in this process's place of a scheduler, and return what was logged."""
    folder = airflow.parents[1]
    text = site.fill_in("airflow_report.py").replace('"west"]', f'"west", "{region}"]')
    text = text.replace("minutes=5", "seconds=1")
    text = text.replace('network_mode="bridge"', 'network_mode="host"').replace(
        "environment={", f'environment={{"AWS_ENDPOINT_URL_S3": "{site.s3.endpoint}",'
    )
    (folder / "dags").mkdir(exist_ok=True)
    (folder / "dags" / "report.py").write_text(text)
    form = f'{{"region": "{region}", "weeks": 5}}'
    finished = subprocess.run(
        [airflow, "dags", "test", "report", "2026-01-05", "-c", form],
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return finished.stdout + finished.stderr


def test_a_dag_runs_the_image_with_the_parameters_of_its_form(airflow: Path, site: Site) -> None:
    told = run_dag(airflow, site, "south")

    assert "state=success" in told, told
    (report,) = site.runs()
    assert given(report) == ("south", 5)


def test_a_notebook_that_fails_is_not_tried_again(airflow: Path, site: Site) -> None:
    told = run_dag(airflow, site, "3")

    assert "The notebook ended with 3." in told, told
    assert "new_state=failed" in told, told
    (report,) = site.runs()
    assert report["exit_code"] == 3


def test_a_run_that_was_stopped_is_tried_again(airflow: Path, site: Site) -> None:
    told = run_dag(airflow, site, "143")

    assert "new_state=up_for_retry" in told, told
    assert [report["exit_code"] for report in site.runs()] == [143, 143, 143]
