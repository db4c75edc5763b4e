"""Values in other languages are what papermill writes where that is right, and only ever values."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from papermill.translators import papermill_translators

from kernel_containers.core.contract import Contract, KernelCommand
from kernel_containers.core.parameters import Parameter
from kernel_containers.errors import InvalidInput
from kernel_containers.runner.inject import apply_values
from kernel_containers.runner.literals import assignment, language_for

if TYPE_CHECKING:
    from collections.abc import Callable

PAPERMILLS = {
    "scala": "scala",
    "julia": "julia",
    "matlab": "matlab",
    "c#": ".net-csharp",
    "f#": ".net-fsharp",
    "powershell": ".net-powershell",
}
SAME = [5, -5, 2**40, 1.5, True, False, [1, 2], [True], [1.5, -2.0]]
SAME_TEXTS = ["x y", 'a"b', "${x} $y"]


def written(language: str, value: Any, kind: Any = "json") -> str:
    found = language_for(language)
    kind = "str" if isinstance(value, str) and kind == "json" else kind
    return assignment(found, "v", found.literal(kind, value))


@pytest.mark.parametrize("language", PAPERMILLS)
@pytest.mark.parametrize("value", SAME, ids=repr)
def test_plain_values_are_written_as_by_papermill(language: str, value: Any) -> None:
    translator = papermill_translators.find_translator(PAPERMILLS[language], language)
    theirs = translator.assign("v", translator.translate(value))

    # Both say the same to PowerShell, and MATLAB shows what no semicolon follows.
    assert written(language, value).rstrip(";").lower() == theirs.rstrip(";").lower()


@pytest.mark.parametrize("language", ["scala", "c#", "f#", "matlab"])
@pytest.mark.parametrize("text", SAME_TEXTS)
def test_plain_texts_are_written_as_by_papermill(language: str, text: str) -> None:
    translator = papermill_translators.find_translator(PAPERMILLS[language], language)

    assert written(language, text).rstrip(";") == translator.assign(
        "v", translator.translate(text)
    ).rstrip(";")


@pytest.mark.parametrize(
    ("language", "value", "text"),
    [
        ("scala", None, "val v = None"),
        ("scala", 2**70, f'val v = BigInt("{2**70}")'),
        ("scala", float("-inf"), "val v = Double.NegativeInfinity"),
        ("scala", {"k": [1, "x"]}, 'val v = Map("k" -> Seq(1, "x"))'),
        ("scala", "😀\x07\u202e", 'val v = "😀\\u0007\\u202e"'),
        ("c#", None, "var v = (object)null;"),
        ("c#", [1, "x"], 'var v = new object[] { 1, "x" };'),
        ("c#", float("nan"), "var v = System.Double.NaN;"),
        ("c#", 2**70, f'var v = System.Numerics.BigInteger.Parse("{2**70}");'),
        ("f#", [1, None], "let v = [ box (1); null ]"),
        ("f#", [], "let v = ([] : obj list)"),
        ("f#", {"k": -1}, 'let v = Map.ofList [ ("k", box (-1)) ]'),
        ("f#", 2**70, f"let v = {2**70}I"),
        ("matlab", None, "v = NaN;"),
        ("matlab", "a\nb", 'v = ("" + "a" + char([10]) + "b");'),
        ("octave", "it's", "v = 'it''s';"),
        ("octave", "a\nb", "v = ['a', char([10]), 'b'];"),
        ("matlab", {"k": 1}, "v = containers.Map({'k'}, {1}, 'UniformValues', false);"),
        ("powershell", "it's ‘$x’", "$v = 'it''s ‘‘$x’’'"),
        ("powershell", "a\nb", "$v = ('a' + [char]::ConvertFromUtf32(10) + 'b')"),
        ("powershell", [[1, 2]], "$v = @(,@(1, 2))"),
        ("powershell", {"k v": None}, "$v = @{ 'k v' = $null }"),
        ("bash", ["a b", 1, None], "v=('a b' '1' '')"),
        ("bash", [["a"]], "v='[[\"a\"]]'"),
    ],
)
def test_other_values_are_what_the_language_says_for_them(
    language: str, value: Any, text: str
) -> None:
    assert written(language, value) == text


@pytest.mark.parametrize(
    ("language", "day", "moment"),
    [
        ("scala", "java.time.LocalDate.parse(", "java.time.OffsetDateTime.parse("),
        ("c#", "System.DateTime.Parse(", "System.DateTimeOffset.Parse("),
        ("f#", "System.DateTime.Parse(", "System.DateTimeOffset.Parse("),
        ("powershell", "[datetime]::Parse(", "[datetimeoffset]::Parse("),
        ("matlab", "datetime(2024, 1, 2)", "datetime(2024, 1, 2, 3, 4, 0, 'TimeZone', '+02:00')"),
    ],
)
def test_dates_are_dates(language: str, day: str, moment: str) -> None:
    assert day in written(language, "2024-01-02", "date")
    assert moment in written(language, "2024-01-02T03:04:00+02:00", "datetime")


@pytest.mark.parametrize(
    ("language", "value"),
    [
        ("matlab", 2**60 + 1),
        ("powershell", {"a": 1, "A": 2}),
        ("c#", "\ud800"),
        ("scala", "\0"),
        ("r", {"": 1}),
        ("octave", {"a": {"": 1}}),
    ],
)
def test_what_a_language_can_not_hold_is_refused(language: str, value: Any) -> None:
    with pytest.raises(InvalidInput):
        written(language, value)


@pytest.mark.parametrize(
    ("language", "name"),
    [("scala", "val"), ("c#", "class"), ("f#", "let"), ("matlab", "end"), ("powershell", "Args"),
     ("powershell", "a;b"), ("c#", "a b"), ("scala", "a.b"), ("matlab", "_x"), ("f#", "x=1\ny")],
)  # fmt: skip
def test_a_name_that_is_no_variable_is_refused(language: str, name: str) -> None:
    with pytest.raises(InvalidInput):
        assignment(language_for(language), name, "1")


def of_escapes(literal: str) -> str:
    """Read a string of Scala, C# or F#."""
    assert re.fullmatch(r'"(?:[^"\\\n\r]|\\u[0-9a-f]{4}|\\U[0-9a-f]{8}|\\["\\nrt])*"', literal)
    units = re.sub(
        r'\\(?:u([0-9a-f]{4})|U([0-9a-f]{8})|(["\\nrt]))',
        lambda m: (
            {"n": "\n", "r": "\r", "t": "\t"}.get(m[3], m[3])
            if m[3]
            else chr(int(m[1] or m[2], 16))
        ),
        literal[1:-1],
    )
    return units.encode("utf-16", "surrogatepass").decode("utf-16")


def of_matlab(literal: str) -> str:
    """Read a sum of strings and characters of MATLAB."""
    found = re.findall(r'"((?:[^"\n\r]|"")*)"|char\(\[([\d ]+)\]\)|[( +)]+', literal)
    units = [
        b"".join(int(n).to_bytes(2, "little") for n in codes.split()).decode("utf-16-le")
        if codes
        else text.replace('""', '"')
        for text, codes in found
    ]
    return "".join(units)


def of_octave(literal: str) -> str:
    """Read a row of characters of Octave."""
    found = re.findall(r"'((?:[^'\n\r]|'')*)'|char\(\[([\d ]+)\]\)|[\[, \]]+", literal)
    parts = (
        bytes(map(int, codes.split())).decode() if codes else text.replace("''", "'")
        for text, codes in found
    )
    return "".join(parts)


def of_power_shell(literal: str) -> str:
    """Read a sum of strings and characters of PowerShell, to which five marks are a quote."""
    marks = "'\u2018\u2019\u201a\u201b"
    found = re.findall(
        rf"'((?:[^{marks}]|([{marks}])\2)*)'|\[char\]::ConvertFromUtf32\((\d+)\)|[( +)]+", literal
    )
    return "".join(
        chr(int(code)) if code else re.sub(rf"([{marks}])\1", r"\1", text)
        for text, _, code in found
    )


READERS: dict[str, Callable[[str], str]] = {
    "scala": of_escapes,
    "c#": of_escapes,
    "f#": of_escapes,
    "matlab": of_matlab,
    "octave": of_octave,
    "powershell": of_power_shell,
}
TRICKY = st.sampled_from(list("\"'\\`$‘’‚‛%{}();\n\r\t\u2028\x1b\x7f é😀\U000e0001uU0"))


@pytest.mark.parametrize("language", READERS)
@given(text=st.text(TRICKY) | st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_any_text_is_one_literal_that_says_it(language: str, text: str) -> None:
    literal = language_for(language).literal("str", text)

    assert literal.isprintable()
    assert READERS[language](literal) == text


@given(items=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), max_size=4))
def test_bash_has_a_list_as_an_array(items: list[str]) -> None:
    source = written("bash", items) + "\nprintf '%s\\0' \"${v[@]}\""

    done = subprocess.run(["bash", "-c", source], capture_output=True, check=True)

    assert done.stdout.split(b"\0")[:-1] == ([item.encode() for item in items] or [b""])


def test_an_injected_cell_is_one_of_its_language() -> None:
    notebook: Any = {
        "cells": [
            {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": "val n = 1"}
        ],
        "nbformat_minor": 4,
    }
    contract = Contract(
        notebook="n.ipynb",
        working_directory="/",
        kernel=KernelCommand(name="scala", language="scala", argv=("k",)),
        parameters=(Parameter(name="n", type="json"),),
    )

    apply_values(notebook, contract, {"n": [1, "x"]})

    assert notebook["cells"][1]["source"] == '// Parameters\nval n = Seq(1, "x")'
