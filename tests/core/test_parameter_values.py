"""Text and JSON become values of the declared type, or a refusal; never another value."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_containers.core.json_values import read_json
from kernel_containers.core.parameter_values import (
    from_json,
    from_text,
    unknown_parameter,
)
from kernel_containers.core.parameters import Parameter
from kernel_containers.errors import InvalidInput


def a(kind: str, **rest: Any) -> Parameter:
    """Return a parameter of a type."""
    return Parameter(name="p", type=kind, **rest)  # type: ignore[arg-type]


LOOKALIKES = ["NO", "on", "12:30", "1.10", "1e5", "1_000", "012345678901", "", " x ", "null", "@x"]


@given(any_text=st.text())
@pytest.mark.parametrize("text", LOOKALIKES)
def test_a_declared_string_is_what_was_written(text: str, any_text: str) -> None:
    for written in (text, any_text):
        assert from_text(a("str"), written) == written
        assert from_json(a("str"), written) == written


ACCEPTED = [
    ("int", "42", 42),
    ("int", "-0", 0),
    ("int", "+7", 7),
    ("int", "9" * 4000, int("9" * 4000)),
    ("float", "42", 42.0),
    ("float", "1e5", 100000.0),
    ("float", ".5", 0.5),
    ("float", "007.5", 7.5),
    ("float", "inf", math.inf),
    ("float", "-Infinity", -math.inf),
    ("float", "1e400", math.inf),
    ("bool", "true", True),
    ("bool", "False", False),
    ("date", "2024-02-29", "2024-02-29"),
    ("datetime", "2024-02-29T10:00", "2024-02-29T10:00:00"),
    ("datetime", "2024-02-29 10:00:01.5Z", "2024-02-29T10:00:01.500000+00:00"),
    ("datetime", "2024-02-29T10:00:00+0530", "2024-02-29T10:00:00+05:30"),
    ("list", '["a", 1, null]', ["a", 1, None]),
    ("dict", '{"a": {"b": []}}', {"a": {"b": []}}),
    ("json", "null", None),
    ("json", '"text"', "text"),
    ("json", "1e400", math.inf),
]


@pytest.mark.parametrize(("kind", "text", "value"), ACCEPTED)
def test_text_is_read_as_the_declared_type(kind: str, text: str, value: Any) -> None:
    found = from_text(a(kind), text)

    assert found == value
    assert type(found) is type(value)


REFUSED = [
    ("int", "012345678901"),
    ("int", "1.0"),
    ("int", "1_000"),
    ("int", " 1"),
    ("int", ""),
    ("int", "٣"),
    ("int", "9" * 5000),
    ("float", "1_0.5"),
    ("float", "1,5"),
    ("float", "0x10"),
    ("bool", "yes"),
    ("bool", "1"),
    ("date", "2023-02-29"),
    ("date", "20240229"),
    ("date", "2024-02-29T00:00"),
    ("datetime", "2024-02-29"),
    ("datetime", "2024-02-29T25:00"),
    ("datetime", "2024-02-29T10:00:00.1234567"),
    ("list", "a, b"),
    ("list", '{"a": 1}'),
    ("list", "['a']"),
    ("dict", "[1]"),
    ("dict", '{"a": 1, "a": 2}'),
    ("json", "hello"),
    ("json", "[" * 300 + "]" * 300),
    ("json", "[" * 100_000),
    ("json", "9" * 5000),
]


@pytest.mark.parametrize(("kind", "text"), REFUSED)
def test_text_of_another_type_is_refused(kind: str, text: str) -> None:
    with pytest.raises(InvalidInput, match="The parameter 'p' is"):
        from_text(a(kind), text)


JSON_ACCEPTED = [
    ("int", 5.0, 5),
    ("float", 5, 5.0),
    ("float", "NaN", math.nan),
    ("float", "-inf", -math.inf),
    ("date", "2024-01-02", "2024-01-02"),
    ("datetime", "2024-01-02T00:00:00Z", "2024-01-02T00:00:00+00:00"),
    ("json", {"a": [math.nan]}, {"a": [math.nan]}),
]


@pytest.mark.parametrize(("kind", "given_value", "value"), JSON_ACCEPTED)
def test_json_has_one_canonical_form(kind: str, given_value: Any, value: Any) -> None:
    found = from_json(a(kind), given_value)

    assert repr(found) == repr(value)


JSON_REFUSED = [
    ("str", 5),
    ("str", None),
    ("int", "5"),
    ("int", True),
    ("int", 5.5),
    ("int", 1e300),
    ("float", True),
    ("float", "5.0"),
    ("float", 10**400),
    ("bool", 1),
    ("bool", "true"),
    ("date", 20240102),
    ("list", (1, 2)),
    ("dict", []),
    ("json", {1: 2}),
    ("json", [b"bytes"]),
    ("json", {"a": {1, 2}}),
]


@pytest.mark.parametrize(("kind", "value"), JSON_REFUSED)
def test_json_of_another_type_is_refused(kind: str, value: Any) -> None:
    with pytest.raises(InvalidInput):
        from_json(a(kind), value)


def test_a_choice_is_found_by_its_text_and_its_value() -> None:
    choices = a("enum", choices=("fast", 2, True, None))

    assert from_text(choices, "fast") == "fast"
    assert from_text(choices, "2") == 2
    assert from_text(choices, "true") is True
    assert from_text(choices, "null") is None
    assert from_json(choices, True) is True
    with pytest.raises(InvalidInput, match='give one of "fast", 2, true, null'):
        from_text(choices, "slow")
    with pytest.raises(InvalidInput):
        from_json(choices, 1)


def test_a_refused_secret_is_not_shown() -> None:
    with pytest.raises(InvalidInput) as refusal:
        from_text(a("dict", secret=True), '{"hunter2": hunter2}')

    assert "hunter2" not in str(refusal.value)


def test_a_long_value_is_shown_in_part() -> None:
    with pytest.raises(InvalidInput) as refusal:
        from_text(a("int"), "x" * 100_000)

    assert len(str(refusal.value)) < 200


@pytest.mark.full
def test_a_value_that_grows_by_its_aliases_is_refused_in_some_seconds() -> None:
    value: Any = "x"
    for _ in range(12):
        value = [value] * 9

    with pytest.raises(InvalidInput, match="more than 10,000,000 members"):
        from_json(a("list"), value)


@pytest.mark.parametrize(
    ("name", "words"),
    [("row", "'rows'"), ("ROWS", "'rows'"), ("zzz", "the parameters are: cols, rows")],
)
def test_an_unknown_name_is_answered_with_the_nearest(name: str, words: str) -> None:
    assert words in str(unknown_parameter(name, ["rows", "cols"]))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(json_values)
def test_any_json_value_passes_unchanged(value: Any) -> None:
    text = json.dumps(value)

    assert repr(from_text(a("json"), text)) == repr(from_json(a("json"), value)) == repr(value)
    assert repr(read_json(text)) == repr(value)
