"""What goes wrong is told: in the exit code, the report, the page and each cell."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.contract import MANIFEST_PATH
from kernel_containers.runner.verdict import exit_code_of
from tests.runner.image import code, parameter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runner.image import Finished, Image


def wait_for(path: Path, text: str = "") -> None:
    """Wait until a file is there, and holds a text."""
    end = time.monotonic() + 60
    while not (path.exists() and text in path.read_text()):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_failed_cell_ends_the_run_and_all_outputs_are_written(
    make_image: Callable[..., Image],
) -> None:
    run = make_image("print('before')", "1 / 0", "print('after')").run()

    assert run.code == 1
    assert run.statuses == ["succeeded", "failed", "not-run"]
    assert run.report["cause"] == "cell-failed"
    assert run.report["message"] == "Cell 2 failed: ZeroDivisionError: division by zero"
    assert run.text(0) == "before\n"
    assert run.notebook["cells"][1]["outputs"][0]["ename"] == "ZeroDivisionError"
    assert run.notebook["cells"][2]["outputs"] == []
    assert '<a href="#cell-id=id-1">Go to cell 2</a>' in run.html
    assert 'id="cell-id=id-1"' in run.html


def test_a_value_that_can_not_be_shown_is_told_as_it_was(make_image: Callable[..., Image]) -> None:
    source = "class Value:\n    def __repr__(self): raise RuntimeError('no words')\nValue()"

    run = make_image(source).run()

    assert run.code == 1
    assert run.report["message"] == "Cell 1 failed: RuntimeError: no words"


@pytest.mark.parametrize("manifest", ["", "[]", "{}", '{"contract": 1}', '{"contract": 2}'])
def test_an_image_whose_manifest_is_broken_is_not_the_fault_of_who_runs_it(
    make_image: Callable[..., Image], manifest: str
) -> None:
    image = make_image("1")
    image.place(MANIFEST_PATH, manifest)

    run = subprocess.run(image.command(), capture_output=True, text=True, check=False)

    assert run.returncode == 70
    assert "Traceback" not in run.stderr
    assert "manifest.json" in run.stderr or "of the contract" in run.stderr
    assert not image.output.exists()


DEATHS = {
    "killed": ("import os, signal; os.kill(os.getpid(), 9)", "signal 9 (SIGKILL)"),
    "quit without a word": ("import os; os._exit(0)", "exit code 0"),
    "segmentation fault": ("import ctypes; ctypes.string_at(0)", "signal 11 (SIGSEGV)"),
}


@pytest.mark.parametrize(
    "death",
    ["killed", *(pytest.param(name, marks=pytest.mark.full) for name in list(DEATHS)[1:])],
)
def test_a_dead_kernel_is_told_from_a_failed_cell(
    make_image: Callable[..., Image], death: str
) -> None:
    source, words = DEATHS[death]

    run = make_image("print('before')", f"print('last words', flush=True)\n{source}", "2").run()

    assert run.code == 138
    assert run.report["cause"] == "kernel-died"
    assert run.statuses == ["succeeded", "failed", "not-run"]
    assert words in run.report["cells"][1]["error"]
    assert run.text(0) == "before\n"
    assert "before" in run.html


EXITS = {
    "import sys; sys.exit(0)": (0, "succeeded"),
    "exit()": (0, "succeeded"),
    "quit(4)": (4, "failed"),
    "exit('no data')": (1, "failed"),
    "import sys; sys.exit(3)": (3, "failed"),
}


@pytest.mark.parametrize("source", EXITS)
def test_an_exit_that_the_notebook_asks_for_is_carried_out(
    make_image: Callable[..., Image], source: str
) -> None:
    exit_code, status = EXITS[source]

    run = make_image(source, "print('never')").run()

    assert run.code == exit_code
    assert run.report["cause"] == "exit"
    assert run.statuses == [status, "skipped" if exit_code == 0 else "not-run"]
    assert ("SystemExit" in run.html) is (exit_code != 0 and "sys" in source)


ARGUMENTS = {
    "": 0,
    "None": 0,
    "0": 0,
    "False": 0,
    "7": 7,
    "True": 1,
    "no data today": 1,
    "256": 1,
    "-1": 255,
    "1.5": 1,
}


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_the_argument_of_exit_is_a_code(argument: str) -> None:
    assert exit_code_of(argument) == ARGUMENTS[argument]


def test_tags_and_headless_words(make_image: Callable[..., Image]) -> None:
    run = make_image(
        code("1 / 0", "raises-exception"),
        code("never = 1", "skip-execution"),
        "import asyncio\nawait asyncio.sleep(0)\nprint('awaited')",
        "",
        "input('your name')",
    ).run()

    assert run.code == 1
    assert run.statuses == ["succeeded", "skipped", "succeeded", "failed"]
    assert run.text(2) == "awaited\n"
    assert "make it a parameter" in run.report["message"]


def test_allowed_errors_let_the_rest_run_and_still_fail_the_run(
    make_image: Callable[..., Image],
) -> None:
    only_shown = "try:\n    1 / 0\nexcept Exception:\n    get_ipython().showtraceback()"

    run = make_image("1 / 0", only_shown, "print('after')").run("--allow-errors")

    assert run.code == 1
    assert run.statuses == ["failed", "failed", "succeeded"]
    assert run.text(2) == "after\n"


@pytest.mark.parametrize("mode", ["signal", pytest.param("message", marks=pytest.mark.full)])
def test_a_cell_over_its_time_is_interrupted_and_keeps_its_output(
    make_image: Callable[..., Image], mode: str
) -> None:
    image = make_image(
        "import time\ntry:\n    print('begun', flush=True)\n    time.sleep(60)\n"
        "finally:\n    print('cleaned up')",
        "2",
        interrupt_mode=mode,
    )

    run = image.run("--cell-timeout", "0.5")

    assert run.code == 123
    assert run.report["cause"] == "cell-timeout"
    assert run.statuses == ["timed-out", "not-run"]
    assert run.text(0) == "begun\ncleaned up\n"


def test_a_cell_that_ignores_the_interrupt_is_killed(make_image: Callable[..., Image]) -> None:
    image = make_image(
        "import time\nprint('begun', flush=True)\nwhile True:\n"
        "    try:\n        time.sleep(60)\n    except KeyboardInterrupt:\n        print('no')"
    )

    run = image.run("--cell-timeout", "0.5", "--grace", "0.5")

    assert run.code == 123
    assert run.statuses == ["timed-out"]
    assert run.text(0) == "begun\nno\n"
    assert "was killed" in run.report["cells"][0]["error"]


def test_the_deadline_leaves_time_for_the_outputs(make_image: Callable[..., Image]) -> None:
    image = make_image("import time\nprint('begun', flush=True)\ntime.sleep(60)", "2")

    run = image.run("--timeout", "10")

    assert run.code == 124
    assert run.report["cause"] == "deadline"
    assert run.statuses == ["timed-out", "not-run"]
    assert run.report["seconds"] < 10
    assert run.text(0) == "begun\n"


def test_sigterm_lets_the_notebook_clean_up_and_writes_all_outputs(
    make_image: Callable[..., Image], tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    image = make_image(
        f"import pathlib, time\ntry:\n    pathlib.Path({str(begun)!r}).touch()\n"
        "    time.sleep(60)\nfinally:\n    print('cleaned up')",
        "2",
    )
    process = image.start()
    wait_for(begun)

    process.send_signal(signal.SIGTERM)
    run = image.finish(process)

    assert run.code == 143
    assert run.report["status"] == "cancelled"
    assert run.report["cause"] == "terminated"
    assert run.statuses == ["cancelled", "not-run"]
    assert run.text(0) == "cleaned up\n"
    assert "cancelled" in run.html


def test_a_thread_that_goes_on_talking_does_not_hold_up_the_end(
    make_image: Callable[..., Image], tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    image = make_image(
        "import pathlib, threading, time\n"
        "def talk():\n    while True: print('and', flush=True); time.sleep(0.01)\n"
        f"threading.Thread(target=talk).start(); pathlib.Path({str(begun)!r}).touch()\n"
        "time.sleep(60)"
    )
    process = image.start()
    wait_for(begun)

    process.send_signal(signal.SIGTERM)
    run = image.finish(process)

    assert run.code == 143
    assert run.statuses == ["cancelled"]


def test_a_second_sigterm_ends_at_once_and_leaves_the_checkpoint(
    make_image: Callable[..., Image], tmp_path: Path
) -> None:
    begun, interrupted = tmp_path / "begun", tmp_path / "interrupted"
    image = make_image(
        "print('finished cell')",
        f"import pathlib, time\npathlib.Path({str(begun)!r}).touch()\nwhile True:\n    try:\n"
        "        time.sleep(60)\n    except KeyboardInterrupt:\n"
        f"        pathlib.Path({str(interrupted)!r}).touch()",
    )
    process = image.start("--grace", "60")
    wait_for(begun)
    process.send_signal(signal.SIGTERM)
    wait_for(interrupted)
    (notebook,) = image.output.glob("*/*/notebook.ipynb")
    wait_for(notebook, "finished cell\\n")

    process.send_signal(signal.SIGTERM)
    run = image.finish(process)

    assert run.code == 143
    assert run.text(0) == "finished cell\n"
    assert not (run.run_folder / "report.json").exists()


STARTS = {
    "a program that is not there": (("/nowhere/python", "{connection_file}"), "/nowhere/python"),
    "a program that ends": (
        (sys.executable, "-c", "raise SystemExit('no module named ipykernel')"),
        "no module named ipykernel",
    ),
}


@pytest.mark.parametrize("start", STARTS)
def test_a_kernel_that_does_not_start_is_told_with_its_own_words(
    make_image: Callable[..., Image], start: str
) -> None:
    argv, words = STARTS[start]

    run = make_image("1", argv=argv).run()

    assert run.code == 138
    assert run.report["cause"] == "kernel-start"
    assert words in run.report["message"]


def test_a_silent_kernel_is_given_up(make_image: Callable[..., Image]) -> None:
    argv = (sys.executable, "-c", "import time; time.sleep(60)")

    run = make_image("1", argv=argv).run("--start-timeout", "0.5")

    assert run.code == 138
    assert "did not answer for 0.5 s" in run.report["message"]


# As of an ipykernel that is too old for its IPython.
SPEECHLESS = """
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp

class Speechless(IPythonKernel):
    def do_execute(self, *arguments, **named):
        raise TypeError("no longer has this argument")

IPKernelApp.launch_instance(kernel_class=Speechless)
"""


def test_a_kernel_that_does_not_answer_a_cell_is_not_waited_for(
    make_image: Callable[..., Image],
) -> None:
    argv = (sys.executable, "-c", SPEECHLESS, "-f", "{connection_file}")

    run = make_image("1", "2", argv=argv).run()

    assert run.code == 138
    assert run.statuses == ["failed", "not-run"]
    assert run.report["cells"][0]["error"] == "the kernel did not answer"
    assert "no longer has this argument" in run.report["message"]


def refused(run: Finished) -> str:
    """Return the words of a run that ended before its kernel started."""
    assert run.report["cause"] == "parameters"
    assert [event["event"] for event in run.events] == ["run-start", "run-end"]
    assert run.events[-1]["message"] == run.report["message"]
    assert set(run.report["outputs"]) == set(run.events[-1]["outputs"]) == {"report", "log"}
    assert {path.name for path in run.run_folder.iterdir()} == {"report.json", "log.jsonl"}
    assert run.stderr == ""  # told once
    return str(run.report["message"])


def test_an_unknown_parameter_ends_the_run_before_the_kernel_starts(
    make_image: Callable[..., Image],
) -> None:
    image = make_image("rows = 1", parameters=(parameter("rows", "int", 1),))

    run = image.run("-p", "row", "2")

    assert run.code == 65
    assert "did you mean 'rows'?" in refused(run)


def test_the_latest_run_is_one_whose_notebook_began(make_image: Callable[..., Image]) -> None:
    image = make_image("1 / 0")
    latest = image.output / "my-report" / "latest.json"

    begun = image.run()
    before = latest.read_text()
    refused_run = image.run("-p", "row", "2")

    assert json.loads(before)["run_id"] == begun.events[0]["run_id"]
    assert refused_run.code == 65
    assert latest.read_text() == before


def test_without_a_place_for_outputs_nothing_starts(make_image: Callable[..., Image]) -> None:
    image = make_image("1")

    run = image.run(to_folder=False)

    assert run.code == 64
    assert "--output" in run.stderr


def test_a_folder_that_refuses_outputs_ends_the_run_before_the_first_cell(
    make_image: Callable[..., Image], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    ran = tmp_path / "ran"
    image = make_image(f"import pathlib; pathlib.Path({str(ran)!r}).touch()")

    run = image.run("--output", str(tmp_path / "file" / "below"), to_folder=False)

    assert run.code == 74
    assert not ran.exists()
    end = json.loads(run.stdout.splitlines()[-1])
    assert end["cause"] == "outputs"
    assert end["outputs"] == {}
    assert str(tmp_path / "file") in end["message"]


@pytest.mark.parametrize(
    "arguments",
    [("--no-such-thing",), ("-p", "alone"), ("--timeout", "-1"), ("--output", "ftp://x")],
)
def test_arguments_that_make_no_sense_are_a_usage_error(
    make_image: Callable[..., Image], arguments: tuple[str, ...]
) -> None:
    run = make_image("1").run(*arguments, to_folder=False)

    assert run.code == 64
