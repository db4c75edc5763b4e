"""Values change exactly what was decided with the image, or the run is refused."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.core.contract import Contract, KernelCommand
from kernel_containers.errors import InvalidInput
from kernel_containers.runner.inject import apply_values
from tests.runner.image import code, edit_of, markdown, parameter

if TYPE_CHECKING:
    from kernel_containers.core.parameters import Parameter


def notebook_of(*sources: str | dict[str, Any], minor: int = 5) -> dict[str, Any]:
    """Return a notebook as the runner reads it; a string is a code cell."""
    cells = [code(source) if isinstance(source, str) else source for source in sources]
    for index, cell in enumerate(cells):
        if minor >= 5:
            cell.setdefault("id", f"id-{index}")
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": minor}


def contract_of(*parameters: Parameter, language: str = "python") -> Contract:
    """Return a contract with these parameters."""
    kernel = KernelCommand(name="k", language=language, argv=("k",))
    return Contract(
        notebook="/n.ipynb", working_directory="/", kernel=kernel, parameters=parameters
    )


def sources(notebook: dict[str, Any]) -> list[str]:
    """Return all cells' sources."""
    return [cell["source"] for cell in notebook["cells"]]


FIDELITY = [
    "a=1;b=2",
    "a = 1  # comment with a = 1",
    "x = '😀'; a = 1",
    "a = 1\r\nb = 2\r\n",
    "if True:\n\ta = 1\n",
    "\x0ca = 1",
    "a: int = 1",
    "a, b = 1, 2",
    "(a := 1)",
    "a = (\n    1  # why\n)",
    "%matplotlib inline\na = 1",
    "x = !ls\na = 1",
    "!echo a \\\n  b\na = 1",
    "%%time\na = 1",
    "if True:\n    %env X=1\n    a = 1",
    "a?\na = 1",
    "r = await g()\na = 1",
    "this is a syntax error\na = 1",
]


@pytest.mark.parametrize("source", FIDELITY)
def test_only_the_characters_of_the_value_change(source: str) -> None:
    notebook = notebook_of(source)
    edit = edit_of(notebook["cells"], 0, "1", nth=source.split("1", maxsplit=1)[0].count("1"))

    apply_values(notebook, contract_of(parameter("a", "int", 1, edits=(edit,))), {"a": -12345})

    (changed,) = sources(notebook)
    assert changed == source.replace("1", "-12345", 1)


def test_several_values_in_one_cell_and_one_value_in_several_cells() -> None:
    notebook = notebook_of("a = 1; b = 22", "if x:\n    b = 22")
    first = parameter("a", "int", 1, edits=(edit_of(notebook["cells"], 0, "1"),))
    both = (edit_of(notebook["cells"], 0, "22"), edit_of(notebook["cells"], 1, "22"))

    apply_values(
        notebook, contract_of(first, parameter("b", "str", edits=both)), {"b": "x", "a": 333}
    )

    assert sources(notebook) == ["a = 333; b = 'x'", "if x:\n    b = 'x'"]


def test_a_value_that_was_not_given_stays() -> None:
    notebook = notebook_of("a = 1")
    edit = edit_of(notebook["cells"], 0, "1")

    apply_values(notebook, contract_of(parameter("a", "int", 1, edits=(edit,))), {})

    assert sources(notebook) == ["a = 1"]


def test_a_shared_value_is_split_as_decided() -> None:
    notebook = notebook_of("a = b = 1")
    source = notebook["cells"][0]["source"]
    edit = replace(
        edit_of(notebook["cells"], 0, "1"), start=len(source), end=len(source), prefix="; a = "
    )

    apply_values(notebook, contract_of(parameter("a", "int", 1, edits=(edit,))), {"a": 9})

    scope: dict[str, Any] = {}
    exec(sources(notebook)[0], scope)  # noqa: S102
    assert (scope["a"], scope["b"]) == (9, 1)


def test_a_secret_never_enters_the_source() -> None:
    notebook = notebook_of("key = None")
    edit = edit_of(notebook["cells"], 0, "None")
    secret = parameter("key", "str", secret=True, edits=(edit,))

    applied = apply_values(notebook, contract_of(secret), {"key": "hunter2"})

    assert "hunter2" not in sources(notebook)[0]
    assert list(applied.environment.values()) == ["hunter2"]
    assert next(iter(applied.environment)) in sources(notebook)[0]


@pytest.mark.parametrize("value", ["with\0nul", "x" * 200_000])
def test_a_secret_that_no_environment_can_hold_is_refused(value: str) -> None:
    notebook = notebook_of("key = None")
    edit = edit_of(notebook["cells"], 0, "None")
    secret = parameter("key", "str", secret=True, edits=(edit,))

    with pytest.raises(InvalidInput) as refusal:
        apply_values(notebook, contract_of(secret), {"key": value})

    assert value not in str(refusal.value)


CHANGED = {
    "source": {"source_sha256": "0" * 64},
    "id": {"cell_id": "other"},
    "cell": {"cell": 7},
    "end": {"end": 99},
    "start": {"start": 6},
}


@pytest.mark.parametrize("change", CHANGED)
def test_another_notebook_than_the_images_is_refused(change: str) -> None:
    notebook = notebook_of("a = 1")
    edit = replace(edit_of(notebook["cells"], 0, "1"), **CHANGED[change])  # type: ignore[arg-type]

    with pytest.raises(InvalidInput, match="is not the one"):
        apply_values(notebook, contract_of(parameter("a", "int", 1, edits=(edit,))), {"a": 2})


NOT_A_VALUE = [("a = 1 + 2", "1 +"), ("a = 12", "2"), ("f(1)", "f("), ("a = 'x1'", "1")]


@pytest.mark.parametrize(("source", "span"), NOT_A_VALUE)
def test_a_place_that_is_no_whole_value_is_refused(source: str, span: str) -> None:
    notebook = notebook_of(source)
    edit = edit_of(notebook["cells"], 0, span)

    with pytest.raises(InvalidInput, match="more than the values would change"):
        apply_values(notebook, contract_of(parameter("a", "int", 1, edits=(edit,))), {"a": 5})


def test_overlapping_places_are_refused() -> None:
    notebook = notebook_of("a = 12")
    edits = (edit_of(notebook["cells"], 0, "12"), edit_of(notebook["cells"], 0, "2"))

    with pytest.raises(InvalidInput, match="overlap"):
        apply_values(notebook, contract_of(parameter("a", "int", 1, edits=edits)), {"a": 5})


def test_a_tagged_cell_is_followed_by_the_injected_one() -> None:
    notebook = notebook_of(
        markdown("words", "parameters"), "import os", code("n = f()", "parameters"), "print(n)"
    )

    apply_values(notebook, contract_of(parameter("n", "int"), parameter("s", "str")), {"n": 5})

    assert sources(notebook)[2:4] == ["n = f()", "# Parameters\nn = 5"]
    assert notebook["cells"][3]["metadata"]["tags"] == ["injected-parameters"]
    assert notebook["cells"][3]["id"] == "injected-parameters"


def test_the_first_tagged_cell_counts() -> None:
    notebook = notebook_of(code("n = f()", "parameters"), code("m = f()", "parameters"))

    apply_values(notebook, contract_of(parameter("n", "int")), {"n": 5})

    assert sources(notebook)[1] == "# Parameters\nn = 5"


def test_a_stale_injected_cell_is_replaced_and_told() -> None:
    notebook = notebook_of(
        code("n = 7", "injected-parameters"), code("n = f()", "parameters"), "print(n)"
    )

    applied = apply_values(notebook, contract_of(parameter("n", "int")), {"n": 5})

    assert sources(notebook) == ["n = f()", "# Parameters\nn = 5", "print(n)"]
    assert "Cell 1" in applied.warnings[0]


def test_an_injected_cell_that_holds_the_parameter_is_kept() -> None:
    notebook = notebook_of(code("n = 7", "injected-parameters"))
    edit = edit_of(notebook["cells"], 0, "7")

    applied = apply_values(notebook, contract_of(parameter("n", "int", 7, edits=(edit,))), {"n": 5})

    assert sources(notebook) == ["n = 5"]
    assert not applied.warnings


def test_without_a_tagged_cell_the_value_comes_first() -> None:
    notebook = notebook_of("print(n)")

    apply_values(notebook, contract_of(), {"n": 5})

    assert sources(notebook) == ["# Parameters\nn = 5", "print(n)"]


def test_a_value_that_the_notebook_would_overwrite_is_refused() -> None:
    notebook = notebook_of("n = int(input())")

    with pytest.raises(InvalidInput, match="would be overwritten in cell 1"):
        apply_values(notebook, contract_of(parameter("n", "int")), {"n": 5})


def test_a_value_that_the_notebook_only_refines_is_injected() -> None:
    notebook = notebook_of("n = n * 2\ndef f():\n    n = 1")

    apply_values(notebook, contract_of(parameter("n", "int")), {"n": 5})

    assert sources(notebook)[0] == "# Parameters\nn = 5"


def test_old_formats_get_a_cell_without_an_id() -> None:
    notebook = notebook_of("print(n)", minor=4)

    apply_values(notebook, contract_of(), {"n": 5})

    assert "id" not in notebook["cells"][0]


def test_other_languages_get_their_own_text() -> None:
    notebook = notebook_of(code("n <- 1", "parameters"), "print(n)")

    apply_values(notebook, contract_of(parameter("n", "json"), language="R"), {"n": True})

    assert sources(notebook)[1] == "# Parameters\nn <- TRUE"


def test_no_python_text_enters_a_notebook_of_another_language() -> None:
    notebook = notebook_of("n <- 1")
    edit = edit_of(notebook["cells"], 0, "1")

    with pytest.raises(InvalidInput, match="Python notebooks only"):
        apply_values(
            notebook,
            contract_of(parameter("n", "int", 1, edits=(edit,)), language="R"),
            {"n": 5},
        )


def test_the_injected_cell_is_valid_python_for_hostile_values() -> None:
    notebook = notebook_of("print(s)")

    apply_values(notebook, contract_of(), {"s": "'''\n\"\"\"\\", "t": [float("nan"), {"a": None}]})

    tree = ast.parse(sources(notebook)[0])
    assert [statement.targets[0].id for statement in tree.body] == ["s", "t"]  # type: ignore[attr-defined]


def test_it_is_known_where_and_to_what_each_name_was_set() -> None:
    stale = code("old = 1", "injected-parameters")
    notebook = notebook_of(stale, "x = 0", code("p = 0", "parameters"), "a = (1, 2); b = a")
    edit = edit_of(notebook["cells"], 3, "(1, 2)", prefix="tuple(", suffix=")")
    first = replace(edit_of(notebook["cells"], 1, "0"), start=5, end=5, prefix="; a = ")
    declared = parameter("a", "list", edits=(first, edit)), parameter("key", "str", secret=True)

    applied = apply_values(notebook, contract_of(*declared), {"a": [3.0, float("nan")], "key": "k"})

    a, key = applied.values["a"], applied.values["key"]
    assert a.given == {0: "[3.0, float('nan')]", 3: "tuple([3.0, float('nan')])"}
    assert (a.has_nan, a.is_secret) == (True, False)
    assert list(key.given) == [2]
    assert key.is_secret
    for index, source in enumerate(sources(notebook)):
        assert ("a = tuple(" in source or "; a = [" in source) is (index in a.given)
