"""A value put into a variable's edits is what the notebook's code ends up with."""

from __future__ import annotations

import datetime
import keyword
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel_containers.notebook.variables import find_variables
from tests.notebook.notebooks import code, run, sources_with, write
from tests.support.shell import ipython_shell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell


def given_value(folder: Path, literal: str, name: str, *cells: Any) -> list[str]:
    """Return the sources of a notebook in which `name` is set to a literal."""
    notebook = write(folder / "n.ipynb", *cells)
    found = {variable.name: variable for variable in find_variables(notebook)}
    return sources_with(notebook, [(found[name], literal)])


@pytest.mark.parametrize(
    ("source", "edited"),
    [
        ("a = 1", "a = 9"),
        ("a=1;b=2", "a=9;b=2"),
        ("b = 2; a = 1;", "b = 2; a = 9;"),
        ("a = (1)  # c", "a = (9)  # c"),
        ("a = -1", "a = 9"),
        ("a = (\n  1  # one\n)", "a = (\n  9  # one\n)"),
        ("a = [1,\n  2]  # c", "a = 9  # c"),
        ("a = 'x' \\\n  'y'\nb = 1", "a = 9\nb = 1"),
        ("a: int = 1", "a: int = 9"),
        ("a:'int'=1", "a:'int'=9"),
        ("a: int", "a: int = 9"),
        ("a: int  # c\nb = 1", "a: int = 9  # c\nb = 1"),
        ("b, a = 2, 1", "b, a = 2, 9"),
        ("(b, [a, c]) = 2, (1, 3)", "(b, [a, c]) = 2, (9, 3)"),
        ("a, *b = 1, 2, 3", "a, *b = 9, 2, 3"),
        ("*b, a = 2, 3, 1", "*b, a = 2, 3, 9"),
        ("b, *c, a, d = 2, 1, 4", "b, *c, a, d = 2, 9, 4"),
        ("a, b = 1, f()", "a, b = 9, f()"),
        ("a = b = 1", "a = b = 1; a = 9"),
        ("b = a = (\n 1\n)  # c", "b = a = (\n 1\n); a = 9  # c"),
        ("a, b = c = 1, 2; d = 3", "a, b = c = 1, 2; a = 9; d = 3"),
        ("x.y = a = 1", "x.y = a = 1; a = 9"),
        ("a = 1, 2", "a = tuple(9)"),
        ("a = {1, 2}", "a = set(9)"),
        ("a = date(2024, 1, 2)", "a = 9"),
        ("'é😀'; a = 1", "'é😀'; a = 9"),
        ("x = '''\n\té'''; a = 1\n", "x = '''\n\té'''; a = 9\n"),
        ("a = 1\x0c\nb = 2", "a = 9\x0c\nb = 2"),
        ("b = 2\r\na = 1\r\n", "b = 2\r\na = 9\r\n"),
        ("    a = 1\n    b = 2", "    a = 9\n    b = 2"),
        (">>> a = [1,\n... 2]\n>>> b = 3", ">>> a = 9\n>>> b = 3"),
        ("if True:\n\t%cd x\na = 1", "if True:\n\t%cd x\na = 9"),
        ("%time a = 1; b = 2", "%time a = 9; b = 2"),
        ("r = await g(); a = 1", "r = await g(); a = 9"),
        ("a = 1; a = 2", "a = 9; a = 9"),
        ("a = yield\na = 1", "a = yield\na = 9"),
    ],
)
def test_only_the_value_changes(tmp_path: Path, source: str, edited: str) -> None:
    assert given_value(tmp_path, "9", "a", source) == [edited]


@pytest.mark.parametrize(
    ("cells", "name", "others"),
    [
        (["def load(): n = len('p'); return n", "n = 10"], "n", {}),
        (["class C: n = 1\nn = 2\nm = C.n"], "n", {"m": 1}),
        (["def f(n=1): return n\nn = 2\nm = f()"], "n", {"m": 1}),
        (["n = 1", "m = n", "n = 2"], "n", {"m": 9}),
        (["del_me = 1; n = 1; del n", "n = 2"], "n", {}),
        (["a, n = 1, 2"], "n", {"a": 1}),
        (["a = n = 1"], "n", {"a": 1}),
        (["n = a = 1\nn = 3"], "n", {"a": 1}),
        (["n: 'int' = 1\ntwice = n * 2"], "n", {"twice": 18}),
        (["x = (10\n % 3)\nn = 1"], "n", {"x": 1}),
        ([code("n = 1", "parameters"), code("n = 2", "injected-parameters")], "n", {}),
        (["if False:\n    n = 5\nn = 1"], "n", {}),
        (["n = m = k = 0; (n, m), k = (1, 2), 3"], "n", {"m": 2, "k": 3}),
    ],
)
def test_the_value_holds_at_the_end_and_its_neighbours_keep_theirs(
    tmp_path: Path, cells: list[Any], name: str, others: dict[str, object]
) -> None:
    namespace = run(given_value(tmp_path, "9", name, *cells))

    assert namespace[name] == 9
    assert {other: namespace[other] for other in others} == others


def test_code_that_computes_from_the_value_is_kept(tmp_path: Path) -> None:
    assert run(given_value(tmp_path, "9", "n", "n = 1; n = n * 2"))["n"] == 18
    assert run(given_value(tmp_path, "None", "n", "n = 1", "if n is None:\n    n = 5"))["n"] == 5


def test_a_tuple_and_a_set_stay_what_they_are(tmp_path: Path) -> None:
    cells = ["t = 1, 2\ns = {1}\n(a, u) = 1, (2, 3)"]

    for name, expected in {"t": (7, 8), "s": {7, 8}, "u": (7, 8)}.items():
        assert run(given_value(tmp_path, "[7, 8]", name, *cells))[name] == expected


def test_a_date_stays_a_date(tmp_path: Path) -> None:
    source = "from datetime import date\nd = date(2024, 1, 2)"
    literal = "__import__('datetime').date(2025, 6, 7)"

    assert run(given_value(tmp_path, literal, "d", source))["d"] == datetime.date(2025, 6, 7)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InteractiveShell]:
    """The shell that ipykernel builds on."""
    with ipython_shell(tmp_path_factory.mktemp("ipython")) as made:
        yield made


@pytest.mark.parametrize(
    "source",
    [
        "%matplotlib --list\nn = 1",
        "x = !echo hello\nn = 1",
        "x = %env HOME\nn = 1",
        "!echo a \\\n  b\nn = 1",
        "%%time\nn = 1",
        "%%capture out\nn = 1\nprint(n)",
        "%%capture out\n%%time\nm = n = 1",
        "%%prun -q\nn = 1",
        "if True:\n    %env X=1\n    y = 2\nn = 1",
        "x = (10\n % 3)\nn = 1",
        "print?\nn = 1",
        "%time n = 1",
        "%time m = n = 1  # both",
        "    n = 1\n    m = n",
        ">>> n = [1,\n...      2]\n>>> m = n",
        "In [1]: n = 1",
        "\n\n%%time\n  n = 1\n  m = n",
        "import asyncio\nawait asyncio.sleep(0); n = 1",
    ],
)
def test_ipython_runs_the_edited_cell_with_the_value(
    tmp_path: Path, shell: InteractiveShell, source: str
) -> None:
    [edited] = given_value(tmp_path, "'new %value?'", "n", source)

    shell.reset(new_session=False)
    result = shell.run_cell(edited)

    result.raise_error()
    assert shell.user_ns["n"] == "new %value?"


def test_timeit_does_not_leak_so_its_body_has_no_variable(
    tmp_path: Path, shell: InteractiveShell
) -> None:
    source = "%%timeit -n1 -r1\nn = 1"
    notebook = write(tmp_path / "n.ipynb", source)

    shell.reset(new_session=False)
    shell.run_cell(source)

    assert find_variables(notebook) == ()
    assert "n" not in shell.user_ns


names = st.text("abcnxyé_", min_size=1, max_size=3).filter(
    lambda name: name.isidentifier() and not keyword.iskeyword(name) and name != "_"
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text("ab'\n"), inner, max_size=2),
    max_leaves=5,
)  # fmt: skip


@st.composite
def statements(draw: st.DrawFn) -> str:
    """Draw a line that binds names, and in the end leaves plain values in them."""
    first, second = draw(names), draw(names)
    one, two = repr(draw(values)), repr(draw(values))
    return draw(
        st.sampled_from(
            [
                f"{first} = {one}",
                f"{first}={one} ;{second} = {two}  # c",
                f"{first} = {second} = {one}",
                f"{first}, {second} = {one}, {two}",
                f"[{first}, ({second},)] = ({one}, [{two}])",
                f"{first}: int = (\n  {one}  # é\n)",
                f"def f_():\n    {first} = {one}",
                f"# {first} = {one}",
                f"'''{first} = 1\n''' ; {first} = {one}",
                f"if True:\n    pass\n{first} = {one}",
                f"*rest, {second} = 0, {two}",
            ]
        )
    )


@given(
    cells=st.lists(
        st.lists(statements(), min_size=1, max_size=4).map("\n".join), min_size=1, max_size=3
    ),
    ending=st.sampled_from(["\n", "\r\n"]),
    data=st.data(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_set_of_variables_ends_with_the_values_given(
    tmp_path: Path, cells: list[str], ending: str, data: st.DataObject
) -> None:
    sources = [cell.replace("\n", ending) for cell in cells]
    notebook = write(tmp_path / "n.ipynb", *sources)
    found = find_variables(notebook)
    chosen = data.draw(
        st.lists(st.sampled_from(found), unique_by=lambda v: v.name) if found else st.just([])
    )
    wanted = [data.draw(values) for _ in chosen]

    before = run(sources)
    after = run(
        sources_with(
            notebook,
            [(variable, repr(value)) for variable, value in zip(chosen, wanted, strict=True)],
        )
    )

    expected = {k: v for k, v in before.items() if not (callable(v) or k == "__builtins__")}
    expected |= {variable.name: value for variable, value in zip(chosen, wanted, strict=True)}
    assert {k: after[k] for k in expected} == expected
    assert {k: type(after[k]) for k in expected} == {k: type(expected[k]) for k in expected}
