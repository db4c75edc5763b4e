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
    "a login": (("from huggingface_hub import login\nlogin()",), ("input", 0, 2)),
    "a drive to mount": (("from google.colab import drive\ndrive.mount('/d')",), ("input", 0, 2)),
    "an editor": (("%edit",), ("input", 0, 1)),
    "what another notebook stored": (("x = 1\n%store -r y",), ("stored-variable", 0, 2)),
    "windows": (("%matplotlib qt5",), ("window", 0, 1)),
    "a folder of this machine": (
        ("from pathlib import Path\nroot = Path('/data/project')",),
        ("absolute-path", 0, 2),
    ),
    "a file of this machine": (
        ("import pandas as pd\npath = '/data/a.csv'", "pd.read_csv(path)"),
        ("absolute-path", 1, 1),
    ),
    "a file on a drive": (
        ("import pandas as pd\npd.read_csv(r'C:\\a.csv')",),
        ("absolute-path", 0, 2),
    ),
    "a home folder": (("p = '/home/me/data.csv'",), ("absolute-path", 0, 1)),
    "a drive": (("p = r'C:\\data.csv'",), ("absolute-path", 0, 1)),
    "a file that is not there": (("f = open('no.csv')",), ("missing-file", 0, 1)),
    "a table that is not there": (
        ("import pandas as pd\npd.read_csv('data/no.csv')",),
        ("missing-file", 0, 2),
    ),
    "pip by the kernel's Python": (("!{sys.executable} -m pip install -q x",), ("install", 0, 1)),
    "a second command of a line": (("!cd lib && pip install .",), ("install", 0, 1)),
    "a shell's cell": (("x = 1", "%%bash\necho 1\npip install x"), ("install", 1, 3)),
    "a magic without its mark": (("pip install x",), ("install", 0, 1)),
    "pip in a function": (
        ("import os\ndef f():\n    os.system('pip install x')",),
        ("install", 0, 3),
    ),
    "pip as a process": (
        ("import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'pip', 'install', 'x'])",),
        ("install", 0, 2),
    ),
    "a variable": (("import os\nkey = os.environ['KEY']",), ("environment", 0, 2)),
    "a file of variables": (
        ("from dotenv import load_dotenv\nload_dotenv()", "import os\nos.environ['KEY']"),
        ("dotenv", 0, 2),
    ),
    "a file of variables by magic": (("import os\n%dotenv",), ("dotenv", 0, 2)),
    "a question in a function": (("def f():\n    return input('?')\nf()",), ("input", 0, 2)),
    "a question by another name": (
        ("from getpass import getpass\ngetpass('Password: ')",),
        ("input", 0, 2),
    ),
    "a debugger": (("x = 1\nbreakpoint()",), ("input", 0, 2)),
    "a debugger by magic": (("%debug",), ("input", 0, 1)),
    "a form to upload": (("from google.colab import files\nfiles.upload()",), ("input", 0, 2)),
    "a home folder in a function": (
        ("def f():\n    return '/Users/me/x'",),
        ("absolute-path", 0, 2),
    ),
    "a home folder told to the shell": (("%cd ~/project",), ("absolute-path", 0, 1)),
    "a share": ((r"p = r'\\server\share\x'",), ("absolute-path", 0, 1)),
    "a file whose name a variable holds": (
        ("import pandas as pd\npath = 'no.csv'", "pd.read_csv(path)"),
        ("missing-file", 1, 1),
    ),
    "a file named by a word": (("f = open(file='no.txt')",), ("missing-file", 0, 1)),
    "a file of numpy": (("import numpy as np\nnp.load('no.npy')",), ("missing-file", 0, 2)),
    "a file by its path": (
        ("from pathlib import Path\nPath('no.txt').read_text()",),
        ("missing-file", 0, 2),
    ),
    "a script": (("!python no.py --fast",), ("missing-file", 0, 1)),
    "a loop that only an inner loop ends": (
        ("while True:\n    for i in (1, 2):\n        break",),
        ("endless-loop", 0, 1),
    ),
    "an endless count": (
        ("import itertools\nfor i in itertools.count():\n    pass",),
        ("endless-loop", 0, 2),
    ),
    "a base class from below": (("class A(B): pass", "class B: pass"), ("undefined-name", 0, 1)),
    "a condition of a comprehension": (
        ("xs = [x for x in range(3) if x > y]",),
        ("undefined-name", 0, 1),
    ),
    "a name that was deleted": (("x = 1\ndel x", "print(x)"), ("undefined-name", 1, 1)),
    "an increment from nowhere": (("x += 1",), ("undefined-name", 0, 1)),
    "a misspelt name in a function": (
        ("total = 1", "def f():\n    y = 2\n    return totl + y"),
        ("undefined-name", 1, 3),
    ),
    "a parameter that is imported over": (
        (unrun("n = 1", "parameters"), "print(n)\nimport math as n\nn"),
        ("discarded-parameter", 1, 2),
    ),
    "an endless loop": (("while True:\n    x = 1",), ("endless-loop", 0, 1)),
    "help below line ends of Windows": (("x = 1\r\nprint?\r\ny = 2",), ("syntax", 0, 1)),
    "a syntax error": (("x = 1", "y = ("), ("syntax", 1, 1)),
    "a name from below": (("x = 1", "print(y)", "y = 2"), ("undefined-name", 1, 1)),
    "a name from nowhere": (("x = 1\nx + y",), ("undefined-name", 0, 2)),
    "another order": (
        ({**code("x = 1"), "execution_count": 5}, {**code("x"), "execution_count": 4}),
        ("order", 1, 1),
    ),
    "a cell that failed": (
        (code("x = 1", outputs=[{"output_type": "error", "ename": "E", "evalue": ""}]),),
        ("failed", 0, 1),
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
    "an expected failure": (
        {**unrun("nothing", "raises-exception"), "outputs": [{"output_type": "error"}]},
    ),
    "a file that the notebook makes": ("open('a.txt', 'w').write('x')", "open('a.txt').read()"),
    "an address": ("import pandas as pd\npd.read_csv('https://example.org/a.csv')",),
    "a loop with an end": ("while True:\n    break",),
    "targets of statements": (
        "for i in range(2): pass\nwith open('/dev/null') as f: pass\nprint(i, f)",
        "try:\n    n\nexcept NameError:\n    n = 1\nprint(n)",
    ),
    "words about installing": ("print('pip install x')  # pip install y",),
    "code in texts and comments": (
        'print("""\n    pip install x\n%pip install y\n""")  # input()\nx = "%cd /home/me/x"',
    ),
    "files that may be missing": (
        "try:\n    f = open('no.csv')\nexcept FileNotFoundError:\n    f = None",
        "import zipfile\nz = zipfile.ZipFile('/tmp/z.zip')\nz.open('member.txt')",
        "import glob, pandas as pd\n[pd.read_csv(p) for p in glob.glob('*.csv')]",
    ),
    "a file whose name a writer takes too": (
        "import pandas as pd\npath = 'out.csv'\npd.DataFrame().to_csv(path)",
        "pd.read_csv(path)",
    ),
    "a function of the notebook's own": ("def input(): return 1", "input()"),
    "a place for Colab": (
        "import sys\nif 'google.colab' in sys.modules:\n    from google.colab import drive\n"
        "    drive.mount('/content/drive')\n    data = '/content/x'\nelse:\n    data = 'x'\ndata",
    ),
    "a worker's loop": (
        "import queue\nq = queue.Queue()\ndef f():\n    while True:\n        q.get()",
    ),
    "a loop that waits for its end": (
        "xs = iter([1])\ntry:\n    while True:\n        next(xs)\nexcept StopIteration:\n    pass",
    ),
    "a question without a variable's value": (
        "import os, getpass\nif 'KEY' not in os.environ:\n    k = getpass.getpass()\nk = 1",
        "k = os.getenv('KEY') or input()",
    ),
    "variables that need not be there": (
        "import os\nos.environ['HOME'], os.environ.get('A')\nos.environ['B'] = ''\nos.environ['B']",
        "%env C=1\nimport os\nos.environ['C']\nif 'D' in os.environ:\n    os.environ['D']",
        "import os\ntry:\n    os.environ['E']\nexcept KeyError:\n    pass",
    ),
    "a file whose absence is suppressed": (
        "from contextlib import suppress\nwith suppress(FileNotFoundError):\n    open('no.txt')",
    ),
    "paths that every system has, and what looks like one": (
        "from pathlib import Path\nPath('/tmp/x'), Path('/'), open('/etc/hostname')",
        "route = '/data/items'; re = r'/opt/\\d+'; doc = 'see /home/me'",
    ),
    "names of functions and classes": (
        "def f(a, *b, c=1, **d):\n    e = 1\n    def g(): return e, a, b, c, d, last\n    return g",
        "last = 1\nclass A:\n    x = 1\n    y = x\n    def h(self): return __class__, self.x",
        "def k():\n    try:\n        return spark\n    except NameError:\n        return None",
        "def m():\n    global made\n    made = 1\nm(); print(made)",
        "def n():\n    import os\n    return [p for p in os.listdir() if p]\nn()",
    ),
    "a name that was deleted and set anew": ("x = 1\ndel x\nx = 2", "print(x)"),
    "records of the shell": ("_ih, _oh, _dh, _i1, _, __builtins__",),
    "top-level await": ("import asyncio\nasync def f(): return 1\nr = await f()", "print(r)"),
    "single lines without a mark": ("ls data", "cd ..", "whos"),
    "a shell's value": ("x = !ls", "print(x)"),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_runs_well_is_not_remarked_on(tmp_path: Path, name: str) -> None:
    assert codes(tmp_path, *GOOD[name]) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_fit(path: Path) -> None:
    assert remarks(document.read(path)) == ()


def test_newer_syntax_than_can_be_read_is_no_error(tmp_path: Path) -> None:
    newer = {"metadata": {"language_info": {"name": "python", "version": "3.99.1"}}}
    notebook = write(tmp_path / "n.ipynb", unrun("a new = statement"), **newer)

    (remark,) = remarks(notebook)

    assert (remark.code, remark.severity) == ("unread", "warning")
    assert "3.99" in remark.why


FOREIGN = [
    ("R", "x <- 1\ninstall.packages('x')", ("install", 2)),
    ("R", 'remotes::install_github("a/b")', ("install", 1)),
    ("R", "d <- read.csv('/home/me/d.csv')  # all", ("absolute-path", 1)),
    ("R", "n <- readline(prompt = 'n? ')", ("input", 1)),
    ("R", "x <- getPass::getPass('? ')", ("input", 1)),
    ("julia", 'using Pkg; Pkg.add("CSV")', ("install", 1)),
    ("julia", "s = readline()", ("input", 1)),
    ("bash", "cd x && pip install y", ("install", 1)),
    ("bash", "read -rp 'n? ' n", ("input", 1)),
    ("scala", "import $ivy.`org::lib:1`", ("install", 1)),
    ("C#", '#r "nuget: A"', ("install", 1)),
    ("R", "# install.packages('x')\nprint(\"readline() '/home/me/x\")", None),
    ("julia", 's = readline(file); t = "# Pkg.add()"', None),
    ("bash", 'while read line; do echo "$line"; done < x', None),
]


@pytest.mark.parametrize(("language", "source", "expected"), FOREIGN)
def test_lines_of_other_languages_are_looked_at(
    tmp_path: Path, language: str, source: str, expected: tuple[str, int] | None
) -> None:
    metadata = {"metadata": {"language_info": {"name": language}}}

    found = remarks(write(tmp_path / "n.ipynb", unrun(source), **metadata))

    assert [(remark.code, remark.line) for remark in found] == [expected] * bool(expected)


def test_the_order_is_looked_at_in_every_language(tmp_path: Path) -> None:
    r_cells = {**code("x <- 1"), "execution_count": 5}, {**code("x"), "execution_count": 4}
    metadata = {"metadata": {"language_info": {"name": "R"}}}

    (remark,) = remarks(write(tmp_path / "n.ipynb", *r_cells, **metadata))

    assert (remark.code, remark.cell) == ("order", 1)


def test_every_remark_has_a_reason_and_a_fix(tmp_path: Path) -> None:
    notebook = write(tmp_path / "n.ipynb", *[cell for cells, _ in FOUND.values() for cell in cells])

    assert all(remark.what and remark.why and remark.todo for remark in remarks(notebook))
