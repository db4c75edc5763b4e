"""A run from arguments to outputs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.runner.image import code, edit_of, markdown, parameter

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runner.image import Image

ROOT = Path(__file__).parents[2]
ENVIRON = {**os.environ, "PYTHONPATH": str(ROOT)}


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
    latest = json.loads((image.output / "my-report" / "latest.json").read_text())
    assert latest["run_id"] == run.run_folder.name
    assert latest["outputs"]["html"] == f"file://{run.run_folder}/notebook.html"
    metadata = run.notebook["metadata"]
    assert metadata["kernelspec"]["name"] == "python3"
    assert metadata["language_info"]["name"] == "python"


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


def test_old_formats_get_no_ids_and_keep_their_version(make_image: Callable[..., Image]) -> None:
    run = make_image("print(1)", markdown("text"), minor=2).run()

    assert run.code == 0
    assert run.notebook["nbformat_minor"] == 2
    assert not any("id" in cell for cell in run.notebook["cells"])
    assert "print" in run.html


@pytest.mark.full
def test_a_notebook_without_code_succeeds(make_image: Callable[..., Image]) -> None:
    run = make_image(markdown("only words")).run()

    assert run.code == 0
    assert "only words" in run.html


def test_a_value_that_the_notebook_changes_unseen_is_told(
    make_image: Callable[..., Image],
) -> None:
    image = make_image("a = 1; b = 1; c = 1", "exec('a = 7')\nc = c * 2\nb")
    names = ("a", "b", "c")
    image.parameters = tuple(
        parameter(name, "int", 1, edits=(edit_of(image.cells, 0, "1", nth=number),))
        for number, name in enumerate(names)
    )

    run = image.run(*(word for name in names for word in ("-p", name, "5")))

    assert run.code == 0
    assert run.report["warnings"] == ["At the end of the run 'a' no longer had the value given."]


HELD: dict[str, tuple[str, str, str]] = {
    # name: type, source in the notebook, what is given
    "names": ("list", "[0]", '["a", {"b": null}]'),
    "options": ("dict", "{}", '{"a": [1, 2.5]}'),
    "day": ("date", "None", "2026-02-28"),
    "moment": ("datetime", "...", "2026-02-28T12:00:00+02:00"),
    "flag": ("bool", "False", "true"),
    "odd": ("list", "[1]", "[NaN, 1]"),
    "nothing": ("json", "(3)", "null"),
    "key": ("str", "'k'", "secret-of-the-test"),
    "taken": ("int", "4", "5"),
}


def test_values_of_every_type_are_looked_at_where_they_are_set_and_at_the_end(
    make_image: Callable[..., Image],
) -> None:
    image = make_image(
        "\n".join(f"{name} = {source}" for name, (_, source, _) in HELD.items())
        + "\nexec('flag = 1; key = 5'); type = repr = list = None",
        "def grow(items): items.append('x')\ngrow(names)",
        "options['a'] = 1; exec('day = None')",
        "odd[1]; taken += 1\nprint(len(Out), key)\n'last'",
    )
    image.parameters = tuple(
        parameter(name, kind, edits=(edit_of(image.cells, 0, source),), secret=name == "key")
        for name, (kind, source, _) in HELD.items()
    )

    run = image.run(*(word for name in HELD for word in ("-p", name, HELD[name][2])))

    assert run.code == 0, run.report["message"]
    assert run.report["warnings"][1:] == [
        "After cell 1 'flag' did not have the value given.",
        "After cell 1 'key' did not have the value given.",
        "At the end of the run 'names' no longer had the value given.",
        "At the end of the run 'day' no longer had the value given.",
    ]
    assert "secret-of-the-test" not in run.stdout + json.dumps(run.notebook) + run.html
    assert run.source(0).splitlines()[5] == "odd = [float('nan'), 1]"
    assert run.report["parameters"]["odd"] == ["nan", 1]
    assert run.report["not_finite"] == ["/parameters/odd/0"]
    cells = run.notebook["cells"]
    assert [cell["execution_count"] for cell in cells] == [1, 2, 3, 4]
    assert [len(cell["outputs"]) for cell in cells] == [0, 0, 0, 2]
    assert run.text(3) == "0 5\n"


def test_what_is_set_in_a_cell_that_is_not_run_is_told(make_image: Callable[..., Image]) -> None:
    image = make_image("a = 0", code("a = 1", "skip-execution"))
    image.parameters = (parameter("a", "int", 1, edits=(edit_of(image.cells, 1, "1"),)),)

    run = image.run("-p", "a", "5")

    assert run.report["warnings"] == ["At the end of the run 'a' did not have the value given."]


def test_magics_stay_and_values_beside_them_are_applied(make_image: Callable[..., Image]) -> None:
    image = make_image(
        "%%capture out\na = 1",
        "%%time\nb = 1",
        "x = !echo shell\n%env KC_TEST=1\nc = 1\nif True:\n    %cd -q .\nprint(a, b, c, x)",
    )
    image.parameters = tuple(
        parameter(name, "int", 1, edits=(edit_of(image.cells, cell, f"{name} = 1"),))
        for cell, name in enumerate("abc")
    )
    image.parameters = tuple(
        replace(item, edits=(replace(item.edits[0], start=item.edits[0].start + 4),))
        for item in image.parameters
    )

    run = image.run("-p", "a", "7", "-p", "b", "8", "-p", "c", "9")

    assert run.code == 0, run.report["message"]
    assert "7 8 9 ['shell']\n" in run.text(2)


@pytest.mark.full
def test_the_same_inputs_give_the_same_notebook(make_image: Callable[..., Image]) -> None:
    image = make_image("n = 1", "print(n)\nn * 2", parameters=(parameter("m", "int", 1),))
    found = []

    for _ in range(2):
        notebook = image.run("-p", "m", "5").notebook
        del notebook["metadata"]["kernel_containers"], notebook["metadata"]["papermill"]
        for cell in notebook["cells"]:
            cell["metadata"].pop("execution", None)
            del cell["metadata"]["papermill"]
        found.append(notebook)
        shutil.rmtree(image.output)

    assert found[0] == found[1]


def test_the_runner_imports_little(tmp_path: Path) -> None:
    script = tmp_path / "imports.py"
    script.write_text(
        "import pkgutil, sys, importlib\nimport kernel_containers.runner as package\n"
        "for module in pkgutil.iter_modules(package.__path__):\n"
        "    if module.name not in ('s3', 'launcher', 'bootstrap'):\n"
        "        importlib.import_module(f'{package.__name__}.{module.name}')\n"
        "print(' '.join(sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True, cwd=ROOT, env=ENVIRON
    )

    modules = set(done.stdout.split())
    banned = {"docker", "click", "rich", "httpx", "IPython", "ipykernel", "boto3", "asttokens"}
    assert not banned & modules
    ours = {name.split(".")[1] for name in modules if name.startswith("kernel_containers.")}
    assert ours == {"core", "errors", "runner"}


def test_a_notebook_names_its_results(make_image: Callable[..., Image]) -> None:
    image = make_image(
        "from kernel_containers.client import scrap\nscrap('rows', 1)\nscrap('rows', 1234)",
        "scrap('names', {'a': [None]})",
        code("scrap('bad', object())", "raises-exception"),
    )

    run = image.run()

    assert run.code == 0, run.report["message"]
    assert run.report["scraps"] == {"rows": 1234, "names": {"a": [None]}}
    assert "rows = 1234" in run.html
