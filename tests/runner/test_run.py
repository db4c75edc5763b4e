"""A run from arguments to outputs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.runner.image import edit_of, markdown, parameter

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runner.image import Image

MakeImage = "Callable[..., Image]"


def test_a_run_applies_values_in_place_and_writes_all_outputs(
    make_image: Callable[..., Image],
) -> None:
    image = make_image(
        markdown("# Report"), "n = 1  # rows\nname = 'x'", "print(n, name)\nn * 2", minor=5
    )
    image.parameters = (
        parameter("n", "int", 1, edits=(edit_of(image.cells, 1, "1"),)),
        parameter("name", "str", "x", edits=(edit_of(image.cells, 1, "'x'"),)),
    )

    run = image.run("-p", "n", "5", "-p", "name", "NO")

    assert run.code == 0, run.stderr
    assert run.source(1) == "n = 5  # rows\nname = 'NO'"
    assert run.text(2) == "5 NO\n"
    assert run.notebook["cells"][2]["outputs"][1]["data"] == {"text/plain": ["10"]}
    assert sorted(path.name for path in run.run_folder.iterdir()) == [
        "log.jsonl",
        "notebook.html",
        "notebook.ipynb",
        "report.json",
    ]
    assert run.report["status"] == "succeeded"
    assert run.report["parameters"] == {"n": 5, "name": "NO"}
    assert run.statuses == ["succeeded", "succeeded"]


def test_the_pointer_to_the_latest_run_names_its_outputs(
    make_image: Callable[..., Image],
) -> None:
    image = make_image("1")

    run = image.run()

    latest = json.loads((image.output / "my-report" / "latest.json").read_text())
    assert latest["run_id"] == run.run_folder.name
    assert latest["outputs"]["html"] == f"file://{run.run_folder}/notebook.html"


def test_stdout_has_one_json_line_per_event(make_image: Callable[..., Image]) -> None:
    run = make_image("print('hello')").run()

    names = [event["event"] for event in run.events]
    assert names == ["run-start", "cell-start", "output", "cell-end", "run-end"]
    assert run.events[2]["text"] == "hello\n"
    assert run.events[-1]["exit_code"] == 0
    log = (run.run_folder / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in log] == names


def test_stdout_can_be_for_people(make_image: Callable[..., Image]) -> None:
    run = make_image("print('hello')").run("--log-format", "text")

    assert "── cell 1 of 1 ──\nhello\n" in run.stdout
    assert "Succeeded: All cells ran." in run.stdout


def test_describe_prints_the_schema_and_needs_no_output(
    make_image: Callable[..., Image],
) -> None:
    image = make_image("n = 1", parameters=(parameter("n", "int", 1, description="rows"),))

    run = image.run("--describe", to_folder=False)

    assert run.code == 0
    schema = json.loads(run.stdout)
    assert schema["properties"]["n"] == {
        "type": "integer",
        "x-type": "int",
        "description": "rows",
        "default": 1,
    }


def test_the_notebook_names_the_kernel_that_ran_it(make_image: Callable[..., Image]) -> None:
    run = make_image("1").run()

    metadata = run.notebook["metadata"]
    assert metadata["kernelspec"]["name"] == "python3"
    assert metadata["language_info"]["name"] == "python"


def test_old_formats_get_no_ids_and_keep_their_version(make_image: Callable[..., Image]) -> None:
    run = make_image("print(1)", markdown("text"), minor=2).run()

    assert run.code == 0
    assert run.notebook["nbformat_minor"] == 2
    assert not any("id" in cell for cell in run.notebook["cells"])
    assert "print" in run.html


def test_a_notebook_without_code_succeeds(make_image: Callable[..., Image]) -> None:
    run = make_image(markdown("only words")).run()

    assert run.code == 0
    assert "only words" in run.html
