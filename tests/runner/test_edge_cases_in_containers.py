"""A sample of the edge cases, each run by a container of its own."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.notebook import document
from kernel_containers.notebook.declarations import declare
from kernel_containers.notebook.variables import find_variables
from tests.contract.edge_cases import CASES, INFINITE, Applied, Refused
from tests.notebook.notebooks import code, content
from tests.runner.image import Image

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runner.container import Containers
    from tests.runner.image import Finished

APPLIED = (
    "a local name of a function above",
    "set in two cells",
    "one of two targets",
    "the left of a chain",
    "beside an awaited value",
    "overwritten where nobody can see it",
    "a Markdown and a raw cell with the tag",
    "a cell that papermill injected",
    "below a shell command of two lines",
    "in %%time",
    "as a console's transcript",
    "a name that Python normalizes",
    "infinities inside",
    "every kind of character",
    "texts that YAML would change",
    "code in a text",
    "a date and time with a zone",
)
REFUSED = ("no such name", "digits with a leading zero for an integer", "no choice")
FROM_JSON = ("every kind of character",)  # no argument can hold a NUL
FROM_YAML = ("texts that YAML would change",)
# A container takes more than a second; the others are for the full run.
ALWAYS = (
    "overwritten where nobody can see it",
    "a cell that papermill injected",
    "every kind of character",
    "no such name",
)


def sample(names: tuple[str, ...]) -> list[Any]:
    """Return a test's parameters."""
    slow = pytest.mark.full
    return [name if name in ALWAYS else pytest.param(name, marks=slow) for name in names]


def run_of(name: str, folder: Path, containers: Containers) -> Finished:
    """Run a case to its end."""
    image = image_of(name, folder, containers.runner)
    output = ("--output", f"file://{image.output}")
    return containers.run(image, *output, *arguments_of(name, image))


def image_of(name: str, folder: Path, runner: Path) -> Image:
    """Return an image that declares all variables of a case; its last cell tells its names."""
    case = CASES[name]
    cells = [dict(cell) if isinstance(cell, dict) else code(cell) for cell in case.cells]
    if isinstance(case, Applied):
        cells.append(code(f"print(ascii({{name: globals()[name] for name in {[*case.ends]}}}))"))
    cells = [{**cell, "id": f"id-{index}"} for index, cell in enumerate(cells)]
    data = json.dumps(content(*cells, nbformat_minor=5)).encode()
    notebook = document.parse(folder / "n.ipynb", data)
    asked = list(case.given) if isinstance(case, Applied) else None
    parameters = declare(notebook, find_variables(notebook), asked)
    return Image(root=folder, runner=runner, cells=cells, parameters=parameters)


def arguments_of(name: str, image: Image) -> list[str]:
    """Return what `docker run IMAGE` is given."""
    given = CASES[name].given
    if name in FROM_JSON:
        return ["-f", str(image.place("/values.json", json.dumps(given)))]
    if name in FROM_YAML:
        lines = [f"{key}: {text}\n" for key, text in given.items()]
        return ["-f", str(image.place("/values.yaml", "".join(lines)))]
    return [item for key, text in given.items() for item in ("-p", key, text)]


@pytest.mark.parametrize("name", sample(APPLIED))
def test_the_container_runs_with_the_value(
    tmp_path: Path, in_containers: Containers, name: str
) -> None:
    case, run = CASES[name], run_of(name, tmp_path, in_containers)
    assert isinstance(case, Applied)

    assert run.code == 0, run.stdout + run.stderr
    cells = run.notebook["cells"]
    if case.code is not None:
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        assert tuple(sources[:-1]) == case.code
    # What the kernel told of its names, read as the Python that it is.
    told = eval(run.text(len(cells) - 1), {"datetime": datetime, "inf": INFINITE})  # noqa: S307
    assert told == case.ends
    assert kinds(told) == kinds(case.ends)
    assert run.report["parameters"].keys() >= case.given.keys()
    assert run.report["warnings"] == [
        f"At the end of the run {name!r} no longer had the value given." for name in case.untrue
    ]


def kinds(values: Any) -> dict[str, type]:
    """Return the type of each value."""
    return {name: type(value) for name, value in values.items()}


@pytest.mark.parametrize("name", sample(REFUSED))
def test_the_container_refuses_before_anything_runs(
    tmp_path: Path, in_containers: Containers, name: str
) -> None:
    case, run = CASES[name], run_of(name, tmp_path, in_containers)
    assert isinstance(case, Refused)

    assert run.code == 65, run.stdout + run.stderr
    assert case.words in run.report["message"]
    assert run.report["cells"] == []
