"""A value's source text evaluates to the value, and to nothing else."""

from __future__ import annotations

import ast
import datetime
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_containers.core.parameter_values import from_json
from kernel_containers.core.parameters import Parameter
from kernel_containers.errors import InvalidInput
from kernel_containers.runner.literals import (
    assignment,
    language_for,
    python_literal,
    secret_text,
    secret_variable,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def value_of(text: str) -> Any:
    """Evaluate a literal where no name is defined."""
    return eval(text, {})  # noqa: S307


@given(json_values)
def test_a_python_literal_has_the_value(value: Any) -> None:
    text = python_literal("json", value)

    assert repr(value_of(text)) == repr(value)
    assert text.isprintable()


HOSTILE = [
    "1\nimport os",
    "__import__('os')",
    "'''",
    '"',
    "\\",
    "\0",
    "\ud800",
    "\u202e",
    "😀",
    "\r",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text(text: str) -> None:
    literal = python_literal("str", text)

    assert ast.literal_eval(literal) == text
    assert literal.isprintable()


@given(st.dates())
def test_a_date_needs_no_import(value: datetime.date) -> None:
    assert value_of(python_literal("date", value.isoformat())) == value


@given(
    st.datetimes(
        timezones=st.none()
        | st.builds(
            lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes)),
            st.integers(-23 * 60, 23 * 60),
        )
    )
)
def test_a_datetime_keeps_its_zone_and_microseconds(value: datetime.datetime) -> None:
    text = from_json(Parameter(name="p", type="datetime"), value.isoformat())

    found = value_of(python_literal("datetime", text))

    assert found == value
    assert found.utcoffset() == value.utcoffset()


@pytest.mark.parametrize(
    "value", [list(range(100_000)), [[[["x"] * 1000] * 100]], {"a": "é" * 200_000}]
)
def test_a_large_value_is_one_short_expression_for_the_parser(value: Any) -> None:
    text = python_literal("json", value)

    assert value_of(text) == value
    assert len(list(ast.walk(ast.parse(text)))) < 20


def test_deep_nesting_is_no_problem_for_the_parser() -> None:
    value: Any = 1
    for _ in range(150):
        value = [value]

    assert value_of(python_literal("json", value)) == value


SECRETS = [
    ("str", "pass"),
    ("int", 5),
    ("date", "2024-01-02"),
    ("dict", {"a": [1]}),
    ("bool", True),
]


@pytest.mark.parametrize(("kind", "value"), SECRETS)
def test_a_secret_is_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, kind: Any, value: Any
) -> None:
    variable = secret_variable("p")
    monkeypatch.setenv(variable, secret_text(value))

    text = language_for("python").secret(kind, variable)

    assert value_of(text) == value_of(python_literal(kind, value))
    assert secret_text(value) not in text


@pytest.mark.parametrize("name", ["class", "a.b", "bad name", "", "1a", "a;b", "a=1\nb"])
def test_a_name_that_is_no_variable_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        assignment(language_for("python"), name, "1")


def test_a_language_without_literals_is_refused() -> None:
    with pytest.raises(InvalidInput, match="cobol"):
        language_for("cobol")


R = [
    (None, "NULL"),
    (True, "TRUE"),
    (5, "5L"),
    (2**40, "1099511627776.0"),
    (float("-inf"), "-Inf"),
    ('a"b\n', '"a\\"b\\n"'),
    ({"k v": [1, "x"]}, 'list("k v" = list(1L, "x"))'),
]


@pytest.mark.parametrize(("value", "text"), R)
def test_r_literals(value: Any, text: str) -> None:
    assert language_for("R").literal("json", value) == text


JULIA = [
    (None, "nothing"),
    (False, "false"),
    (5, "5"),
    (float("nan"), "NaN"),
    ("cost: $x", '"cost: \\$x"'),
    ({"a": [1]}, 'Dict{String, Any}("a" => [1])'),
    ([1, "x"], 'Any[1, "x"]'),
]


@pytest.mark.parametrize(("value", "text"), JULIA)
def test_julia_literals(value: Any, text: str) -> None:
    assert language_for("julia").literal("json", value) == text


def test_undecodable_text_is_refused_where_the_language_has_no_escape() -> None:
    with pytest.raises(InvalidInput):
        language_for("R").literal("str", "\ud800")


@given(st.text().filter(lambda text: "\0" not in text and text.isprintable()))
def test_bash_prints_what_was_given(text: str) -> None:
    shell = language_for("bash")
    source = assignment(shell, "p", shell.literal("str", text)) + '\nprintf %s "$p"'

    done = subprocess.run(["/bin/sh", "-c", source], capture_output=True, check=True)

    assert done.stdout.decode() == text
