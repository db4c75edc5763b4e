"""A machine where nothing is as it should be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kernel_containers.workflow.doctor import diagnose
from kernel_containers.workflow.settings import Settings, read_settings

# Everything is imported while this user may still read it.
AS_A_PLAIN_USER = """
import json, os, sys
from pathlib import Path
import boto3, kernel_containers.kernels.kernelspecs
from kernel_containers.errors import UsageError
from kernel_containers.workflow.doctor import diagnose
from kernel_containers.workflow.settings import Settings, read_settings
os.setgroups([]); os.setgid(54321); os.setuid(54321)
try:
    read_settings({})
    told = ""
except UsageError as error:
    told = str(error)
settings = Settings(cache=Path(sys.argv[1]), environ={})
checks = {check.name: [check.status, check.detail, check.todo] for check in diagnose(settings)}
print(json.dumps([told, checks]))
"""


def test_an_engine_that_is_gone_is_a_problem_with_advice_and_the_rest_is_checked_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")

    checks = {check.name: check for check in diagnose(Settings(cache=tmp_path, environ={}))}

    assert checks["Docker Engine"].status == "problem"
    assert "install Docker Engine" in checks["Docker Engine"].todo
    assert checks["cache"].status in ("ok", "warning")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_user_without_home_and_rights_gets_advice_and_no_traceback(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    environ = {name: value for name, value in os.environ.items() if name != "HOME"}

    answer = subprocess.run(
        [sys.executable, "-c", AS_A_PLAIN_USER, str(closed / "deep" / "cache")],
        capture_output=True,
        text=True,
        check=False,
        env={**environ, "JUPYTER_DATA_DIR": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"},
    )

    assert answer.returncode == 0, answer.stderr
    told, checks = json.loads(answer.stdout)
    assert "KERNEL_CONTAINERS_CACHE" in told
    assert checks["cache"][0] == "problem"
    assert "not writable" in checks["cache"][1]


def test_settings_need_no_home_where_the_cache_is_named() -> None:
    assert read_settings({"KERNEL_CONTAINERS_CACHE": "/c"}).cache == Path("/c")
    assert read_settings({"XDG_CACHE_HOME": "/x"}).cache == Path("/x/kernel-containers")
    assert read_settings({"HOME": "/h"}).cache == Path("/h/.cache/kernel-containers")
