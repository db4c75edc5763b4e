"""YAML and JSON give the declared types, and strings stay what was written."""

from __future__ import annotations

import base64
import math
from typing import Any

import pytest

from kernel_containers.errors import InvalidInput
from kernel_containers.runner.documents import decode_base64, read_document
from tests.runner.image import parameter

DECLARED = {
    item.name: item
    for item in (
        parameter("s", "str"),
        parameter("i", "int"),
        parameter("f", "float"),
        parameter("b", "bool"),
        parameter("d", "date"),
        parameter("l", "list"),
        parameter("j", "json"),
    )
}

READ = [
    ("s: NO", {"s": "NO"}),
    ("s: 012345678901", {"s": "012345678901"}),
    ("s: 1e5", {"s": "1e5"}),
    ("s: 12:30", {"s": "12:30"}),
    ("s: 2024-01-02", {"s": "2024-01-02"}),
    ("s: ~", {"s": "~"}),
    ("s: |\n  two\n  lines\n", {"s": "two\nlines\n"}),
    ('{"s": "NO", "i": 5}', {"s": "NO", "i": 5}),
    ("{s: NO, i: 5}", {"s": "NO", "i": 5}),
    ("\ufeffi: 5", {"i": 5}),
    ("i: 0x1F", {"i": 31}),
    ("f: 1", {"f": 1.0}),
    ("f: 1e5", {"f": 100000.0}),
    ("f: -.inf", {"f": -math.inf}),
    ("b: true", {"b": True}),
    ("d: 2024-01-02", {"d": "2024-01-02"}),
    ("l: [NO, 12:30, 012, 2024-01-02, ~]", {"l": ["NO", "12:30", "012", "2024-01-02", None]}),
    ("j: {a: &x [1], b: *x}", {"j": {"a": [1], "b": [1]}}),
    ("s: <<", {"s": "<<"}),
    ("other: 5", {"other": 5}),
    ("", {}),
    ("# only a comment", {}),
]


@pytest.mark.parametrize(("text", "values"), READ)
def test_a_document_is_read_by_the_declared_types(text: str, values: Any) -> None:
    found = read_document(text, DECLARED, "-y")

    assert repr(found) == repr(values)


REFUSED = [
    "i: '5'",
    "i: 0123",
    "b: yes",
    "s: [1]",
    "s:",
    "a: 1\na: 2",
    '{"s": "a", "s": "b"}',
    "j: {a: 1, a: 2}",
    "j: {1: 2}",
    "j: {<<: {a: 1}, b: 2}",
    "other: 0x" + "f" * 5000,
    "j: !!binary aGk=",
    "j: !!set {a}",
    "j: !!python/object/apply:os.system [x]",
    "[1, 2]",
    "just text",
    "a: [",
    "? [a]\n: 1",
    "a: 1\n---\nb: 2",
]


@pytest.mark.parametrize("text", REFUSED)
def test_a_document_that_says_something_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_document(text, DECLARED, "-y")


def test_words_about_what_is_too_long_or_too_deep_are_those_of_values() -> None:
    with pytest.raises(InvalidInput, match="more than 4300 digits"):
        read_document("i: " + "9" * 5000, DECLARED, "-y")
    with pytest.raises(InvalidInput, match="more than 200 deep"):
        read_document("j: " + "[" * 3000 + "]" * 3000, DECLARED, "-y")


def test_base64_may_be_broken_into_lines_as_its_program_does() -> None:
    text = "s: " + "x" * 200

    assert decode_base64(base64.encodebytes(text.encode()).decode(), "-b") == text


def test_base64_is_decoded_strictly() -> None:
    assert decode_base64("aTogNQ==", "-b") == "i: 5"
    with pytest.raises(InvalidInput):
        decode_base64("aTo gNQ", "-b")
    with pytest.raises(InvalidInput):
        decode_base64("/w==", "-b")
