"""What is declared when an image is made is what a run can set, and the value arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.core.contract import (
    Contract,
    KernelCommand,
    contract_from_json,
    contract_to_json,
)
from kernel_containers.core.parameter_values import from_text
from kernel_containers.errors import InvalidInput
from kernel_containers.notebook import document
from kernel_containers.notebook.declarations import declare
from kernel_containers.notebook.variables import find_variables
from kernel_containers.notebook.withheld import withhold
from kernel_containers.runner.inject import apply_values
from kernel_containers.runner.notebook_file import read_notebook
from tests.notebook.notebooks import code, run, write

if TYPE_CHECKING:
    from pathlib import Path


def shipped(folder: Path, *cells: Any, names: Any = None, secrets: Any = ()) -> tuple[Any, Any]:
    """Return the notebook as a runner reads it, and its contract, through their files."""
    notebook = write(folder / "n.ipynb", *cells)
    found = find_variables(notebook)
    parameters = declare(notebook, found, names, secrets)
    bare, parameters = withhold(notebook, parameters)
    (folder / "shipped.ipynb").write_bytes(document.without_outputs(bare))
    contract = Contract(
        notebook=str(folder / "shipped.ipynb"),
        working_directory=str(folder),
        kernel=KernelCommand(name="k", language="python", argv=("k",)),
        parameters=parameters,
    )
    again = contract_from_json(contract_to_json(contract))
    return read_notebook(folder / "shipped.ipynb"), again


def values_of(contract: Any, texts: dict[str, str]) -> dict[str, Any]:
    """Return what arguments say."""
    by_name = {parameter.name: parameter for parameter in contract.parameters}
    return {name: from_text(by_name[name], text) for name, text in texts.items()}


def outcome(notebook: Any) -> dict[str, Any]:
    """Return the names after all cells ran."""
    return run([cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"])


APPLIED = [
    (["def load():\n    n = len('p')\n    return n\n", "n = 10\nm = load()"], {"m": 1}),
    (["class C:\n    n = 1\nn = 2\nm = C.n"], {"m": 1}),
    (["def f(n=1): return n\nn = 2\nm = f()"], {"m": 1}),
    (["n = 1; n = n * 1"], {}),
    (["m, n = 1, 2"], {"m": 1}),
    (["n = m = 1"], {"m": 1}),
    (["m = n = 1"], {"m": 1}),
    (["n: int = 1"], {}),
    (["n = (\n  1  # one\n)\nm = 2"], {"m": 2}),
    (["m=1;n=2 # n = 3"], {"m": 1}),
    (["'é😀'; n = 1\r\nm = 2\r\n"], {"m": 2}),
    (["if True:\n    pass\nn = -1\nm = (10\n % 3)"], {"m": 1}),
    (["n = 1", "twice = n * 2"], {"twice": 10}),
]


@pytest.mark.parametrize(("cells", "others"), APPLIED)
def test_a_given_value_is_the_notebooks(
    tmp_path: Path, cells: list[str], others: dict[str, Any]
) -> None:
    notebook, contract = shipped(tmp_path, *cells, names=["n"])

    apply_values(notebook, contract, values_of(contract, {"n": "5"}))

    names = outcome(notebook)
    assert names["n"] == 5
    assert {name: names[name] for name in others} == others


TYPES = [
    ("'x'", "NO", "NO"),
    ("1.5", "inf", float("inf")),
    ("True", "false", False),
    ("[1, 2]", '["a", null]', ["a", None]),
    ("{'a': 1}", '{"b": [2.5]}', {"b": [2.5]}),
    ("(1, 2)", "[3, 4]", (3, 4)),
    ("{1, 2}", "[3, 4]", {3, 4}),
]


@pytest.mark.parametrize(("default", "text", "value"), TYPES)
def test_values_have_the_defaults_type(tmp_path: Path, default: str, text: str, value: Any) -> None:
    notebook, contract = shipped(tmp_path, f"n = {default}", names=["n"])

    apply_values(notebook, contract, values_of(contract, {"n": text}))

    found = outcome(notebook)["n"]
    assert found == value
    assert type(found) is type(value)


def test_dates_are_dates(tmp_path: Path) -> None:
    notebook, contract = shipped(
        tmp_path,
        "from datetime import date, datetime\nday = date(2024, 1, 2)\nat = datetime(2024, 1, 2, 3)",
        names=["day", "at"],
    )

    apply_values(
        notebook,
        contract,
        values_of(contract, {"day": "2025-06-07", "at": "2025-06-07T08:09:10+02:00"}),
    )

    names = outcome(notebook)
    assert names["day"].isoformat() == "2025-06-07"
    assert names["at"].isoformat() == "2025-06-07T08:09:10+02:00"


def test_a_secret_is_neither_shipped_nor_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook, contract = shipped(tmp_path, "api_key = 'old'\nn = 1", secrets=["api_key"], names=[])
    assert "old" not in str(notebook)

    applied = apply_values(notebook, contract, values_of(contract, {"api_key": "new"}))

    assert "new" not in str(notebook)
    for name, text in applied.environment.items():
        monkeypatch.setenv(name, text)
    assert outcome(notebook)["api_key"] == "new"


def test_a_tagged_cell_that_computes_is_followed_by_the_value(tmp_path: Path) -> None:
    notebook, contract = shipped(
        tmp_path, code("import os\nn = len(os.sep)", "parameters"), "m = n * 2", names=["n"]
    )

    apply_values(notebook, contract, values_of(contract, {"n": "5"}))

    assert outcome(notebook)["m"] == 10


def test_a_notebook_that_changed_since_is_refused(tmp_path: Path) -> None:
    notebook, contract = shipped(tmp_path, "n = 1", names=["n"])
    notebook["cells"][0]["source"] = "n =  1"

    with pytest.raises(InvalidInput, match="is not the one"):
        apply_values(notebook, contract, values_of(contract, {"n": "5"}))


def test_a_secret_with_choices_takes_its_value_and_ships_no_choice(tmp_path: Path) -> None:
    source = "from typing import Literal\nn: Literal['a', 'b'] = 'a'"

    _, contract = shipped(tmp_path, source, names=["n"], secrets=["n"])

    assert contract.parameters[0].choices == ()
    assert values_of(contract, {"n": "b"}) == {"n": "b"}
