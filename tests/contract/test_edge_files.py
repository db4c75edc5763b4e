"""Notebook files of every kind, and values of every size, between containerizing and a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.core.contract import Contract, KernelCommand
from kernel_containers.core.parameter_values import from_text
from kernel_containers.errors import InvalidInput
from kernel_containers.notebook import document
from kernel_containers.notebook.declarations import declare
from kernel_containers.notebook.variables import find_variables
from kernel_containers.runner.arguments import parse_arguments
from kernel_containers.runner.inject import apply_values
from kernel_containers.runner.notebook_file import read_notebook
from kernel_containers.runner.request import gather, read_sources
from tests.notebook.notebooks import code, content, markdown, run

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.core.parameters import Parameter


def applied(
    folder: Path, data: bytes, values: dict[str, str], *, language: str = "python"
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the shipped notebook's JSON and the one with values."""
    notebook = document.parse(folder / "n.ipynb", data)
    parameters = declare(notebook, find_variables(notebook), list(values))
    (folder / "shipped.ipynb").write_bytes(document.without_outputs(notebook))
    read = read_notebook(folder / "shipped.ipynb")
    by_name = {parameter.name: parameter for parameter in parameters}
    given = {name: from_text(by_name[name], text) for name, text in values.items()}
    apply_values(read, contract_of(parameters, language), given)
    return json.loads((folder / "shipped.ipynb").read_bytes()), json.loads(json.dumps(read))


def contract_of(parameters: tuple[Parameter, ...], language: str = "python") -> Contract:
    kernel = KernelCommand(name="k", language=language, argv=("k",))
    return Contract(
        notebook="/n.ipynb", working_directory="/", kernel=kernel, parameters=parameters
    )


def source_of(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def as_file(*cells: Any, minor: int = 4, **more: Any) -> bytes:
    return json.dumps(content(*cells, nbformat_minor=minor, **more)).encode()


@pytest.mark.parametrize("minor", range(6))
def test_every_minor_format_keeps_its_number_and_ids(tmp_path: Path, minor: int) -> None:
    ids = ({"id": "first"}, {"id": "second"}) if minor >= 5 else ({}, {})
    data = as_file(markdown("# T", **ids[0]), code("n = 1", **ids[1]), minor=minor)

    _, made = applied(tmp_path, data, {"n": "9"})

    assert (made["nbformat"], made["nbformat_minor"]) == (4, minor)
    assert source_of(made["cells"][1]) == "n = 9"
    assert [cell.get("id") for cell in made["cells"]] == (
        ["first", "second"] if minor >= 5 else [None, None]
    )


def test_all_but_the_value_is_what_was_shipped(tmp_path: Path) -> None:
    picture = {"x.png": {"image/png": "aGVsbG8="}}
    cells = [
        markdown("![x](attachment:x.png)", attachments=picture, id="a"),
        code(["import os\n", "n = 1  # é\n"], "mine", id="b"),
        {**code("m = n", id="c"), "metadata": {"slideshow": {"slide_type": "skip"}}},
    ]
    data = as_file(*cells, minor=5)

    shipped, made = applied(tmp_path, data, {"n": "9"})

    assert source_of(made["cells"][1]) == "import os\nn = 9  # é\n"
    for notebook in (shipped, made):
        notebook["cells"][1]["source"] = None
        for cell in notebook["cells"]:
            cell["source"] = cell["source"] and source_of(cell)
    assert made == shipped


BARE: dict[str, dict[str, Any]] = {
    "no kernelspec and no language": {"metadata": {}},
    "no metadata": {"metadata": None},
    "only a kernel's name": {"metadata": {"kernelspec": {"name": "python3"}}},
    "what papermill left": {
        "metadata": {"papermill": {"parameters": {"n": 7}, "exception": None}, "tags": ["x"]}
    },
}


@pytest.mark.parametrize("name", BARE)
def test_a_file_that_says_little_of_itself_is_python(tmp_path: Path, name: str) -> None:
    notebook = content("n = 1", **BARE[name])
    if notebook["metadata"] is None:
        del notebook["metadata"]

    _, made = applied(tmp_path, json.dumps(notebook).encode(), {"n": "9"})

    assert source_of(made["cells"][0]) == "n = 9"


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    _, made = applied(tmp_path, b"\xef\xbb\xbf" + as_file("n = 1"), {"n": "9"})

    assert source_of(made["cells"][0]) == "n = 9"


@pytest.mark.parametrize("cells", [(), (markdown("n = 1"),)], ids=["no cells", "only words"])
def test_a_notebook_without_code_has_no_parameters(tmp_path: Path, cells: tuple[Any, ...]) -> None:
    _, made = applied(tmp_path, as_file(*cells), {})
    assert len(made["cells"]) == len(cells)

    with pytest.raises(InvalidInput, match="has no variable 'n'"):
        applied(tmp_path, as_file(*cells), {"n": "9"})


FOREIGN = {
    "R": ("n <- 1", '"x"', 'n <- "x"'),
    "julia": ("n = 1", '"$x"', 'n = "\\$x"'),
    "bash": ("n=1", '"x y"', "n='x y'"),
}


@pytest.mark.parametrize("language", FOREIGN)
def test_another_language_gets_a_cell_of_its_own_text(tmp_path: Path, language: str) -> None:
    source, given, line = FOREIGN[language]
    metadata = {"language_info": {"name": language}}
    data = as_file(code(source, "parameters"), "print(n)", metadata=metadata)

    _, made = applied(tmp_path, data, {"n": given}, language=language)

    assert [source_of(cell) for cell in made["cells"]] == [
        source,
        f"# Parameters\n{line}",
        "print(n)",
    ]
    with pytest.raises(InvalidInput, match="tag the cell that sets the defaults"):
        applied(tmp_path, as_file(source, metadata=metadata), {"n": given}, language=language)


@pytest.mark.parametrize("name", ["class", "a.b", "bad name", "", "1n", "n;x"])
def test_a_name_that_no_variable_can_have_is_refused(tmp_path: Path, name: str) -> None:
    arguments = parse_arguments(["-r", name, "x", "--allow-unknown"])
    given = gather(arguments, read_sources(tmp_path, {}), ())
    notebook = content("print(1)")

    with pytest.raises(InvalidInput, match="can't be the name of a variable"):
        apply_values(notebook, contract_of(()), given.values)


def test_a_thousand_parameters_are_applied(tmp_path: Path) -> None:
    names = [f"p{number}" for number in range(1000)]
    cells = ["\n".join(f"{name} = 0" for name in names[start::10]) for start in range(10)]

    _, made = applied(tmp_path, as_file(*cells), {name: str(at) for at, name in enumerate(names)})

    found = run([source_of(cell) for cell in made["cells"]])
    assert [found[name] for name in names] == list(range(1000))


LARGE = {
    "a text": ("'x'", lambda: "é'x" * 2_500_000),
    "a list": ("[]", lambda: list(range(1_300_000))),
    "a dict": ("{}", lambda: {str(number): ["é" * 40] for number in range(100_000)}),
}


@pytest.mark.parametrize(
    "kind",
    ["a text", *(pytest.param(kind, marks=pytest.mark.full) for kind in ("a list", "a dict"))],
)
def test_a_value_of_ten_megabytes_arrives(tmp_path: Path, kind: str) -> None:
    default, make = LARGE[kind]
    value = make()
    text = value if isinstance(value, str) else json.dumps(value)
    assert len(text.encode()) > 9_500_000

    _, made = applied(tmp_path, as_file(f"n = {default}"), {"n": text})

    assert run([source_of(made["cells"][0])])["n"] == value
