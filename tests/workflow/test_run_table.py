"""Many runs in one table."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from kernel_containers import read_runs
from kernel_containers.cli.main import run
from kernel_containers.errors import NotFound, UsageError
from kernel_containers.workflow.runs.run_filter import parse_since
from kernel_containers.workflow.runs.run_store import list_runs
from kernel_containers.workflow.runs.run_table import parts_of, row_of
from kernel_containers.workflow.runs.submit import place_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.s3 import S3Server

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PAPERMILL = """
import papermill
for number in (0, 1):
    try:
        papermill.execute_notebook(
            "in.ipynb", f"out/run-{number}.ipynb", parameters={"n": 4, "fail": number == 1},
            kernel_name="python3", progress_bar=False, start_timeout=200)
    except papermill.PapermillExecutionError:
        assert number == 1
"""


def write_run(prefix: Path, run_id: str, *, notebook: str = "sales", **report: Any) -> Path:
    folder = prefix / notebook / run_id
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps({"status": "succeeded", **report}))
    (folder / "notebook.ipynb").write_text('{"cells": []}')
    return folder


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """Two good runs, one that failed, one that still runs, and two broken reports."""
    top = tmp_path / "runs"
    write_run(top, "20261118T080000Z-aaaaaa", parameters={"n": 1}, scraps={"rows": 10})
    last = write_run(
        top,
        "20261119T080000Z-bbbbbb",
        started="2026-11-19T08:00:00.000Z",
        seconds=2.5,
        parameters={"n": 2, "region": "north"},
        scraps={"rows": 20, "names": ["a"]},
        scrap_files=[
            {"name": "table", "kind": "table", "path": "scraps/table.parquet", "size": 1}
            | {"media_type": "application/vnd.apache.parquet"},
            {"name": "plot", "kind": "display", "path": "scraps/plot.png", "size": 1},
        ],
    )
    (last / "scraps").mkdir()
    pd.DataFrame({"a": [1, 2]}).to_parquet(last / "scraps" / "table.parquet")
    write_run(top, "20261117T080000Z-cccccc", notebook="other", status="failed", exit_code=1)
    running = write_run(top, "20261120T080000Z-dddddd")
    (running / "report.json").unlink()
    ours = {"parameters": {"n": 3}, "started": "2026-11-20T08:00:00.000Z"}
    (running / "notebook.ipynb").write_text(
        json.dumps({"cells": [], "metadata": {"kernel_containers": ours}})
    )
    (write_run(top, "20261116T080000Z-eeeeee") / "report.json").write_text('{"status": "succ')
    (write_run(top, "20261115T080000Z-ffffff") / "report.json").write_text("[]")
    (top / ".ipynb_checkpoints").mkdir()
    (top / ".ipynb_checkpoints" / "x.ipynb").write_text("{")
    (top / "plain.ipynb").write_text('{"cells": []}')
    (top / "notes").mkdir()
    (top / "notes" / "report.json").write_text('{"of": "another program"}')
    return top


def test_every_run_is_a_row_with_its_parameters_and_scraps(prefix: Path) -> None:
    frame = read_runs(str(prefix))

    assert list(frame["run_id"].str[-6:]) == [letter * 6 for letter in "dbacef"]
    statuses = ["unfinished", "succeeded", "succeeded", "failed", "broken", "broken"]
    assert list(frame["status"]) == statuses
    row = frame.iloc[1]
    assert (row["parameters.n"], row["parameters.region"], row["seconds"]) == (2, "north", 2.5)
    assert (row["scraps.rows"], row["scraps.names"]) == (20, ["a"])
    assert row["scraps.table"] == f"file://{prefix}/sales/{row.run_id}/scraps/table.parquet"
    assert row["scraps.plot"].endswith("/scraps/plot.png")
    assert row["started"] == pd.Timestamp("2026-11-19T08:00:00Z")
    assert pd.isna(frame.iloc[2]["scraps.table"])
    assert frame.iloc[0]["parameters.n"] == 3
    problems = list(frame["problem"].dropna())
    assert problems[0] == "there is no report.json: it still runs, or was lost"
    assert problems[1].startswith("report.json is no JSON")
    assert problems[2] == "report.json is of no run"


def test_infinities_are_numbers_in_a_table_and_texts_in_json(tmp_path: Path) -> None:
    given = {"limit": "infinity", "name": "infinity", "all": [1, "-infinity"]}
    places = ["/parameters/limit", "/parameters/all/1"]
    write_run(tmp_path, "20261118T080000Z-aaaaaa", parameters=given, not_finite=places)

    row = read_runs(str(tmp_path)).iloc[0]
    (parts,) = [parts_of(row_of(run)) for run in list_runs(place_of(str(tmp_path)))]

    infinite = float("inf")
    assert row["parameters.limit"] == infinite
    assert row["parameters.name"] == "infinity"
    assert row["parameters.all"] == [1, -infinite]
    assert parts["parameters"] == given


def test_tables_are_read_when_asked_for(prefix: Path) -> None:
    frame = read_runs(f"file://{prefix}", status="succeeded", tables=True)

    assert frame.iloc[0]["scraps.table"].to_dict("list") == {"a": [1, 2]}
    assert frame.iloc[0]["scraps.plot"].endswith(".png")


def test_runs_are_chosen_by_notebook_status_and_time(prefix: Path) -> None:
    place = str(prefix)

    assert len(read_runs(place, notebook="Other.ipynb")) == 1
    assert len(read_runs(place, status=["failed", "broken"])) == 3
    assert list(read_runs(place, since="2026-11-19")["run_id"].str[-1]) == ["d", "b"]
    assert len(read_runs(place, since=datetime(2026, 11, 19, 8, 0, 1))) == 1  # noqa: DTZ001
    empty = read_runs(place, notebook="nobody")
    assert len(empty) == 0
    assert "status" in empty.columns


def test_what_is_no_time_status_or_folder_is_said(prefix: Path) -> None:
    with pytest.raises(UsageError, match="'yesterday' is no time"):
        read_runs(str(prefix), since="yesterday")
    with pytest.raises(UsageError, match="'good' is no status"):
        read_runs(str(prefix), status="good")
    with pytest.raises(NotFound):
        read_runs(str(prefix / "none"))


@pytest.mark.parametrize(
    ("text", "hours"), [("90m", 1.5), ("12h", 12), ("7d", 168), ("2w", 336), ("2026-11-20", 12)]
)
def test_times_are_ago_or_absolute(text: str, hours: float) -> None:
    assert (NOW - parse_since(text, NOW)).total_seconds() == hours * 3600


def test_a_prefix_may_be_a_notebooks_folder_or_a_run(prefix: Path) -> None:
    assert len(read_runs(str(prefix / "other"))) == 1
    one = read_runs(str(prefix / "sales" / "20261119T080000Z-bbbbbb"))
    assert list(one["notebook"]) == ["sales"]


def test_the_command_prints_tables(prefix: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["runs", "--prefix", str(prefix), "--status", "succeeded"]

    assert run([*arguments, "--table"]) == 0
    head, first, *_ = capsys.readouterr().out.splitlines()
    assert head.split()[:6] == [
        "run_id",
        "notebook",
        "status",
        "started",
        "seconds",
        "parameters.n",
    ]
    assert first.split()[:4] == [
        "20261119T080000Z-bbbbbb",
        "sales",
        "succeeded",
        "2026-11-19T08:00:00Z",
    ]

    assert run([*arguments, "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert rows[0]["parameters.region"] == "north"
    assert rows[0]["scraps.names"] == '["a"]'
    assert rows[1]["parameters.region"] == ""

    assert run([*arguments, "--table", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found[0]["parameters"] == {"n": 2, "region": "north"}
    assert found[0]["scraps"]["rows"] == 20

    assert run(["runs", "--prefix", str(prefix), "--since", "soon"]) == 64


def test_a_list_says_which_runs_can_not_be_read(
    prefix: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["runs", "--prefix", str(prefix)]) == 0

    said = capsys.readouterr().out
    assert "20261120T080000Z-dddddd  sales     unfinished" in said
    assert "20261116T080000Z-eeeeee: report.json is no JSON" in said


@pytest.mark.parametrize("count", [7, pytest.param(1101, marks=pytest.mark.full)])
def test_more_objects_than_one_page_are_read_from_s3(
    count: int, s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    with closing(s3.client()) as client:

        def put(number: int) -> None:
            folder = f"deep/reports/sales/20261119T080000Z-{number:06x}"
            if number % 50 == 0:
                report = json.dumps({"status": "succeeded", "parameters": {"n": number}})
                client.put_object(Bucket=bucket, Key=f"{folder}/report.json", Body=report)
            else:
                client.put_object(Bucket=bucket, Key=f"{folder}/log.jsonl", Body=b"")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(put, range(count)))

    frame = read_runs(f"s3://{bucket}/deep/reports")

    assert sorted(frame["parameters.n"]) == list(range(0, count, 50))
    assert frame.iloc[0]["uri"].startswith(f"s3://{bucket}/deep/reports/sales/2026")


@pytest.mark.full
def test_what_papermill_and_scrapbook_wrote_is_read(tmp_path: Path) -> None:
    sources = {
        "n = 1\nfail = False": ["parameters"],
        "import pandas as pd, scrapbook as sb\nsb.glue('twice', n * 2)\nsb.glue('id', '012')": [],
        "sb.glue('table', pd.DataFrame({'a': [n]}), 'pandas')\nassert not fail": [],
    }
    cells = [
        {
            "id": f"c{index}",
            "cell_type": "code",
            "metadata": {"tags": tags},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for index, (source, tags) in enumerate(sources.items())
    ]
    metadata = {"kernelspec": {"name": "python3", "display_name": "x", "language": "python"}}
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}
    (tmp_path / "in.ipynb").write_text(json.dumps(document))
    (tmp_path / "out").mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PAPERMILL],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    frame = read_runs(str(tmp_path / "out"), tables=True).set_index("run_id").sort_index()

    assert list(frame.index) == ["run-0", "run-1"]
    assert list(frame["status"]) == ["succeeded", "failed"]
    assert list(frame["notebook"]) == ["in.ipynb", "in.ipynb"]
    assert list(frame["parameters.n"]) == [4, 4]
    assert list(frame["scraps.twice"]) == [8, 8]
    assert list(frame["scraps.id"]) == ["012", "012"]
    assert frame.loc["run-0", "scraps.table"].to_dict("list") == {"a": [4]}
    assert frame.loc["run-0", "seconds"] > 0
    assert read_runs(str(tmp_path / "out")).iloc[0]["scraps.table"].endswith(".ipynb")


BROKEN_REPORTS = {
    "nested without end": b'{"status": "succeeded", "a": ' + b"[" * 100_000,
    "files of other types": b'{"status": "succeeded", "scrap_files": [1, {"name": 1, "path": 2, '
    b'"kind": 3}], "scraps": [1], "parameters": [1], "outputs": [1], "started": 5}',
    "cut": b'{"status": "succ',
}
BROKEN_NOTEBOOKS = {
    "outputs of another type": b'{"cells": [{"cell_type": "code", "outputs": 5}], "metadata": '
    b'{"papermill": {"parameters": {"n": 1}}}}',
    "an output of another type": b'{"cells": [{"cell_type": "code", "outputs": ["x", {"data": 1}]}]'
    b', "metadata": {"papermill": {"parameters": {"n": 1}}}}',
    "nested without end": b'{"cells": [' + b"[" * 100_000,
}


@pytest.mark.parametrize("case", [*BROKEN_REPORTS, *BROKEN_NOTEBOOKS])
def test_one_broken_file_hides_no_other_run(prefix: Path, case: str) -> None:
    before = {run.run_id for run in list_runs(place_of(str(prefix)))}
    folder = prefix / "sales" / "20261120T090000Z-ffffff"
    folder.mkdir()
    if case in BROKEN_REPORTS:
        (folder / "report.json").write_bytes(BROKEN_REPORTS[case])
    else:
        (prefix / "papermills.ipynb").write_bytes(BROKEN_NOTEBOOKS[case])

    frame = read_runs(str(prefix), tables=True)

    assert before <= set(frame["run_id"])
