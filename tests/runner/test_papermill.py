"""Command lines and notebooks of papermill, side by side with papermill itself."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.runner.image import code, edit_of, markdown, parameter
from tests.runner.test_failures import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runner.image import Image

DEFAULTS = "alpha = 0.1\nl1_ratio = 0.5\nversion = '0'\nnames = []\nflag = False"
TELL = "print(ascii([alpha, l1_ratio, version, names, flag]))"
ENCODED = "YWxwaGE6IDAuNgpsMV9yYXRpbzogMC4xCg=="  # alpha: 0.6, l1_ratio: 0.1
FORMS = {
    "-p": ["-p", "alpha", "0.6", "-p", "l1_ratio", "0.1", "--parameters", "flag", "True"],
    "-r": ["-r", "version", "1.0", "-p", "alpha", "0.6"],
    "-y": ["-y", "\nalpha: 0.6\nnames: [a, b]\nversion: 'x'", "-y", '{"l1_ratio": 0.25}'],
    "-b": ["-b", ENCODED],
    "all, each stronger than the one before": [
        *("--parameters_raw", "version", "raw", "-p", "flag", "True", "-p", "version", "p"),
        *("--parameters_yaml", "{version: y, names: [y]}", "-f", "FILE"),
        *("--parameters_base64", ENCODED),
    ],
}  # fmt: skip

# In a process of its own: both libraries warn of what they import.
READ = """
import json, sys, papermill, scrapbook
read = scrapbook.read_notebook(sys.argv[1])
print(json.dumps({
    "inspected": sorted(papermill.inspect_notebook(sys.argv[1])),
    "parameters": read.parameters,
    "scraps": {name: scrap.data for name, scrap in read.scraps.items()},
    "exception": read.metadata["papermill"]["exception"],
    "counts": read.execution_counts,
    "timing": [seconds is not None and seconds >= 0 for seconds in read.cell_timing],
}))
"""


@pytest.fixture
def image(make_image: Callable[..., Image]) -> Image:
    """An image of a notebook with a cell of parameters, as papermill's own examples have it."""
    made = make_image(code(DEFAULTS, "parameters"), TELL)
    declared = {
        "alpha": ("float", "0.1", 0.1),
        "l1_ratio": ("float", "0.5", 0.5),
        "version": ("str", "'0'", "0"),
        "names": ("list", "[]", []),
        "flag": ("bool", "False", False),
    }
    made.parameters = tuple(
        parameter(name, kind, default, edits=(edit_of(made.cells, 0, text),))
        for name, (kind, text, default) in declared.items()
    )
    made.write()
    return made


def with_file(image: Image, arguments: list[str]) -> list[str]:
    """Return the arguments with a real file in them."""
    file = image.place("/parameters.yaml", "alpha: 0.7\nversion: f\nnames: [f]\n")
    return [str(file) if item == "FILE" else item for item in arguments]


@pytest.mark.parametrize(
    "form",
    [form if form.startswith("all") else pytest.param(form, marks=pytest.mark.full)
     for form in FORMS],
)  # fmt: skip
def test_a_command_line_of_papermill_means_the_same(image: Image, form: str) -> None:
    arguments = with_file(image, FORMS[form])
    theirs = image.root / "theirs.ipynb"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "papermill", "--no-progress-bar",
         "-k", "python3", "--language", "python",
         image.notebook_path, theirs, *arguments],
        capture_output=True, text=True, check=False, env=image.environ(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr

    run = image.run(*arguments)

    assert run.code == 0, run.stdout
    assert run.text(1) == text_of(json.loads(theirs.read_text())["cells"][-1])


def text_of(cell: dict[str, Any]) -> str:
    """Return what a cell printed."""
    return "".join("".join(output["text"]) for output in cell["outputs"])


def test_papermill_and_scrapbook_read_what_a_run_wrote(image: Image) -> None:
    image.cells.append(code("from kernel_containers import scrap\nscrap('rows', 5)"))

    run = image.run("-p", "alpha", "inf", "-p", "names", '["a"]')

    assert run.code == 0, run.stdout
    path = run.run_folder / "notebook.ipynb"
    read = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", READ, path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert read.returncode == 0, read.stderr
    parameters = {
        "alpha": "infinity",
        "l1_ratio": 0.5,
        "version": "0",
        "names": ["a"],
        "flag": False,
    }
    assert json.loads(read.stdout) == {
        "inspected": sorted(parameters),
        "parameters": parameters,
        "scraps": {"rows": 5},
        "exception": False,
        "counts": [1, 2, 3],
        "timing": [True, True, True],
    }


TIMES = ("start_time", "end_time", "duration")


def test_every_cell_says_how_it_went_as_papermill_says_it(
    make_image: Callable[..., Image],
) -> None:
    run = make_image(
        markdown("# Title"), "x = 1", code("y", "skip-execution"), "1 / 0", "z = 1", markdown("end")
    ).run()

    told = [cell["metadata"]["papermill"] for cell in run.notebook["cells"]]
    assert [cell["status"] for cell in told] == [
        *("completed", "completed", "completed"),
        *("failed", "pending", "pending"),
    ]
    assert [cell["exception"] for cell in told] == [None, False, None, True, None, None]
    for index, cell in enumerate(told):
        assert all(cell[name] is not None for name in TIMES) is (index in (1, 3))
    begin, end = (datetime.fromisoformat(told[1][name]) for name in TIMES[:2])
    assert (end - begin).total_seconds() == pytest.approx(told[1]["duration"], abs=0.002)
    whole = run.notebook["metadata"]["papermill"]
    assert whole["exception"] is True
    assert whole["output_path"] == run.report["outputs"]["ipynb"]
    assert whole["duration"] == run.report["seconds"]


def test_a_checkpoint_says_which_cell_is_running(
    make_image: Callable[..., Image], tmp_path: Path
) -> None:
    begun, go_on = tmp_path / "begun", tmp_path / "go-on"
    image = make_image(
        "x = 1",
        f"import pathlib, time\ntry:\n    pathlib.Path({str(begun)!r}).touch()\n"
        "    time.sleep(60)\nexcept KeyboardInterrupt:\n"
        f"    while not pathlib.Path({str(go_on)!r}).exists(): time.sleep(0.02)",
    )
    process = image.start("--grace", "60")
    wait_for(begun)
    process.send_signal(signal.SIGTERM)  # which brings about a checkpoint
    (path,) = image.output.glob("*/*/notebook.ipynb")
    wait_for(path, '"running"')
    cells = json.loads(path.read_text())["cells"]
    go_on.touch()
    run = image.finish(process)

    assert [cell["metadata"]["papermill"]["status"] for cell in cells] == ["completed", "running"]
    last = run.notebook["cells"][1]["metadata"]["papermill"]
    assert (last["status"], last["exception"]) == ("failed", True)
