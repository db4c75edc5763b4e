"""Each way of giving a value, times each type: the value exactly, or a refusal with words.

The tables say what a type makes of a text; what they do not say has to be refused.
"""

from __future__ import annotations

import base64
import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.core.contract import PARAMETERS_2019, PARAMETERS_VARIABLE, REQUEST_PATH
from kernel_containers.core.parameters import PARAMETER_TYPES, Parameter, json_schema
from kernel_containers.errors import InvalidInput
from kernel_containers.notebook.variables import declare, find_variables
from kernel_containers.runner.arguments import parse_arguments
from kernel_containers.runner.request import gather, read_sources
from kernel_containers.workflow.runs.run_values import check_values
from tests.notebook.notebooks import write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

LONG = "9" * 5000
DEEP = "[" * 300 + "]" * 300
NAN, INF = math.nan, math.inf
CHOICES = ("a", 1, "NO", None)

# What is written on the command line, and what it is to types other than str.
TEXTS: Mapping[str, Mapping[str, Any]] = {
    "NO": {"enum": "NO"},
    "a": {"enum": "a"},
    "yes": {},
    "True": {"bool": True},
    "false": {"bool": False, "json": False},
    "null": {"enum": None, "json": None},
    "None": {},
    "~": {},
    "": {},
    " ": {},
    "1": {"int": 1, "float": 1.0, "enum": 1, "json": 1},
    "1.0": {"float": 1.0, "enum": 1, "json": 1.0},
    "+1": {"int": 1, "float": 1.0},
    "-0": {"int": 0, "float": -0.0, "json": 0},
    "-0.0": {"float": -0.0, "json": -0.0},
    "012345678901": {"float": 12345678901.0},
    "1e5": {"float": 1e5, "json": 1e5},
    "1_000": {},
    "0x10": {},
    "1.": {"float": 1.0},
    ".5": {"float": 0.5},
    "nan": {"float": NAN},
    "NaN": {"float": NAN, "json": NAN},
    "-inf": {"float": -INF},
    "Infinity": {"float": INF, "json": INF},
    "1e400": {"float": INF, "json": INF},
    "4.9e-324": {"float": 5e-324, "json": 5e-324},
    "12345678901234567890": {
        "int": 12345678901234567890, "float": 1.2345678901234567e19, "json": 12345678901234567890,
    },
    LONG: {"float": INF},
    "\u0661": {},
    "2024-02-29": {"date": "2024-02-29"},
    "2023-02-29": {},
    "2024-2-9": {},
    "0000-01-01": {},
    "9999-12-31": {"date": "9999-12-31"},
    "10000-01-01": {},
    "20240229": {"int": 20240229, "float": 20240229.0, "json": 20240229},
    "2024-02-29T10:00": {"datetime": "2024-02-29T10:00:00"},
    "2024-02-29 10:00:01.5Z": {"datetime": "2024-02-29T10:00:01.500000+00:00"},
    "2024-02-29T10:00-0330": {"datetime": "2024-02-29T10:00:00-03:30"},
    "2024-02-29T10:00+24:00": {},
    "2016-12-31T23:59:60Z": {},
    "[1, null]": {"list": [1, None], "json": [1, None]},
    "['a']": {},
    "[1,]": {},
    '{"a": {"a": 1}}': {"dict": {"a": {"a": 1}}, "json": {"a": {"a": 1}}},
    '{"a": 1, "a": 2}': {},
    '[{"a": 1, "a": 2}]': {},
    DEEP: {},
    '"a"': {"enum": "a", "json": "a"},
    "\0": {},
    "\udcff": {},
    "1+2j": {},
    "b'x'": {},
    "(1, 2)": {},
    "#x": {},
    "*x": {},
    "s3://bucket/key": {},
}  # fmt: skip

# The same of plain scalars in YAML; str has them as they are written.
SCALARS: Mapping[str, Mapping[str, Any]] = {
    "NO": {"enum": "NO", "json": "NO"},
    "yes": {"json": "yes"},
    "TRUE": {"bool": True, "json": True},
    "12:30": {"json": "12:30"},
    "1.10": {"float": 1.1, "json": 1.1},
    "1_000": {"json": "1_000"},
    "012345678901": {"json": "012345678901"},
    "1e5": {"int": 100000, "float": 1e5, "json": 1e5},
    "0x10": {"int": 16, "float": 16.0, "json": 16},
    ".inf": {"float": INF, "json": INF},
    "1e400": {"float": INF, "json": INF},
    "nan": {"float": NAN, "json": "nan"},
    "2024-02-29": {"date": "2024-02-29", "json": "2024-02-29"},
    "2024-02-29 10:00": {"datetime": "2024-02-29T10:00:00", "json": "2024-02-29 10:00"},
    "b'x'": {"json": "b'x'"},
}
# What YAML means by a tag, and what is none of its own, is no value of ours.
MARKED = [
    "!!binary aGk=",
    "!mine x",
    "!!timestamp 2024-02-29",
    "!!set {a}",
    "*a",
    "[*a, *a",
    "\udcff",
]

# Values of JSON, which mean the same in a file, an argument, the environment and a request.
VALUES: Mapping[str, Mapping[str, Any]] = {
    "5": {"int": 5, "float": 5.0, "json": 5},
    "5.0": {"int": 5, "float": 5.0, "json": 5.0},
    "5.5": {"float": 5.5, "json": 5.5},
    "1e300": {"float": 1e300, "json": 1e300},
    "-0.0": {"int": 0, "float": -0.0, "json": -0.0},
    "NaN": {"float": NAN, "json": NAN},
    '"nan"': {"str": "nan", "float": NAN, "json": "nan"},
    '"5"': {"str": "5", "json": "5"},
    '"NO"': {"str": "NO", "enum": "NO", "json": "NO"},
    '"012345678901"': {"str": "012345678901", "json": "012345678901"},
    '"\\ud83d \\u0000"': {"str": "\ud83d \0", "json": "\ud83d \0"},
    "true": {"bool": True, "json": True},
    '"true"': {"str": "true", "json": "true"},
    "null": {"enum": None, "json": None},
    '"2024-02-29"': {"str": "2024-02-29", "date": "2024-02-29", "json": "2024-02-29"},
    "[1, [2.5, null]]": {"list": [1, [2.5, None]], "json": [1, [2.5, None]]},
    '{"a": [NaN]}': {"dict": {"a": [NAN]}, "json": {"a": [NAN]}},
    '{"a": 1, "a": 2}': {},
    DEEP: {},
}


def given(
    folder: Path, kind: str, *arguments: str, environ: Mapping[str, str] | None = None
) -> Any:
    """Return the value that a run in this container would have, or why it is refused."""
    choices = CHOICES if kind == "enum" else ()
    parameter = Parameter(name="n", type=kind, choices=choices)  # type: ignore[arg-type]
    try:
        sources = read_sources(folder, environ or {})
        found = gather(parse_arguments(arguments), sources, (parameter,))
    except InvalidInput as refusal:
        return refusal
    return found.values["n"]


def file(folder: Path, path: str, text: str) -> Path:
    target = folder / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(text.encode(errors="surrogateescape"))
    return target


def in_file(folder: Path, kind: str, document: str) -> Any:
    return given(folder, kind, "-f", str(file(folder, "values", document)))


def in_request(folder: Path, kind: str, document: str) -> Any:
    file(folder, REQUEST_PATH, f'{{"parameters": {document}}}')
    return given(folder, kind)


def in_file_of_2019(folder: Path, kind: str, document: str) -> Any:
    file(folder, PARAMETERS_2019, f'{{"Variables": {document}}}')
    return given(folder, kind)


WAYS: Mapping[str, Callable[[Path, str, str], Any]] = {
    "-f": in_file,
    "-y": lambda folder, kind, document: given(folder, kind, "-y", document),
    "-b": lambda folder, kind, document: given(
        folder, kind, "-b", base64.b64encode(document.encode()).decode()
    ),
    "environment": lambda folder, kind, document: given(
        folder, kind, environ={PARAMETERS_VARIABLE: document}
    ),
    "request": in_request,
    "2019": in_file_of_2019,
}


def is_as(found: Any, expected: Mapping[str, Any], kind: str) -> bool:
    """Whether a value is the expected one, by type and sign; where none is, that it was refused."""
    if kind not in expected:
        return isinstance(found, InvalidInput) and len(str(found)) < 600
    return repr(found) == repr(expected[kind])


@pytest.mark.parametrize("kind", PARAMETER_TYPES)
def test_a_text_is_its_types_value_or_refused(tmp_path: Path, kind: str) -> None:
    wrong = {
        text: found
        for text, expected in TEXTS.items()
        if not is_as(
            found := given(tmp_path, kind, "-p", "n", text), {"str": text, **expected}, kind
        )
    }

    assert wrong == {}


@pytest.mark.parametrize("kind", PARAMETER_TYPES)
def test_a_text_in_a_file_is_read_as_the_text_itself(tmp_path: Path, kind: str) -> None:
    texts = {text: expected for text, expected in TEXTS.items() if text.isprintable()}
    found = {
        text: given(tmp_path, kind, "-p", "n", f"@{file(tmp_path, 'text', text)}") for text in texts
    }
    wrong = {
        text: found[text]
        for text, expected in texts.items()
        if not is_as(found[text], {"str": text, **expected}, kind)
    }

    assert wrong == {}


@pytest.mark.parametrize("kind", PARAMETER_TYPES)
def test_a_raw_text_is_a_string_whatever_it_looks_like(tmp_path: Path, kind: str) -> None:
    strings = {"str", "enum", "date", "datetime", "json"}
    for text in TEXTS:
        found = given(tmp_path, kind, "-r", "n", text)

        if kind in strings - {"datetime"} and not isinstance(found, InvalidInput):
            assert found == text
        elif kind not in strings and not isinstance(found, InvalidInput):
            assert not math.isfinite(found)


@pytest.mark.parametrize("way", WAYS)
def test_a_value_of_json_is_the_same_in_each_way(tmp_path: Path, way: str) -> None:
    wrong = {
        (text[:20], kind): found
        for text, expected in VALUES.items()
        for kind in PARAMETER_TYPES
        if not is_as(found := WAYS[way](tmp_path, kind, f'{{"n": {text}}}'), expected, kind)
    }

    assert wrong == {}


@pytest.mark.parametrize("kind", PARAMETER_TYPES)
def test_a_scalar_of_yaml_is_its_types_value_or_refused(tmp_path: Path, kind: str) -> None:
    wrong = {
        text: found
        for text, expected in SCALARS.items()
        if not is_as(
            found := given(tmp_path, kind, "-y", f"n: {text}"), {"str": text, **expected}, kind
        )
    }
    marked = {text: given(tmp_path, kind, "-y", f"n: {text}") for text in MARKED}

    assert wrong == {}
    assert [text for text in MARKED if not isinstance(marked[text], InvalidInput)] == []


@pytest.mark.parametrize("kind", [kind for kind in PARAMETER_TYPES if kind not in ("enum", "json")])
def test_none_may_be_given_for_what_is_none_in_the_code(tmp_path: Path, kind: str) -> None:
    notebook = write(tmp_path / "n.ipynb", f"n: {kind} | None = None")
    declared = declare(notebook, find_variables(notebook), None)
    by_text = ["-p", "n", "None"], ["-p", "n", "null"]
    sources = read_sources(tmp_path, {})

    found = [
        gather(parse_arguments(arguments), sources, declared).values["n"]
        for arguments in (["-y", "n: null"], ["-y", "n: ~"], ["-y", '{"n": null}'], *by_text)
    ]

    assert found == [None, None, None, *(["None", "null"] if kind == "str" else [None, None])]
    assert check_values(json_schema(declared), {"n": None}, {}) == ({"n": None}, {})


def test_what_is_no_file_of_text_is_refused(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")

    for place in ("", str(tmp_path), str(binary), "/nowhere", "a\0b", "/dev/zero", "s3://"):
        assert isinstance(given(tmp_path, "json", "-p", "n", f"@{place}"), InvalidInput), place


@pytest.mark.parametrize("way", WAYS)
def test_ten_megabytes_arrive_in_each_way(tmp_path: Path, way: str) -> None:
    text = "x\n" * 5_000_000

    assert WAYS[way](tmp_path, "str", json.dumps({"n": text})) == text
