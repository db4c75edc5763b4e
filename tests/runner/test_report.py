"""What the report says about parameters, and that it can be read back."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from kernel_containers.core.contract import Contract, KernelCommand
from kernel_containers.core.run_json import report_to_json, restored
from kernel_containers.core.runs import CellReport, RunReport
from kernel_containers.runner.report import duration_text, parameter_texts, shown_parameters
from tests.runner.image import parameter

CONTRACT = Contract(
    notebook="/n.ipynb",
    working_directory="/",
    kernel=KernelCommand(name="k", language="python", argv=("k",)),
    parameters=(
        parameter("n", "int", 1),
        parameter("key", "str", secret=True),
        parameter("other", "str", secret=True),
    ),
)


def test_defaults_are_shown_and_secrets_are_not() -> None:
    shown = shown_parameters(CONTRACT, {"key": "hunter2", "extra": [1]})

    assert shown == {"n": 1, "key": "********", "other": None, "extra": [1]}


def test_of_a_large_value_only_size_and_hash_are_shown() -> None:
    shown = shown_parameters(CONTRACT, {"extra": ["x" * 1_000_000]})

    assert shown["extra"]["bytes"] == 1_000_004
    assert len(json.dumps(shown)) < 1000


def test_a_default_that_json_lacks_is_a_number_again() -> None:
    endless = replace(CONTRACT, parameters=(parameter("n", "float", "-infinity"),))

    assert shown_parameters(endless, {}) == {"n": -float("inf")}


def test_values_are_one_line_on_the_page() -> None:
    texts = dict(parameter_texts({"a": "x" * 1000, "b": {"é": None}, "c": "plain"}))

    assert len(texts["a"]) == 301
    assert texts["b"] == '{"é": null}'
    assert texts["c"] == "plain"


REPORT = RunReport(
    status="failed",
    cause="cell-failed",
    exit_code=1,
    message="m",
    run_id="r",
    image=None,
    manifest_sha256="0",
    notebook="/n",
    started="s",
    finished="f",
    seconds=1.5,
    parameters={"a": 1},
    cells=(CellReport(index=0, cell_id="c", status="failed", error="e"),),
    outputs={"html": "file:///x"},
    warnings=("w",),
)
DURATIONS = {0.04: "0.0 s", 59.94: "59.9 s", 61: "1 min 1 s", 7260: "2 h 1 min"}


@pytest.mark.parametrize("seconds", DURATIONS)
def test_durations_are_for_people(seconds: float) -> None:
    assert duration_text(seconds) == DURATIONS[seconds]


def test_a_report_of_plain_numbers_is_read_as_it_was_written() -> None:
    written = json.loads(json.dumps(report_to_json(REPORT)))

    assert "not_finite" not in written
    assert restored(written) == written


def test_numbers_that_json_lacks_stand_in_strict_json_and_are_read_back() -> None:
    infinity = float("inf")
    values = {"n": infinity, "infinity": "infinity", "a/b~c": [{"x": -infinity}, "nan", (1.5,)]}
    report = replace(REPORT, parameters=values)

    written = json.dumps(report_to_json(report), allow_nan=False)

    read = json.loads(written)
    assert read["parameters"]["n"] == "infinity"
    assert read["not_finite"] == ["/parameters/n", "/parameters/a~1b~0c/0/x"]
    again = {**values, "a/b~c": [{"x": -infinity}, "nan", [1.5]]}
    assert restored(read)["parameters"] == again
    assert restored({**read, "not_finite": [None, "/nowhere", 5]})["parameters"]["n"] == "infinity"
    (nan,) = restored({"x": ["nan"], "not_finite": ["/x/0"]})["x"]
    assert math.isnan(nan)
