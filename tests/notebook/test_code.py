"""What runs with a notebook, and which modules and files that names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kernel_containers.notebook.code import read_code
from kernel_containers.notebook.named_files import named_files
from tests.notebook.notebooks import markdown, write

if TYPE_CHECKING:
    from pathlib import Path


def test_imports_are_found_in_all_code(tmp_path: Path) -> None:
    notebook = write(
        tmp_path / "n.ipynb",
        "import a.b, c as d\nfrom e.f import g\nfrom . import no\n%load_ext h\n!pip install no",
        "def f():\n    import i\n    __import__('j.k')\n    importlib.import_module('l')",
        "%%time\nimport m",
        "%%bash\nimport no",
        "import no = (",
    )

    assert read_code(notebook).imported_modules == set("acehijlm")


def test_what_may_be_missing_is_not_needed(tmp_path: Path) -> None:
    source = (
        "import a.b\ntry:\n    import c\nexcept ImportError:\n    c = None\nif c:\n    import d"
    )
    defined = "%matplotlib inline\nfrom e import f\ndef g():\n    import h"

    notebook = write(tmp_path / "n.ipynb", source, defined)

    assert read_code(notebook).needed_modules == {"a", "e"}


@pytest.mark.parametrize("line", ["%pip install a", "!uv pip install a", "sys.path.insert(0, b)"])
def test_a_notebook_that_changes_what_can_be_imported_needs_nothing(
    tmp_path: Path, line: str
) -> None:
    notebook = write(tmp_path / "n.ipynb", line, "import a")

    assert read_code(notebook).needed_modules == frozenset()


@pytest.mark.parametrize(
    ("language", "source", "found"),
    [
        (
            "R",
            "import(numpy)\nread.csv('x.csv'); source(\"load.R\"); 'absent.csv'",
            ["load.R", "x.csv"],
        ),
        ("bash", 'wc -l x.csv > load.R; ./run.sh "$name"', ["./run.sh", "x.csv"]),
    ],
)
def test_another_language_imports_nothing_and_names_files(
    tmp_path: Path, language: str, source: str, found: list[str]
) -> None:
    for name in ("x.csv", "load.R", "run.sh", "numpy.py"):
        (tmp_path / name).touch()
    notebook = write(tmp_path / "n.ipynb", source, metadata={"language_info": {"name": language}})

    code = read_code(notebook)
    assert (code.imported_modules, named_files(code)) == (frozenset(), tuple(found))


def test_what_runs_with_a_notebook_counts_as_its_own_code(tmp_path: Path) -> None:
    texts = {
        "helper.py": "import settings\nopen('rows.csv')",
        "settings.py": "TABLE = 'table.json'\nimport helper",
        "steps/load.py": "import beside\nopen('loaded.txt')",
        "steps/beside.py": "open('deep.txt')",
        "magic.py": "open('spells.txt')",
        "broken.py": "x = (",
        "unused.py": "open('unused.txt')",
    }
    for name in (
        *texts,
        "rows.csv",
        "table.json",
        "loaded.txt",
        "deep.txt",
        "spells.txt",
        "unused.txt",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(texts.get(name, ""))
    write(tmp_path / "other.ipynb", "import helper, broken\n%run n.ipynb\n%load_ext magic")
    notebook = write(tmp_path / "n.ipynb", "%run ./other.ipynb\n!python steps/load.py\n%run absent")

    code = read_code(notebook)
    assert named_files(code) == (
        "./other.ipynb", "deep.txt", "loaded.txt", "rows.csv", "spells.txt",
        "steps/load.py", "table.json",
    )  # fmt: skip
    assert code.imported_modules == {"beside", "broken", "helper", "magic", "settings"}
    assert code.import_folders == (str(tmp_path / "steps"),)
    assert code.needed_modules == {"nbformat"}


def test_a_module_that_a_cell_writes_is_not_missed(tmp_path: Path) -> None:
    notebook = write(tmp_path / "n.ipynb", "%%writefile made.py\nx = 1", "import made")

    assert read_code(notebook).needed_modules == frozenset()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with data beside a folder of notebooks."""
    files = ["data/x.csv", "data/y.csv", "data/deep/z.csv", "run.py", "out.csv", "a.json", "s.sh"]
    for name in [*(f"nb/{file}" for file in files), "shared/x.csv", "src/mod.py"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("pd.read_csv('data/x.csv')", ["data/x.csv"]),
        ("NAME = 'data/x.csv'\nopen(NAME)", ["data/x.csv"]),
        ("def f(p='a.json'): ...", ["a.json"]),
        ("open('../shared/x.csv')", ["../shared/x.csv"]),
        ("Path('data') / 'x.csv'", ["data/x.csv"]),
        ("Path('data', 'deep') / name", ["data/deep"]),
        ("os.path.join('data', 'x.csv')", ["data/x.csv"]),
        ("os.path.join('data', name)", []),
        ("pathlib.Path('./data/x.csv').read_text()", ["data/x.csv"]),
        ("os.listdir('data')", ["data"]),
        ("DATA_DIR = 'data'", ["data"]),
        ("df['data']; f('data'); data = 'data/'", ["data/"]),
        ("glob.glob('data/*.csv')", ["data/x.csv", "data/y.csv"]),
        ("open(f'data/{name}.csv')", ["data/x.csv", "data/y.csv"]),
        ("df.to_csv('out.csv'); open('out.csv', 'w'); savefig('out.csv')", []),
        ("open('out.csv', mode='x'); Path('out.csv').write_text('a')", []),
        ("df.to_csv('out.csv')\npd.read_csv('out.csv')", ["out.csv"]),
        ("open('out.csv', 'a')", ["out.csv"]),
        ("%run run\n%run -i run.py", ["run.py"]),
        ("%load run.py", ["run.py"]),
        ("%cd data/deep\n%cd ..", ["data/deep"]),
        ("!bash s.sh a.json > out.csv\n!echo 'x\n!rm run.py", ["a.json", "s.sh"]),
        ("%%bash\nwc data/*.csv 2>out.csv | cat a.json", ["a.json", "data/x.csv", "data/y.csv"]),
        ("%%script bash\ncat a.json\ntouch out.csv", ["a.json"]),
        ("%%bashful\ncat a.json", []),
        ("DATA = Path('data')\nopen(DATA / 'x.csv')", ["data", "data/x.csv"]),
        ("d = '../shared'\nos.path.join(d, 'x.csv'), d + '/x.csv'", ["../shared/x.csv"]),
        (
            "root = Path.cwd().parent\nshared = root / 'shared'\nshared.joinpath('x.csv')",
            ["../shared/x.csv"],
        ),
        (
            "HERE = Path().resolve()\n(HERE / 'data' / 'deep').glob('*.csv')",
            ["data/deep", "data/deep/z.csv"],
        ),
        ("up = Path('..')\nlist((up / 'shared').glob('*.csv'))", ["../shared/x.csv"]),
        ("up = Path('..')\nlist(up.rglob('*.csv'))", []),
        ("d = '../shared'\nopen(f'{d}/{name}.csv')", ["../shared/x.csv"]),
        ("o = Path('data')\ndf.to_csv(o / 'x.csv'); (o / 'y.csv').write_text('')", ["data"]),
        ("o = Path('data')\no = place()\nopen(o / 'x.csv')", ["data"]),
        ("Path('.'), Path('..'), Path('../src'), os.listdir(''), '/', '~'", []),
        ("open('/etc/passwd'), open('absent.csv'), open('n.ipynb'), 'a\\0b', 'x' * 9", []),
        ("f'{a}', f'*', glob.glob('**')", []),
        ("'''a.json\n'''", []),
    ],
)
def test_names_of_files_that_exist_count(project: Path, source: str, found: list[str]) -> None:
    notebook = write(project / "nb" / "n.ipynb", source)

    assert named_files(read_code(notebook)) == tuple(found)


@pytest.mark.parametrize(
    ("module", "source", "found"),
    [
        ("m.py", "(Path(__file__).parent / 'data' / 'x.csv').read_text()", "../src/data/x.csv"),
        ("m.py", "UP = Path(__file__).resolve().parents[1]\nopen(UP / 'z.csv')", "../z.csv"),
        ("m.py", "join(dirname(__file__), 'data', 'x.csv')", "../src/data/x.csv"),
        ("m.py", "d = os.path.dirname(abspath(__file__))\nopen(f'{d}/y.json')", "../src/y.json"),
        ("m.py", "open('here.csv')", "here.csv"),
        ("m/deep/load.py", "open(Path(__file__).parents[2] / 'y.json')", "../src/y.json"),
    ],
)
def test_a_module_on_the_path_names_files_by_its_own_place(
    tmp_path: Path, module: str, source: str, found: str
) -> None:
    data = ("src/data/x.csv", "src/y.json", "z.csv", "nb/here.csv", "src/m/__init__.py")
    for name, text in {**dict.fromkeys(data, ""), f"src/{module}": source}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    notebook = write(tmp_path / "nb" / "n.ipynb", "sys.path.append('../src')\nimport m")

    code = read_code(notebook)
    assert set(named_files(code)) - {f"../src/{module}"} == {found}
    assert code.import_folders == ("../src",)


@pytest.mark.parametrize(
    "source",
    ["x = 'ab'\n" + "x = x + x\n" * 60, "x = Path('none').parents[1_000_000_000]"],
    ids=["a text of 2 to the 60", "a billion parents"],
)
def test_what_only_running_the_code_could_hold_is_no_path(project: Path, source: str) -> None:
    notebook = write(project / "nb" / "n.ipynb", source, "open(x)")

    assert named_files(read_code(notebook)) == ()


def test_pictures_of_text_cells_count(project: Path) -> None:
    for name in ("a.png", "b c.png", "../shared/d.svg", "e.gif", "f(1).png"):
        (project / "nb" / name).touch()
    text = (
        '![x](a.png "a title") ![](b%20c.png) ![](<f(1).png>) ![](https://a.b/c.png)\n'
        "<IMG alt='' src='../shared/d.svg'> ![](attachment:a.png) ![](data:image/gif;base64,R0)\n"
        "[no picture](run.py)"
    )
    notebook = write(project / "nb" / "n.ipynb", markdown(text), "'![](e.gif)'")

    named = named_files(read_code(notebook))

    assert named == ("../shared/d.svg", "a.png", "b c.png", "f(1).png")


def test_an_absolute_path_counts_inside_the_notebooks_folder(project: Path) -> None:
    inside = project / "nb" / "a.json"
    notebook = write(
        project / "nb" / "n.ipynb", f"open({str(inside)!r}), open({str(project / 'src/mod.py')!r})"
    )

    assert named_files(read_code(notebook)) == (str(inside),)


def test_folders_added_to_the_path_are_found(project: Path) -> None:
    notebook = write(
        project / "nb" / "n.ipynb",
        "import sys\nsys.path.append('../src')\nsys.path.insert(0, os.path.abspath('..'))\n"
        "sys.path.append('absent'); other.append('data'); sys.path.extend(['data', x])",
    )

    assert read_code(notebook).import_folders == ("../src", "..", "data")
