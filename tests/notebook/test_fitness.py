"""What speaks against running a notebook unattended is found, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel_containers.notebook import document
from kernel_containers.notebook.fitness import remarks
from tests.notebook.notebooks import code, write

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").rglob("*.ipynb"))


def unrun(source: str, *tags: str) -> dict[str, Any]:
    return {**code(source, *tags), "execution_count": None}


def codes(folder: Path, *cells: Any) -> list[tuple[str, int | None, int | None]]:
    made = [unrun(cell) if isinstance(cell, str) else cell for cell in cells]
    notebook = write(folder / "n.ipynb", *made)
    return [(remark.code, remark.cell, remark.line) for remark in remarks(notebook)]


FOUND: dict[str, tuple[tuple[Any, ...], tuple[str, int, int]]] = {
    "a question": (("x = 1\ny = input('?')",), ("input", 0, 2)),
    "a question for a secret": (("import getpass\ngetpass.getpass()",), ("input", 0, 2)),
    "pip by magic": (("import os\n%pip install x",), ("install", 0, 2)),
    "pip by shell": (("!pip install -q x",), ("install", 0, 1)),
    "pip of this Python": (("!python -m pip install x",), ("install", 0, 1)),
    "apt": (("!sudo apt-get -y install x",), ("install", 0, 1)),
    "a home folder": (("p = '/home/me/data.csv'",), ("absolute-path", 0, 1)),
    "a drive": (("p = r'C:\\data.csv'",), ("absolute-path", 0, 1)),
    "a file that is not there": (("f = open('no.csv')",), ("missing-file", 0, 1)),
    "a table that is not there": (
        ("import pandas as pd\npd.read_csv('data/no.csv')",),
        ("missing-file", 0, 2),
    ),
    "an endless loop": (("while True:\n    x = 1",), ("endless-loop", 0, 1)),
    "a syntax error": (("x = 1", "y = ("), ("syntax", 1, 1)),
    "a name from below": (("x = 1", "print(y)", "y = 2"), ("undefined-name", 1, 1)),
    "a name from nowhere": (("x = 1\nx + y",), ("undefined-name", 0, 2)),
    "another order": (
        ({**code("x = 1"), "execution_count": 5}, {**code("x"), "execution_count": 4}),
        ("order", 1, 1),
    ),
    "a cell that was not run": ((code("x = 1"), "x"), ("not-run", 1, 1)),
    "a parameter that nothing reads": (
        (unrun("n = 1\nm = 2", "parameters"), "m"),
        ("unused-parameter", 0, 1),
    ),
    "a parameter that a condition sets": (
        (unrun("n = 1", "parameters"), "if n:\n    n = 2"),
        ("branching", 1, 2),
    ),
    "a parameter that is computed anew": (
        (unrun("n = 1", "parameters"), "print(n)\nn = len('x')"),
        ("discarded-parameter", 1, 2),
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_it_is_found_at_its_place(tmp_path: Path, name: str) -> None:
    cells, expected = FOUND[name]

    assert codes(tmp_path, *cells) == [expected]


GOOD: dict[str, tuple[Any, ...]] = {
    "a parameter that is refined": (unrun("n = 1", "parameters"), "n = n * 2\nn"),
    "names of comprehensions and lambdas": ("[x for x in range(3) if x]\nf = lambda y: y",),
    "a function that uses what comes later": ("def f():\n    return g()", "g = int\nf()"),
    "magics that define names": ("%%capture out\n1", "out.show()"),
    "a star import": ("from math import *", "sin(0)"),
    "names of the shell": ("1", "_ , Out, In, _1\ndisplay(get_ipython())"),
    "an expected failure": (unrun("nothing", "raises-exception"),),
    "a file that the notebook makes": ("open('a.txt', 'w').write('x')", "open('a.txt').read()"),
    "an address": ("import pandas as pd\npd.read_csv('https://example.org/a.csv')",),
    "a loop with an end": ("while True:\n    break",),
    "targets of statements": (
        "for i in range(2): pass\nwith open('/dev/null') as f: pass\nprint(i, f)",
        "try:\n    n\nexcept NameError:\n    n = 1\nprint(n)",
    ),
    "words about installing": ("print('pip install x')  # pip install y",),
    "a shell's value": ("x = !ls", "print(x)"),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_runs_well_is_not_remarked_on(tmp_path: Path, name: str) -> None:
    assert codes(tmp_path, *GOOD[name]) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_fit(path: Path) -> None:
    assert remarks(document.read(path)) == ()


def test_every_remark_has_a_reason_and_a_fix(tmp_path: Path) -> None:
    notebook = write(tmp_path / "n.ipynb", *[cell for cells, _ in FOUND.values() for cell in cells])

    assert all(remark.what and remark.why and remark.todo for remark in remarks(notebook))
