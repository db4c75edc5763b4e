"""What an author declares wins over what was found, and contradictions are refused."""

from __future__ import annotations

from typing import Any

import pytest

from kernel_containers.core.declarations import (
    declaration_from_json,
    declaration_from_text,
    declaration_to_text,
    redeclare,
)
from kernel_containers.core.parameters import Edit, Parameter
from kernel_containers.errors import InvalidInput

EDIT = Edit(cell=0, cell_id="a", start=4, end=5, source_sha256="")


def changed(found: Parameter, **edits: Any) -> Parameter:
    return redeclare(found, declaration_from_json(found.name, edits))


def test_nothing_declared_changes_nothing() -> None:
    found = Parameter(name="n", type="int", default=3, description="how many", edits=(EDIT,))

    assert changed(found) == found


@pytest.mark.parametrize(
    ("kind", "default", "edits", "expected"),
    [
        ("int", 3, {"type": "float"}, ("float", 3.0, True)),
        ("int", 3, {"default": 3.0}, ("int", 3, False)),
        ("int", 3, {"default": 4}, ("int", 4, True)),
        ("str", "2024-01-31", {"type": "date"}, ("date", "2024-01-31", True)),
        ("date", "2024-01-31", {"type": "str"}, ("str", "2024-01-31", True)),
        ("str", "a", {"choices": ["a", "b"]}, ("enum", "a", False)),
        ("str", "c", {"choices": ["a", "b"], "default": "b"}, ("enum", "b", True)),
        ("json", None, {"type": "int"}, ("int", None, False)),
        ("json", None, {"type": "int", "default": 0}, ("int", 0, True)),
        ("list", [1], {"type": "json", "default": {"a": 1}}, ("json", {"a": 1}, True)),
        ("bool", True, {"default": False}, ("bool", False, True)),
    ],
)
def test_a_declared_type_and_default_win(
    kind: Any, default: Any, edits: dict[str, Any], expected: tuple[str, Any, bool]
) -> None:
    made = changed(Parameter(name="n", type=kind, default=default, edits=(EDIT,)), **edits)

    assert (made.type, made.default, made.applied) == expected
    assert type(made.default) is type(expected[1])


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ({"type": "bool"}, "'n' has no default"),
        ({"type": "text"}, "unknown type"),
        ({"typ": "int"}, "unknown members: typ"),
        ({"default": "x"}, "is an integer"),
        ({"choices": [1, 2], "default": 3}, "one of its choices"),
        ({"choices": []}, "at least one choice"),
        ({"choices": [3], "type": "int"}, "its type is enum"),
        ({"type": "enum"}, "choices of 'n' are missing"),
        ({"required": True, "default": 1}, "can't be required"),
        ({"secret": True, "default": 1}, "can't have a default"),
        ({"secret": "yes"}, "secret of the parameter 'n' is no bool"),
        ({"description": "x" * 1001}, "more than 1000 characters"),
    ],
)
def test_what_does_not_fit_is_refused(edits: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        changed(Parameter(name="n", type="int", default=3, edits=(EDIT,)), **edits)


def test_a_name_that_looks_like_a_secret_gets_no_default_unless_it_is_said_to_be_none() -> None:
    with pytest.raises(InvalidInput) as refused:
        declaration_from_json("api_token", {"default": "hunter2"})

    assert "hunter2" not in str(refused.value)
    assert declaration_from_json("api_token", {"default": "x", "secret": False}).default == "x"


def test_required_can_be_given_and_taken() -> None:
    found = Parameter(name="n", type="int", default=3, edits=(EDIT,))
    only_declared = Parameter(name="n", type="int", required=True, edits=(EDIT,))

    assert (changed(found, required=True).required, changed(found, required=True).default) == (
        True,
        None,
    )
    given = changed(only_declared, default=5)
    assert (given.required, given.default, given.applied) == (False, 5, True)
    with pytest.raises(InvalidInput, match="no default"):
        changed(only_declared, required=False)


def test_the_type_of_what_stands_within_a_call_can_not_change() -> None:
    edit = Edit(cell=2, cell_id="a", start=4, end=5, prefix="Path(", suffix=")", source_sha256="")
    found = Parameter(name="p", type="str", default="a.csv", edits=(edit,))

    assert changed(found, choices=["a.csv", "b.csv"]).type == "enum"
    with pytest.raises(InvalidInput, match=r"cell 3 .* Path\(…\)"):
        changed(found, type="int", default=1)


@pytest.mark.parametrize(
    ("text", "kind", "default"),
    [
        ("n:int", "int", None),
        ("n:int=7", "int", 7),
        (" n : float=7", "float", 7.0),
        ("n:str=a=b:c", "str", "a=b:c"),
        ("n:str=", "str", ""),
        ("n:list=[1, 2]", "list", [1, 2]),
        ('{"name": "n", "choices": ["a"], "default": "a"}', None, "a"),
    ],
)
def test_declarations_are_read_from_a_line(text: str, kind: str | None, default: Any) -> None:
    made = declaration_from_text(text)

    assert (made.name, made.type, made.default) == ("n", kind, default)
    assert declaration_from_text(declaration_to_text(made)) == made


@pytest.mark.parametrize(
    "text", ["n", "n=1", ":int", "{", "{}", "[1]", "n:int= 7", "n:enum=a", '{"name": 1}']
)
def test_a_line_that_declares_nothing_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        declaration_from_text(text)
