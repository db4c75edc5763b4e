"""A notebook of a newer Python than the one that looks at it keeps its parameters."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_containers.notebook.fitness import remarks
from kernel_containers.notebook.newer_syntax import as_older_python
from kernel_containers.notebook.variables import find_variables
from tests.notebook.notebooks import sources_with, write

if TYPE_CHECKING:
    from pathlib import Path

NEWER = [
    ("type X = int", "0; X = int"),
    ("if a:\n    type X[T] = list[T]", "if a:\n    0; X = list[T]"),
    ("type X[T: (int, str)] = int; type Y = str", "0; X = int; 0; Y = str"),
    ("a = '''\ntype X = 1\n'''\ntype X = int", "a = '''\ntype X = 1\n'''\n0; X = int"),
    ("lazy import a; lazy from b import c", "0; import a; 0; from b import c"),
    ("try: f()\nexcept A, b.B: pass", "try: f()\nexcept A : pass"),
    ("def f[\n  T,\n](x: T): pass", "def f\\\n   \\\n (x: T): pass"),
    ("class A[T: dict[str, (int, str)]](B): pass", "class A (B): pass"),
    ("f'{\n a  # }\n}'", "f'\\\n{_} \\\n '"),
    ("a = t'x{b}', rt\"{c['d']}\", t''", "a = b' ', rb\" \", b''"),
    ("type(x) == y; type = 3", "type(x) == y; type = 3"),
    ("def f[T: (int, str)](x: T) -> T: pass", "def f (x: T) -> T: pass"),
    ("async def f[*Ts, **P](): pass", "async def f (): pass"),
    ("class A[T: list[int]](B): pass", "class A (B): pass"),
    ('print(f"{d["k"]}", 1)', 'print(f"{_} ", 1)'),
    ("f'{a!r:>{w}} {'x' if b else f'{c['k']}'}' + '{n}'", "f'{_} ' + '{n}'"),
    ('f"{{no}} {a} # {b["}"]}" # f"{"', 'f"{_} " # f"{"'),
    ("f'''{a}\n{b}'''; f'plain'; '''f'{x}'''", "f'''{_}\n   '''; f'plain'; '''f'{x}'''"),
    ("rf'\\d{x['a']}'; x[f'a']", "rf'{_} '; x[f'a']"),
]


@pytest.mark.parametrize(("text", "older"), NEWER)
def test_newer_syntax_becomes_older_one_of_the_same_length(text: str, older: str) -> None:
    made = as_older_python(text)

    assert re.sub(r"(?<=\S) +", " ", made) == older
    assert len(made) == len(text)
    ast.parse(made)


@given(st.text(st.sampled_from(list("f'\"{}\\:!#\n ax[]()=")), max_size=40) | st.text())
def test_any_text_keeps_its_length_and_lines(text: str) -> None:
    older = as_older_python(text)

    assert len(older) == len(text)
    assert [at for at, c in enumerate(older) if c == "\n"] == [
        at for at, c in enumerate(text) if c == "\n"
    ]


def test_the_values_beside_newer_syntax_are_parameters(tmp_path: Path) -> None:
    source = (
        "%matplotlib inline\ntype Rows = list[dict]\ndef first[T](x: list[T]) -> T: return x[0]\n"
        "n = 5  # how many\nd = {'k': 1}\nprint(f'{d['k']} of {n}')\nname = f'plain'\n"
    )
    notebook = write(tmp_path / "n.ipynb", source)

    found = {variable.name: variable for variable in find_variables(notebook)}

    assert {name: v.default for name, v in found.items()} == {
        "n": 5,
        "d": {"k": 1},
        "name": "plain",
    }
    edited = sources_with(notebook, [(found["n"], "9"), (found["name"], "'x'")])
    assert edited == [source.replace("n = 5", "n = 9").replace("f'plain'", "'x'")]
    assert [remark.code for remark in remarks(notebook)] == []
