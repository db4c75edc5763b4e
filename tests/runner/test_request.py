"""Values come from five places, each stronger than the one before."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.core.contract import (
    PARAMETERS_2019,
    PARAMETERS_VARIABLE,
    REQUEST_PATH,
    SECRETS_FOLDER,
)
from kernel_containers.errors import InvalidInput
from kernel_containers.runner.arguments import parse_arguments
from kernel_containers.runner.request import Given, gather, read_sources
from tests.runner.image import parameter

if TYPE_CHECKING:
    from pathlib import Path

DECLARED = (
    parameter("n", "int", 1),
    parameter("s", "str", ""),
    parameter("xs", "list", []),
    parameter("key", "str", secret=True),
    parameter("pin", "int", secret=True),
)


@dataclass
class Place:
    """A container's files and variables."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)

    def file(self, path: str, content: str | bytes) -> Path:
        """Write a file of the container."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
        return target

    def given(self, *arguments: str, declared: Any = DECLARED) -> Given:
        """Return what a run with these arguments would get."""
        sources = read_sources(self.root, self.environ)
        return gather(parse_arguments(arguments), sources, declared)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return an empty container."""
    return Place(tmp_path)


def test_stronger_places_win(place: Place) -> None:
    found = []

    place.file(PARAMETERS_2019, json.dumps({"Context": {}, "Variables": {"n": 2, "s": "2019"}}))
    found.append(place.given().values["n"])
    place.environ[PARAMETERS_VARIABLE] = '{"n": 3}'
    found.append(place.given().values["n"])
    place.file(REQUEST_PATH, '{"parameters": {"n": 4}}')
    found.append(place.given().values["n"])
    arguments = ["-b", "bjogNQ=="]
    found.append(place.given(*arguments).values["n"])
    arguments += ["-f", str(place.file("/values.yaml", "n: 6"))]
    found.append(place.given(*arguments).values["n"])
    arguments += ["-y", "n: 7"]
    found.append(place.given(*arguments).values["n"])
    arguments += ["-p", "n", "8"]
    found.append(place.given(*arguments).values["n"])

    assert found == [2, 3, 4, 5, 6, 7, 8]
    assert place.given(*arguments).values["s"] == "2019"


def test_raw_text_is_the_strongest_and_a_string(place: Place) -> None:
    assert place.given("-r", "s", "@x", "-p", "s", "y").values == {"s": "@x"}
    with pytest.raises(InvalidInput):
        place.given("-r", "n", "5")


def test_text_that_looks_like_an_option_is_a_value(place: Place) -> None:
    assert place.given("-p", "s", "--output").values == {"s": "--output"}
    assert place.given("-p", "n", "-5").values == {"n": -5}


def test_large_values_come_from_files(place: Place) -> None:
    numbers = list(range(1_000_000))
    path = place.file("/xs.json", json.dumps(numbers) + "\n")
    text = place.file("/s.txt", " kept as it is\n")

    given = place.given("-p", "xs", f"@{path}", "-p", "s", f"@{text}")

    assert given.values == {"xs": numbers, "s": " kept as it is\n"}


def test_a_file_that_is_not_there_is_told_with_the_way_out(place: Place) -> None:
    with pytest.raises(InvalidInput, match="-r gives a text that starts with @"):
        place.given("-p", "s", "@somebody")


TWICE = [
    ("-p", "n", "1", "-p", "n", "1"),
    ("-r", "s", "1", "-r", "s", "1"),
    ("-y", "{n: 1, n: 1}"),
    ("-y", '{"n": 1, "n": 1}'),
]


@pytest.mark.parametrize("arguments", TWICE)
def test_a_name_twice_in_one_place_is_refused(place: Place, arguments: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput, match="twice"):
        place.given(*arguments)


UNKNOWN = [
    ({}, ("-p", "N", "1")),
    ({PARAMETERS_VARIABLE: '{"N": 1}'}, ()),
    ({}, ("-y", "N: 1")),
]


@pytest.mark.parametrize(("environ", "arguments"), UNKNOWN)
def test_unknown_names_are_refused_wherever_they_stand(
    place: Place, environ: dict[str, str], arguments: tuple[str, ...]
) -> None:
    place.environ.update(environ)

    with pytest.raises(InvalidInput, match="did you mean 'n'"):
        place.given(*arguments)

    assert place.given(*arguments, "--allow-unknown").values == {"N": 1}


def test_undeclared_text_is_read_as_papermill_does(place: Place) -> None:
    pairs = {"a": "True", "b": "None", "c": "5", "d": "1e3", "e": "text"}
    arguments = [item for name, text in pairs.items() for item in ("-p", name, text)]

    given = place.given(*arguments, "--allow-unknown", declared=())

    assert given.values == {"a": True, "b": None, "c": 5, "d": 1000.0, "e": "text"}


@pytest.mark.parametrize("value", ["[" * 300 + "]" * 300, "9" * 5000])
def test_an_undeclared_value_that_can_not_be_written_is_refused(place: Place, value: str) -> None:
    place.environ[PARAMETERS_VARIABLE] = f'{{"new": {value}}}'

    with pytest.raises(InvalidInput, match="more than"):
        place.given("--allow-unknown")


def test_what_has_to_be_given_is_told(place: Place) -> None:
    declared = (
        parameter("a", "int", required=True),
        parameter("b", "str", required=True, secret=True),
    )

    with pytest.raises(InvalidInput, match="-p a VALUE"):
        place.given("-p", "b", "x", declared=declared)
    with pytest.raises(InvalidInput, match=r"/run/secrets/b, or give --secret b to"):
        place.given("-p", "a", "1", declared=declared)


def test_a_default_that_is_not_the_codes_is_given_unless_another_value_is(place: Place) -> None:
    declared = (
        parameter("n", "int", 4, applied=True),
        parameter("s", "str", "x"),
        parameter("xs", "list", None, applied=True),
    )

    assert place.given(declared=declared).values == {"n": 4, "xs": None}
    assert place.given("-p", "n", "5", declared=declared).values == {"n": 5, "xs": None}


BROKEN = {
    "request is no JSON": (REQUEST_PATH, "{"),
    "request is no object": (REQUEST_PATH, "[]"),
    "request has another member": (REQUEST_PATH, '{"parameter": {}}'),
    "request has parameters of another type": (REQUEST_PATH, '{"parameters": []}'),
    "2019 file has a text for an integer": (PARAMETERS_2019, '{"Variables": {"n": "x"}}'),
    "request says a member twice": (REQUEST_PATH, '{"parameters": {}, "parameters": {}}'),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_malformed_place_is_refused(place: Place, case: str) -> None:
    place.file(*BROKEN[case])

    with pytest.raises(InvalidInput):
        place.given()


SECRET_FILES = [
    (b"hunter2", "hunter2"),
    (b"hunter2\n", "hunter2"),
    (b"hunter2\r\n", "hunter2"),
    (
        b"-----BEGIN KEY-----\nabc\n-----END KEY-----\n",
        "-----BEGIN KEY-----\nabc\n-----END KEY-----\n",
    ),
    (b"", ""),
]


@pytest.mark.parametrize(("content", "value"), SECRET_FILES)
def test_a_secret_comes_from_its_file(place: Place, content: bytes, value: str) -> None:
    place.file(f"{SECRETS_FOLDER}/key", content).chmod(0o400)

    given = place.given()

    assert given.values == {"key": value}
    assert given.secrets == (value,)
    assert given.warnings == ()


def test_a_secret_from_a_variable_is_the_users_choice(place: Place) -> None:
    place.environ["pin"] = "1234"

    given = place.given()

    assert given.values == {"pin": 1234}
    assert given.secrets == ("1234",)


def test_a_secret_in_an_argument_is_hidden_and_warned_about(place: Place) -> None:
    given = place.given("-p", "key", "hunter2")

    assert given.secrets == ("hunter2",)
    assert "/run/secrets/key" in given.warnings[0]
    assert "hunter2" not in given.warnings[0]


def test_a_secret_of_another_type_is_refused_without_being_shown(place: Place) -> None:
    place.file(f"{SECRETS_FOLDER}/pin", "hunter2")

    with pytest.raises(InvalidInput) as refusal:
        place.given()

    assert "hunter2" not in str(refusal.value)


def test_a_secret_that_is_not_utf8_is_refused(place: Place) -> None:
    place.file(f"{SECRETS_FOLDER}/key", b"\xff\xfe")

    with pytest.raises(InvalidInput, match="'key' can't be read"):
        place.given()
