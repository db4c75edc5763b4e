"""`scripts/quickstart` in this checkout: from a notebook to the HTML of a run."""

from __future__ import annotations

import json
import os
import re
import subprocess
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import pytest
from docker.errors import ImageNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
IMAGE = "sales-report:latest"


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables that keep kernelspecs and caches of this user out of it."""
    yield {
        **os.environ,
        "JUPYTER_DATA_DIR": str(tmp_path / "jupyter"),
        "KERNEL_CONTAINERS_CACHE": str(tmp_path / "cache"),
    }
    # It is not there when the test failed before it was made.
    with closing(docker.from_env()) as engine, suppress(ImageNotFound):
        engine.images.remove(IMAGE)


def run(environment: dict[str, str], *command: str) -> str:
    done = subprocess.run(
        [str(ROOT / command[0]), *command[1:]],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def html_in(output: str) -> Path:
    found = re.search(r"The report:\n {2}(/\S+\.html)$", output, re.MULTILINE)
    assert found, output
    return Path(found[1])


@pytest.mark.timeout(600)
def test_it_ends_with_a_report_of_other_parameters_and_repeats_nothing(
    environment: dict[str, str],
) -> None:
    first = run(environment, "scripts/quickstart", "--yes")
    second = run(environment, "scripts/quickstart", "--yes")
    kernels = json.loads(run(environment, ".venv/bin/jupyter", "kernelspec", "list", "--json"))

    reports = [html_in(output) for output in (first, second)]
    assert reports[0] != reports[1]
    for report in reports:
        # The notebook's own defaults are of another region: 14,433.31, 96.2% of the target.
        assert "Revenue of north: 5,837.74, 97.3% of the target" in report.read_text()
    assert "Installing" not in second
    assert re.search(r"\.venv/bin/jupyter lab( --allow-root)?\n", second)
    spec = kernels["kernelspecs"]["example"]["spec"]
    assert spec["metadata"]["kernel_provisioner"]["provisioner_name"] == "kernel-containers"
