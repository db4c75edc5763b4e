"""Which variables a notebook has: their types, defaults, descriptions and notes."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.notebook.variables import find_variables, unreadable_cells
from tests.notebook.notebooks import code, markdown, write

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.core.parameters import Variable


def variables(folder: Path, *cells: Any, **more: Any) -> dict[str, Variable]:
    notebook = write(folder / "n.ipynb", *cells, **more)
    return {variable.name: variable for variable in find_variables(notebook)}


@pytest.mark.parametrize(
    ("source", "type_", "default"),
    [
        ("a = 1", "int", 1),
        ("a = -1", "int", -1),
        ("a = 0x10", "int", 16),
        ("a = 10_000_000_000_000_000_000_000", "int", 10**22),
        ("a = 1.5", "float", 1.5),
        ("a = +1e3", "float", 1000.0),
        ("a = True", "bool", True),
        ("a = 'x'", "str", "x"),
        ("a = ('x'\n     'y')", "str", "xy"),
        ('a = """x\ny"""', "str", "x\ny"),
        ("a = r'\\d'", "str", "\\d"),
        ("a = '\\ud800'", "str", "\ud800"),
        ("a = None", "json", None),
        ("a = [1, [2, 'x'], None]", "list", [1, [2, "x"], None]),
        ("a = 1, 2", "list", [1, 2]),
        ("a = (1,)", "list", [1]),
        ("a = {3, 1}", "list", [3, 1]),
        ("a = {'x': {'y': -1}}", "dict", {"x": {"y": -1}}),
        ("a = 60 * 60", "int", 3600),
        ("a = 1024 ** 3 // 2", "int", 2**29),
        ("a = date(2024, 1, 2)", "date", "2024-01-02"),
        ("a = datetime.date(2024, month=1, day=2)", "date", "2024-01-02"),
        ("a = datetime(2024, 1, 2, 3)", "datetime", "2024-01-02T03:00:00"),
        ("a = dt.datetime(2024, 1, 2, tzinfo=dt.timezone.utc)", "datetime",
         "2024-01-02T00:00:00+00:00"),
        ("a = {1, 2} and set()\na = set()", "list", []),
        ("a = dict(x=1, y=[2])", "dict", {"x": 1, "y": [2]}),
        ("a = frozenset(('x',))", "list", ["x"]),
        ("a = int(1e6)", "int", 10**6),
        ("a = float('inf')", "float", "inf"),
        ("a = -np.inf", "float", "-inf"),
        ("a = -float('inf')", "float", "-inf"),
        ("a = np.float64(1)", "int", 1),
        ("a = timedelta(hours=-2)", "int", -2),
        ("a = pd.Timedelta('1h')", "str", "1h"),
        ("a = 1 << 20", "int", 2**20),
        ("a = -math.pi", "float", -math.pi),
        ("from numpy import pi, inf as oo\na = pi; b = oo", "float", math.pi),
        ("from datetime import datetime as dt\na = dt(2024, 1, 2)", "datetime",
         "2024-01-02T00:00:00"),
        ("from datetime import date as D, datetime as d\na = D.fromisoformat('2024-01-02')", "date",
         "2024-01-02"),
        ("import math as m\na = m.pi", "float", math.pi),
        ("from decimal import Decimal as D\nfrom decimal import Decimal as D\na = D('1.10')", "str",
         "1.10"),
        ("a = logging.WARNING", "enum", "WARNING"),
        ("a = argparse.Namespace(x=1, y=[2])", "dict", {"x": 1, "y": [2]}),
        ("a: int | float = 1", "json", 1),
        ("a: Union[int, str, None] = 1", "json", 1),
        ("a: str | list[str] = 'x'", "str", "x"),
        ("a: int | Path = 1", "int", 1),
        ("a = np.array([[1.5]])", "list", [[1.5]]),
        ("a = datetime.strptime('31.1.24', '%d.%m.%y').date()", "date", "2024-01-31"),
        ("a = 'x' + 'y'", "str", "xy"),
        ("a = f'x' 'y'", "str", "xy"),
        ("a: int = 1", "int", 1),
        ("a: 'int' = 1", "int", 1),
        ("a: float = 1", "float", 1),
        ("a: Optional[int] = None", "int", None),
        ("a: str | None = None", "str", None),
        ("a: list[int] = []", "list", []),
        ("a: Annotated[float, 'kg'] = 2", "float", 2),
        ("a: str = 1", "int", 1),
        ("a: int | str = 1", "json", 1),
        ("a: pd.DataFrame = None", "json", None),
        ("a = 1  # type: float", "float", 1),
        ("a: float\na = 1", "float", 1),
    ],
)  # fmt: skip
def test_type_and_default_follow_from_value_and_annotation(
    tmp_path: Path, source: str, type_: str, default: object
) -> None:
    found = variables(tmp_path, source)["a"]

    assert (found.type, found.default) == (type_, default)
    assert type(found.default) is type(default)


@pytest.mark.parametrize(
    "source",
    ["mode: Literal['fast', 'slow'] = 'fast'", "mode = 'fast'  # type: Literal['fast', 'slow']"],
)
def test_a_literal_annotation_makes_an_enum(tmp_path: Path, source: str) -> None:
    found = variables(tmp_path, source)["mode"]

    assert (found.type, found.default, found.choices) == ("enum", "fast", ("fast", "slow"))


@pytest.mark.parametrize(
    "source",
    ["a = f()", "a = b", "a = f'{b}'", "a = b'x'", "a = 1j", "a = ...", "a = [b]", "a = {1: 2}",
     "a = {**b}", "a = 1e400", "a = 10 ** 10 ** 10", "a = 2 ** 100", "a = 1 / 0", "a = -'x'",
     "a = 'x' * 3", "a = not True", "a = date(2024, 13, 1)", "a = date.today()", "a = [1, *b]",
     "a = datetime(2024, 1, 2, tzinfo=tz)", "a.b = 1", "a[0] = 1", "a = " + "-" * 50_000 + "1",
     "a = " + "[" * 150 + "]" * 150 + "\nb = (", "a = 1 if b else 2", "a, b = 'xy'", "*a, = 1, 2",
     "a = int('x')", "a = set([[1]])", "a = dict(**b)", "a = dict([('x', 1)])", "a = list(b)",
     "a = list('xy')", "a = timedelta(days=1, hours=2)", "a = Path('a', 'b')", "a = str(5)",
     "a = 'x' + 1", "a = np.array(b)", "a = datetime.strptime('x', '%Y')", "a = math.cos",
     "a = 1 << 10**9", "a = Namespace(**b)", "a = pi", "a = Mode.FAST", "a = logging.Logger",
     f"a = 0x{'f' * 5000}",
     "from pathlib import Path as P\nP = print\na = P('x')",
     "a = datetime.now().date()", "a = pd.Timedelta(1, unit=f())", "a = int('" + "9" * 5000 + "')"],
)  # fmt: skip
def test_what_only_running_tells_is_no_variable(tmp_path: Path, source: str) -> None:
    assert "a" not in variables(tmp_path, source)


def test_a_declaration_without_value_is_required(tmp_path: Path) -> None:
    found = variables(tmp_path, "n: int  # how many\nd: Dict[str, int]\nx: Foo\nm: int\nm += 1")

    assert {name: (v.type, v.required, v.default) for name, v in found.items()} == {
        "n": ("int", True, None),
        "d": ("dict", True, None),
        "x": ("json", True, None),
    }
    assert found["n"].description == "how many"


@pytest.mark.parametrize(
    ("source", "description"),
    [
        ("a = 1  # how many", "how many"),
        ("a = [1,  # one\n     2]  # both", "both"),
        ("# how many\n# there are\na = 1", "how many there are"),
        ("# above\na = 1  # behind", "behind"),
        ("# -------\n# Above\n#: doc\na = 1  # noqa: E501", "Above doc"),
        ("# too far\n\na = 1", ""),
        ("b = 2  # of b\na = 1", ""),
        ("a = '# no'", ""),
        ("%time b = 1\n# how many\na = 1", "how many"),
        ("a = 1  # type: int # how many", "how many"),
        ("a = 1  # type: ignore", ""),
        ("# %% [parameters]\na = 1", ""),
        ("# Settings\n# --------\na = 1", ""),
        ("# ---- Settings ----\n# how many\na = 1", "how many"),
        ("a = 1  # TODO: measure it", ""),
        ("a = [  # what to read\n    1,\n]", "what to read"),
        ('a = 1\n"""how\n   many"""', "how many"),
        ("#@title Settings\n#@markdown how many\na = 1 #@param {type: 'integer'}", "how many"),
    ],
)
def test_a_comment_describes_a_variable(tmp_path: Path, source: str, description: str) -> None:
    assert variables(tmp_path, source)["a"].description == description


def test_names_of_secrets_are_seen_in_texts_only(tmp_path: Path) -> None:
    found = variables(tmp_path, "API_KEY = ''\ndbPassword = None\ntoken_count = 3\nauthor = 'x'")

    assert {name: v.secret for name, v in found.items()} == {
        "API_KEY": True,
        "dbPassword": True,
        "token_count": False,
        "author": False,
    }


def test_what_tells_about_a_secret_is_none_and_a_secret_is_known_by_its_form(
    tmp_path: Path,
) -> None:
    about = "token_url = 'x'; credentialsPath = 'y'; password_field = 'z'; aws_secret_arn = 'w'"
    found = variables(
        tmp_path,
        about,
        f"a = 'AKIA{'Q' * 16}'\nb = 'postgres://me:word@host/db'\nc = 'https://host/x@y'",
    )

    assert {name for name, variable in found.items() if variable.secret} == {"a", "b"}


def test_a_picture_in_a_text_takes_no_time(tmp_path: Path) -> None:
    picture = "iVBORw0KGgo" * 50_000
    begin = time.process_time()

    found = variables(tmp_path, f"a = '{picture}'\nb = 'k={picture}'\nc = 'to:{picture}@x'")

    assert not any(variable.secret for variable in found.values())
    assert time.process_time() - begin < 5  # without ends of repetitions, an hour


def test_a_dict_that_holds_a_secret_is_one(tmp_path: Path) -> None:
    found = variables(
        tmp_path,
        "a = {'host': 'x', 'login': {'password': ''}}\nb = {'token_count': 'x', 'secret': 3}",
    )

    assert {name: variable.secret for name, variable in found.items()} == {"a": True, "b": False}


def test_variables_come_in_order_of_appearance(tmp_path: Path) -> None:
    found = variables(tmp_path, "b = 1; a = 2", markdown("x = 1"), "c = 3\nb = 4")

    assert list(found) == ["b", "a", "c"]


def test_a_tagged_cell_gives_the_default_and_injection_overrides_it(tmp_path: Path) -> None:
    found = variables(
        tmp_path,
        "a = 1; b = 1; c = 1",
        code("a = 2; b = 2", "parameters"),
        code("a = 3", "injected-parameters"),
    )

    assert {name: (v.default, v.tagged) for name, v in found.items()} == {
        "a": (3, True),
        "b": (2, True),
        "c": (1, False),
    }
    assert "Cell 3 was injected by an earlier run of papermill" in " ".join(found["a"].notes)


def test_a_tag_on_another_kind_of_cell_means_nothing(tmp_path: Path) -> None:
    text = {**markdown("a = 5"), "metadata": {"tags": ["parameters"]}}

    found = variables(tmp_path, text, "a = 1")

    assert (found["a"].default, found["a"].tagged) == (1, False)


def test_notes_say_where_a_value_may_be_lost_and_what_follows_from_it(tmp_path: Path) -> None:
    found = variables(
        tmp_path, "n = 1\ntwice = n * 2", "n = n + 1\nfor i in x:\n    n = i", "n = 5"
    )

    assert found["n"].notes == (
        "It is set in cell 1, line 1, and cell 3, line 1: a given value takes the place of each "
        "of these.",
        "It is also computed in cell 2, line 1, where a given value may be lost.",
        "It is also assigned in a loop in cell 2, line 3, where a given value may be lost.",
        "Computed from it: twice.",
    )
    assert found["n"].contested


@pytest.mark.parametrize(
    "other",
    ["n += 1", "n = f()", "del n", "n.append(1)", "n['x'] = 1", "n.x = 1", "for n in x: pass",
     "with f() as n: pass", "import n", "from x import y as n", "def n(): pass", "class n: pass",
     "if x:\n    n = 2", "while x:\n    n = 2", "try:\n    n = 2\nfinally:\n    pass",
     "try:\n    pass\nexcept E as n:\n    pass", "with f():\n    n = 2", "(n := 2)",
     "print([n := i for i in x])", "match x:\n    case {'a': n}:\n        pass",
     "match x:\n    case [*n]:\n        pass", "match x:\n    case {**n}:\n        pass",
     "def f():\n    global n\n    n = 2", "async def f():\n    global n\n    del n",
     "class C:\n    def f(self):\n        global n\n        n += 1", "n, m = f()",
     "(n, *m), k = f()", "n = !ls", "%time n = f()", "for i in x:\n    if i:\n        n = 2",
     "if x:\n    for i in y:\n        n = 2", "n: int = f()",
     "try:\n    pass\nexcept* E as n:\n    pass", "for x.y, n in z: pass", "r = await (n := g())"],
)  # fmt: skip
def test_any_other_way_of_binding_is_seen(tmp_path: Path, other: str) -> None:
    for cells in (["n = 1", other], [other, "n = 1"], [f"n = 1\n{other}"]):
        found = variables(tmp_path, *cells)["n"]

        assert found.contested
        assert len(found.edits) == 1
        assert len(found.notes) == 1
    assert "n" not in variables(tmp_path, other)


@pytest.mark.parametrize(
    "other",
    ["def f(n=2):\n    n = 3", "class C:\n    n = 2", "f = lambda n: (n, 2)", "[n for n in x]",
     "print(n)", "x[n] = 1", "f(n=2)", "def f():\n    global n\n    return n", "x.n = 2",
     "import x.n", "{n: 1 for n in x}", "async def f():\n    n = 2", "n.copy()", "'n = 2'"],
)  # fmt: skip
def test_other_scopes_and_uses_do_not_matter(tmp_path: Path, other: str) -> None:
    for cells in (["n = 1", other], [other, "n = 1"]):
        found = variables(tmp_path, *cells)["n"]

        assert not found.contested
        assert len(found.edits) == 1


def test_names_of_a_comprehension_are_not_what_a_value_is_computed_from(tmp_path: Path) -> None:
    found = variables(
        tmp_path, "n = 1\nxs = [n for n in (1, 2)]\nf = lambda n: n\nm = [n for i in xs]"
    )

    assert found["n"].notes == ("Computed from it: m.",)


def test_other_languages_and_unreadable_cells_have_none(tmp_path: Path) -> None:
    r = write(tmp_path / "r.ipynb", "x = 5", metadata={"language_info": {"name": "R"}})
    broken = write(tmp_path / "b.ipynb", "a = 1", "b = (", "print 'x'", "a = \0", "c = 3")

    assert find_variables(r) == ()
    assert unreadable_cells(r) == ()
    assert [variable.name for variable in find_variables(broken)] == ["a", "c"]
    assert unreadable_cells(broken) == (1, 2, 3)


def test_skipped_cells_do_not_count(tmp_path: Path) -> None:
    found = variables(tmp_path, "a = 1", code("a = 2\nb = 1", "skip-execution"))

    assert list(found) == ["a"]
    assert len(found["a"].edits) == 1


def test_a_thousand_lines_take_less_than_a_second(tmp_path: Path) -> None:
    found = variables(
        tmp_path, *["\n".join(f"v{i}_{j} = {j}  # x" for j in range(100)) for i in range(10)]
    )

    assert len(found) == 1000


ENUM = "import enum\nclass Mode(enum.StrEnum):\n    FAST = 'f'\n    SLOW: str = 's'\n    _X = 1\n"


@pytest.mark.parametrize(
    ("cells", "members"),
    [
        ([ENUM, "a = Mode.FAST"], ("FAST", "SLOW")),
        (["a = Mode['FAST']", ENUM], ("FAST", "SLOW")),
        ([ENUM, "a: 'Mode | None' = None"], ("FAST", "SLOW")),
        ([ENUM, "a: Mode"], ("FAST", "SLOW")),
        (
            ["class B(IntEnum):\n    def f(self): pass\nclass Mode(B):\n    X = 1\na = Mode.X"],
            ("X",),
        ),
        (["class Mode(Enum):\n    X, Y = range(2)\n    Z = lambda: 1\na = Mode.X"], None),
        (["Mode = Enum('Mode', 'FAST, SLOW')\na = Mode.SLOW"], ("FAST", "SLOW")),
        ([ENUM, ENUM, "a = Mode.FAST"], None),
        ([ENUM, "Mode = 1", "a = Mode.FAST"], None),
        ([ENUM, "a = Mode.name"], None),
        (["from modes import Mode", "a = Mode.FAST"], None),
    ],
)
def test_an_enum_of_the_notebook_has_its_members_as_choices(
    tmp_path: Path, cells: list[str], members: tuple[str, ...] | None
) -> None:
    found = variables(tmp_path, *cells)

    assert (found["a"].choices if "a" in found else None) == members


@pytest.mark.parametrize(
    "other",
    ["def f(x=(a := 2)): pass", "f = lambda x=(a := 2): x", "@(a := print)\ndef f(): pass",
     "class C(*[a := dict]): pass", "class C:\n    global a\n    a = 2",
     "def f():\n    global a\n    import math as a",
     "def f():\n    def g():\n        global a\n        for a in []: pass"],
)  # fmt: skip
def test_what_a_function_or_class_binds_outside_of_it_contests_a_value(
    tmp_path: Path, other: str
) -> None:
    assert variables(tmp_path, "a = 1", other)["a"].contested


def test_names_that_a_function_inside_declares_global_stay_local_outside_of_it(
    tmp_path: Path,
) -> None:
    function = "def f():\n    a = 2\n    def g():\n        global b\n        b = 3"

    found = variables(tmp_path, "a = 1; b = 1", function)

    assert {name: variable.contested for name, variable in found.items()} == {"a": False, "b": True}
