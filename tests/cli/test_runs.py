"""Which runs are meant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from kernel_containers.cli.main import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "report" / "20260101T000000Z-aaaaaa"
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps({"status": "succeeded", "seconds": 1.5}))
    return tmp_path / "runs"


@pytest.mark.parametrize("place", ["before", "after", "default"])
def test_the_prefix_may_stand_before_and_after_the_command(
    place: str, prefix: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    option = ["--prefix", str(prefix)]
    arguments = {
        "before": ["runs", *option, "show"],
        "after": ["runs", "show", *option],
        "default": ["runs", "show"],
    }
    monkeypatch.chdir(prefix.parent if place == "default" else "/")

    assert run([*arguments[place], "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["run_id"] == "20260101T000000Z-aaaaaa"


def test_a_list_names_run_notebook_state_and_duration(
    prefix: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["runs", "--prefix", str(prefix)]) == 0

    row = capsys.readouterr().out.splitlines()[1]
    assert row.split() == ["20260101T000000Z-aaaaaa", "report", "succeeded", "1.5", "s"]


def test_a_run_without_a_page_says_why(prefix: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = prefix / "report" / "20260101T000000Z-aaaaaa" / "report.json"
    report.write_text(json.dumps({"status": "failed", "message": "No parameter 'x'.\nmore"}))

    assert run(["runs", "open", "--prefix", str(prefix)]) == 66

    told = capsys.readouterr().err
    assert "wrote no HTML" in told
    assert "Cause: No parameter 'x'.\nTry: " in told
