"""Which variables become parameters, and what is withheld of secrets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.core.declarations import declaration_from_json
from kernel_containers.core.parameters import json_schema
from kernel_containers.errors import InvalidInput
from kernel_containers.notebook import document
from kernel_containers.notebook.variables import declare, find_variables
from kernel_containers.notebook.withheld import withhold
from tests.notebook.notebooks import code, content, markdown, run, sources_with, write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kernel_containers.core.parameters import Parameter
    from kernel_containers.notebook.document import Notebook

R = {"language_info": {"name": "R"}}


def declared(
    notebook: Notebook, names: Sequence[str] | None = None, secrets: Sequence[str] = ()
) -> tuple[Parameter, ...]:
    return declare(notebook, find_variables(notebook), names, secrets)


def test_a_tagged_cell_declares_its_variables(tmp_path: Path) -> None:
    notebook = write(tmp_path / "n.ipynb", "a = 1", code("b = 2\nc = 3", "parameters"), "c += 1")

    assert [parameter.name for parameter in declared(notebook)] == ["b", "c"]


def test_without_a_tagged_cell_all_that_hold_a_given_value_are_declared(tmp_path: Path) -> None:
    notebook = write(
        tmp_path / "n.ipynb",
        "n = 10  # how many\ntotal = 0\n_hidden = 1\nAPI_TOKEN = 'x'\nkind: int",
        "for i in range(n):\n    total += i",
        "n = 20",
    )

    parameters = declared(notebook)

    assert [(p.name, p.type, p.default, p.required) for p in parameters] == [
        ("n", "int", 10, False),
        ("kind", "int", None, True),
    ]
    assert parameters[0].description == "how many"
    assert len(parameters[0].edits) == 2


def test_named_variables_are_declared_in_the_order_given(tmp_path: Path) -> None:
    notebook = write(
        tmp_path / "n.ipynb",
        "a = 1\nb = 2\nb += 1\nm: Literal['x', 'y'] = 'x'",
        code("c = 3", "parameters"),
    )

    assert [p.name for p in declared(notebook, ["b", "a", "b"])] == ["b", "a"]
    assert declared(notebook, ["m"])[0].choices == ("x", "y")
    assert declared(notebook, []) == ()


def test_a_secret_has_no_default_and_must_be_given(tmp_path: Path) -> None:
    notebook = write(tmp_path / "n.ipynb", "a = 1\nkey = 'x'\nm: Literal['x', 'y'] = 'x'")

    [a, key] = declared(notebook, ["a"], ["key"])
    [m] = declared(notebook, [], ["m"])

    assert (a.secret, a.default) == (False, 1)
    assert (key.secret, key.required, key.default, key.type) == (True, True, None, "str")
    assert (m.default, m.choices) == (None, ())


def test_a_chosen_variable_with_a_secrets_name_is_a_secret(tmp_path: Path) -> None:
    notebook = write(tmp_path / "n.ipynb", code("PASSWORD = 'x'\nAPI_KEY = ''", "parameters"))

    [password, key] = declared(notebook)

    assert (password.secret, password.required, password.default) == (True, True, None)
    assert (key.secret, key.required, key.default) == (True, False, None)
    assert declared(notebook, ["PASSWORD"]) == (password,)


@pytest.mark.parametrize(
    ("cells", "name", "words"),
    [
        (["greeting = 'x'"], "greting", "did you mean 'greeting'?"),
        (["a = 1\nb = 2"], "zzz", "choose among: a, b"),
        (["import x"], "zzz", "set it to a plain value"),
        (["n += 1"], "n", "it is changed in place in cell 1, line 1"),
        (["a, b = f()"], "b", "it is computed in cell 1, line 1"),
        (["x = 1", "if x:\n    a = 1\nelse:\n    a = 2"], "a",
         "under a condition or inside a block in cell 2, line 2, and cell 2, line 4"),
        (["try:\n    a = int(x)\nexcept E:\n    a = 0"], "a", "under a condition"),
        (["for a in x: pass"], "a", "it is assigned in a loop"),
        (["with x as a: pass"], "a", "it is bound by `with`"),
        (["import numpy as a"], "a", "it is imported"),
        (["(a := 1)"], "a", "it is assigned inside an expression"),
        (["def f():\n    global a\n    a = 1"], "a", "it is assigned by a function"),
        (["def a(): pass"], "a", "it is a function or class"),
        (["b = 1", "a = = 1"], "a", "cell 2 can't be parsed as Python"),
    ],
)  # fmt: skip
def test_what_can_not_be_set_is_refused_with_the_reason(
    tmp_path: Path, cells: list[Any], name: str, words: str
) -> None:
    notebook = write(tmp_path / "n.ipynb", *cells)

    with pytest.raises(InvalidInput) as caught:
        declared(notebook, [name])

    assert words in str(caught.value)


def test_what_a_tagged_cell_computes_goes_into_an_injected_cell(tmp_path: Path) -> None:
    notebook = write(tmp_path / "n.ipynb", code("n = len('5')", "parameters"), "m = f()")

    [n] = declared(notebook, ["n"])

    assert (n.edits, n.type, n.required) == ((), "json", False)
    with pytest.raises(InvalidInput, match="'m' can't be a parameter"):
        declared(notebook, ["m"])


def test_another_language_needs_a_tagged_cell(tmp_path: Path) -> None:
    tagged = write(tmp_path / "t.ipynb", code("n.max <- 5", "parameters"), metadata=R)
    plain = write(tmp_path / "p.ipynb", "n <- 5", metadata=R)

    [n] = declared(tagged, ["n.max"])

    assert (n.name, n.edits, n.type) == ("n.max", (), "json")
    assert declared(tagged) == declared(plain) == ()
    with pytest.raises(InvalidInput, match="does not set 'm'"):
        declared(tagged, ["m"])
    with pytest.raises(InvalidInput, match="notebook in r"):
        declared(plain, ["n"])


def test_a_secrets_value_is_withheld_and_the_edits_move(tmp_path: Path) -> None:
    cells = [
        markdown("# T", id="m"),
        code("user, key = 'é', 'hunter2'; n = 1\nkey = 'hunter2'\n", id="c"),
        code(["key = (\n", "  'hunter2')\n", "m = n"], id="d"),
    ]
    notebook = write(tmp_path / "n.ipynb", *cells, nbformat_minor=5)
    parameters = declared(notebook, ["n", "user"], ["key"])

    bare, moved = withhold(notebook, parameters)

    shipped = document.without_outputs(bare)
    assert b"hunter2" not in shipped
    expected = content(*cells, nbformat_minor=5)
    expected["cells"][1] |= {"source": "user, key = 'é', None; n = 1\nkey = None\n"}
    expected["cells"][2] |= {"source": ["key = (\n", "  None)\n", "m = n"]}
    for cell in expected["cells"][1:]:
        cell |= {"outputs": [], "execution_count": None}
    assert json.loads(shipped) == expected
    values = {"n": "7", "user": "'u'", "key": "'k'"}
    code_only = sources_with(bare, [(p, values[p.name]) for p in moved])[1:]
    assert [run(code_only)[name] for name in ("n", "user", "key", "m")] == [7, "u", "k", 7]


def test_a_withheld_tuple_stays_a_tuple(tmp_path: Path) -> None:
    notebook = write(tmp_path / "n.ipynb", "key = 'a', 'b'")

    bare, [key] = withhold(notebook, declared(notebook, [], ["key"]))

    assert bare.cells[0].source == "key = None"
    assert sources_with(bare, [(key, "['c']")]) == ["key = tuple(['c'])"]


def test_without_secrets_nothing_changes(tmp_path: Path) -> None:
    notebook = write(tmp_path / "n.ipynb", "a = 1", code("k: str", "parameters"))
    parameters = declared(notebook, ["a"])

    assert withhold(notebook, parameters) == (notebook, parameters)


def test_a_secret_that_shares_its_value_is_refused(tmp_path: Path) -> None:
    notebook = write(tmp_path / "n.ipynb", "key = other = 'hunter2'")

    with pytest.raises(InvalidInput, match="shares its value"):
        withhold(notebook, declared(notebook, [], ["key"]))


def edited(notebook: Notebook, **edits: dict[str, Any]) -> tuple[Parameter, ...]:
    declarations = [declaration_from_json(name, edit) for name, edit in edits.items()]
    return declare(notebook, find_variables(notebook), None, (), declarations)


def test_what_is_declared_becomes_a_parameter_and_what_is_excluded_none(tmp_path: Path) -> None:
    notebook = write(tmp_path / "n.ipynb", "a = 1\nb = 2\n_c = 3\napi_token = 'x'")

    parameters = edited(
        notebook, a={"excluded": True}, _c={"type": "float"}, api_token={"secret": False}
    )

    assert [(p.name, p.type, p.default, p.secret) for p in parameters] == [
        ("b", "int", 2, False),
        ("_c", "float", 3.0, False),
        ("api_token", "str", "x", False),
    ]


def test_a_variable_that_is_declared_secret_loses_its_value(tmp_path: Path) -> None:
    notebook = write(tmp_path / "n.ipynb", "user = 'ana'")

    [user] = edited(notebook, user={"secret": True, "required": False})
    bare, _ = withhold(notebook, [user])

    assert (user.secret, user.required, user.default) == (True, False, None)
    assert bare.cells[0].source == "user = None"


def test_a_parameter_of_another_language_has_the_declared_type(tmp_path: Path) -> None:
    notebook = write(tmp_path / "n.ipynb", code("n <- 3", "parameters"), metadata=R)

    [plain] = edited(notebook, n={"type": "int"})
    [given] = edited(notebook, n={"type": "int", "default": 5})

    assert (plain.type, plain.applied, given.default, given.applied) == ("int", False, 5, True)
    assert "default" not in json_schema((plain,))["properties"]["n"]


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ({"regoin": {"type": "int"}}, "did you mean 'region'"),
        ({"regoin": {"excluded": True}}, "did you mean 'region'"),
        ({"region": {"type": "int"}}, "'region' has no default"),
    ],
)
def test_a_declaration_of_something_else_is_refused(
    tmp_path: Path, edits: dict[str, Any], words: str
) -> None:
    notebook = write(tmp_path / "n.ipynb", "region = 'south'")

    with pytest.raises(InvalidInput) as refused:
        edited(notebook, **edits)

    assert words in str(refused.value)
