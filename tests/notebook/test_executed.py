"""What executed notebooks say about their runs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kernel_containers.errors import InvalidInput
from kernel_containers.notebook.executed import read_executed, report_from_notebook


def cell(source: str = "1", *tags: str, count: int | None = 1, **rest: Any) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "source": source,
        "metadata": {"tags": list(tags)},
        "outputs": rest.get("outputs", []),
        "execution_count": count,
    }


def notebook(*cells: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": list(cells)}


ERROR = {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}
ENDED = {"parameters": {"n": 1}, "end_time": "2026-11-20T08:00:00", "exception": None}


def test_papermills_facts_are_read() -> None:
    papermill = {
        "parameters": {"n": 1, "region": "north"},
        "input_path": "in/Sales Report.ipynb",
        "start_time": "2026-11-20T08:00:00.5+00:00",
        "end_time": "2026-11-20T08:00:02.5+00:00",
        "duration": 2.0,
        "exception": None,
    }

    report, scraps = report_from_notebook(notebook(cell(), papermill=papermill))

    assert scraps == ()
    assert report == {
        "status": "succeeded",
        "notebook": "Sales Report.ipynb",
        "started": "2026-11-20T08:00:00.5+00:00",
        "finished": "2026-11-20T08:00:02.5+00:00",
        "seconds": 2.0,
        "parameters": {"n": 1, "region": "north"},
    }


@pytest.mark.parametrize(
    ("cells", "papermill", "status"),
    [
        ([cell(), cell()], ENDED, "succeeded"),
        ([cell(), cell("  ", count=None)], ENDED, "succeeded"),
        ([cell(outputs=[ERROR])], ENDED, "failed"),
        ([cell("1", "raises-exception", outputs=[ERROR])], ENDED, "succeeded"),
        ([cell()], {**ENDED, "exception": True}, "failed"),
        # A kernel that was killed: papermill ends, and says that all is well.
        ([cell(), cell(count=None)], ENDED, "unfinished"),
        ([cell()], {**ENDED, "end_time": None}, "unfinished"),
    ],
)
def test_the_cells_are_believed_rather_than_papermill(
    cells: list[Any], papermill: dict[str, Any], status: str
) -> None:
    report, _ = report_from_notebook(notebook(*cells, papermill=papermill))

    assert report["status"] == status


def test_parameters_are_read_from_the_injected_cell_where_nothing_else_has_them() -> None:
    source = '# Parameters\nn = 5\nname = "x = 1"\nitems = [1, {"a": None}]\nother = n\nfar = {1}'
    injected = cell(source, "injected-parameters")

    report, _ = report_from_notebook(notebook(injected))
    assert report["parameters"] == {"n": 5, "name": "x = 1", "items": [1, {"a": None}]}

    foreign = cell("x <- 5", "injected-parameters")
    assert report_from_notebook(notebook(foreign))[0]["parameters"] == {}


def test_a_run_of_ours_without_its_end_is_unfinished() -> None:
    ours = {"run_id": "r", "parameters": {"n": 1}, "started": "2026-11-20T08:00:00.000Z"}

    report, _ = report_from_notebook(notebook(cell(), kernel_containers=ours))
    assert (report["status"], report["parameters"]) == ("unfinished", {"n": 1})

    ended = {**ours, "status": "failed", "exit_code": 1}
    report, _ = report_from_notebook(notebook(cell(), kernel_containers=ended))
    assert (report["status"], report["exit_code"]) == ("failed", 1)


def test_a_notebook_that_nobody_ran_is_no_run() -> None:
    assert report_from_notebook(notebook(cell())) == ({}, ())


@pytest.mark.parametrize("data", [b"{", b"[]", b"{}", b'{"cells": [1]}', b"\xff"])
def test_what_is_no_notebook_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_executed(data)


def test_odd_members_are_passed_over() -> None:
    odd = {"cells": [{"cell_type": "code", "outputs": None, "metadata": None}], "metadata": []}

    assert report_from_notebook(read_executed(json.dumps(odd).encode())) == ({}, ())
