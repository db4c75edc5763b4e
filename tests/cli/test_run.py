"""How the end of a run becomes a result, or an error with its own exit code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kernel_containers.cli.main import run
from kernel_containers.cli.output import Output
from kernel_containers.cli.run import conclude
from kernel_containers.errors import (
    Defect,
    InvalidInput,
    KernelContainersError,
    OutputsNotWritten,
    RunFailed,
    UsageError,
)
from kernel_containers.workflow.runs.submit import Outcome


def outcome(code: int, *, out_of_memory: bool = False, **options: Any) -> Outcome:
    return Outcome(
        run_id="r",
        code=code,
        out_of_memory=out_of_memory,
        end=options.pop("end", {}),
        kept=options.pop("kept", None),
    )


@pytest.mark.parametrize(
    ("code", "cause", "error"),
    [
        (1, "cell-failed", RunFailed),
        (65, "exit", RunFailed),
        (74, "exit", RunFailed),
        (65, "parameters", InvalidInput),
        (74, "outputs", OutputsNotWritten),
        (70, "defect", Defect),
        (137, "out-of-memory", RunFailed),
        (64, None, UsageError),
        (65, None, InvalidInput),
        (137, None, RunFailed),
    ],
)
def test_the_cause_decides_on_the_error_and_the_code_only_where_there_is_none(
    code: int, cause: str | None, error: type[KernelContainersError]
) -> None:
    end = {"cause": cause, "message": "why"} if cause else {}

    with pytest.raises(error):
        conclude(Output(), outcome(code, end=end))


def test_the_parts_of_a_last_word_become_cause_and_advice() -> None:
    end = {"cause": "parameters", "message": "No 'nam'.\nCause: a typo\nTry: 'name'"}

    with pytest.raises(InvalidInput) as raised:
        conclude(Output(), outcome(65, end=end))

    assert (raised.value.why, raised.value.todo) == ("No 'nam'. a typo", "'name'")


def test_memory_is_blamed_only_where_the_engine_says_so() -> None:
    with pytest.raises(RunFailed) as starved:
        conclude(Output(), outcome(137, out_of_memory=True))
    with pytest.raises(RunFailed) as killed:
        conclude(Output(), outcome(137))

    assert "memory" in str(starved.value.why)
    assert "memory" not in str(killed.value.why)


def test_the_place_of_the_only_copy_of_the_outputs_is_named() -> None:
    end = {"cause": "outputs", "message": "No bucket."}

    with pytest.raises(OutputsNotWritten, match="docker cp abc:/tmp/copy"):
        conclude(Output(), outcome(74, end=end, kept="abc:/tmp/copy"))
    with pytest.raises(OutputsNotWritten, match="in /here/copy"):
        conclude(Output(), outcome(74, end=end, kept="/here/copy"))


def test_a_failed_run_has_its_json_on_stdout_too(capsys: pytest.CaptureFixture[str]) -> None:
    end = {"cause": "cell-failed", "status": "failed"}

    with pytest.raises(RunFailed):
        conclude(Output(as_json=True), outcome(1, end=end))

    assert json.loads(capsys.readouterr().out) == {"run_id": "r", **end}


@pytest.mark.parametrize("option", ["--timeout", "--cell-timeout"])
@pytest.mark.parametrize("value", ["0", "-1", "soon"])
def test_a_limit_of_time_is_a_number_above_zero(option: str, value: str) -> None:
    assert run(["run", "x", option, value]) == 64


def test_a_secret_is_not_asked_for_without_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KEY_OF_TEST", raising=False)

    assert run(["run", "x", "--secret", "KEY_OF_TEST"]) == 64

    assert "set the variable KEY_OF_TEST" in capsys.readouterr().err
