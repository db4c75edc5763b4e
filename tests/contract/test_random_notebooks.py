"""Notebooks of random assignments, scopes and magics run with exactly the values given.

Each piece of a notebook knows how it reads with other values, so that the expected text does not
come from the code under test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kernel_containers.core.parameter_values import from_json
from kernel_containers.notebook.variables import find_variables
from kernel_containers.runner.held_values import HeldValues
from kernel_containers.runner.inject import apply_values
from kernel_containers.runner.literals import python_literal
from tests.contract.test_parameters import shipped
from tests.notebook.notebooks import write
from tests.support.shell import ipython_shell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

SEVERAL = {"max_examples": 40, "deadline": None, "phases": [Phase.generate]}
NAMES = ("a", "b", "c", "é", "fi", "_d")


class Piece(NamedTuple):
    """Some lines. `text` makes them, given literals by name; `spoils` are bound by other code."""

    text: Callable[[Mapping[str, str]], str]
    sets: frozenset[str] = frozenset()
    spoils: frozenset[str] = frozenset()


scalars = (
    st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.text(st.characters(codec="utf-8"), max_size=6)
)
by_type: Mapping[str, st.SearchStrategy[Any]] = {
    "int": st.integers(-(10**20), 10**20),
    "float": st.floats(allow_nan=False),
    "bool": st.booleans(),
    "str": st.text(max_size=8),
    "list": st.lists(st.none() | scalars, max_size=3),
    "dict": st.dictionaries(st.text(max_size=3), scalars, max_size=2),
    "json": st.none() | scalars | st.lists(scalars, max_size=2),
}
defaults = (
    scalars.map(repr)
    | st.sampled_from(["None", "[]", "{'k': [1]}", "-1", "1_000", "'x' 'y'", "dict(k=1)", "list()",
                       "int('7')", "'x' + 'y'", "f'x'", "-float('inf')"])
)  # fmt: skip


def setting(*names: str) -> frozenset[str]:
    return frozenset(names)


@st.composite
def pieces(draw: st.DrawFn) -> Piece:
    """Draw lines that bind names, or look as if they did."""
    one, two = draw(st.permutations(NAMES))[:2]
    first, second = draw(defaults), draw(defaults)
    chain = f"{one} = {two} = {first}"
    both = setting(one, two)
    plain: list[Piece] = [
        Piece(lambda v: f"{one} = {v.get(one, first)}", setting(one)),
        Piece(lambda v: f"{one}={v.get(one, first)};{two} = {v.get(two, second)}  # = 3", both),
        Piece(lambda v: f"{one}, {two} = {v.get(one, first)}, {v.get(two, second)}", both),
        Piece(lambda v: f"({one}, [{two}]) = {v.get(one, first)}, [{v.get(two, second)}]", both),
        Piece(lambda v: f"*rest, {one} = 0, {v.get(one, first)}", setting(one)),
        Piece(lambda v: f"{one}: 'any' = {v.get(one, first)}", setting(one)),
        Piece(lambda v: chain + "".join(f"; {n} = {v[n]}" for n in v if n in both), both),
        Piece(lambda v: f"if True:\n    pass\n{one} = {v.get(one, first)}", setting(one)),
        Piece(lambda v: f"'''\n{one} = 7'''; {one} = {v.get(one, first)}", setting(one)),
        Piece(lambda v: f"{one} = {v.get(one, first)}; copy = [{one}]", setting(one)),
    ]  # fmt: skip
    scopes = [
        f"def f_({one}=1):\n    {two} = {first}\n    return {one}",
        f"class C_:\n    {one} = {first}\n    def {two}(self): pass",
        f"g_ = lambda {one}: {one}",
        f"h_ = [{one} for {one} in range(2)]",
        f"k_ = dict({one}={first})",
        f"# {one} = {first}".replace("\n", " "),
        f"%env KC_RANDOM={one}",
        "!true",
        f"x_ = !echo {one}",
        "m_ = (10\n % 3)",
        "print?",
        f"?{two}",
        f"%time n_ = '{one}'",
        f"%time o_ = !echo {one}",
        f"p_ = %env HOME\n!true {one} = 1",
        f";str {one} = 1",
        f"if True:\n    %env KC_RANDOM={one} = 1\n    !true",
        f"async def s_():\n    {one} = 1",
    ]
    spoilers = [
        f"for {one} in range(2): pass",
        f"if False:\n    {one} = 1",
        f"try:\n    {one} = 1\nexcept E: pass",
        f"({one} := 7)",
        f"import math as {one}",
        f"def u_():\n    global {one}\n    {one} = 7",
        f"{one} = str(7)",
        f"{one} = !echo 7",
    ]
    kind = draw(st.integers(0, 5))
    if kind < 3:
        return draw(st.sampled_from(plain))
    if kind < 5:
        text = draw(st.sampled_from(scopes))
        return Piece(lambda _: text)
    text = draw(st.sampled_from(spoilers))
    return Piece(lambda _: text, spoils=setting(one))


class CellOf(NamedTuple):
    """The pieces of a cell, the magic above them, and how its lines end."""

    pieces: list[Piece]
    magic: str
    ending: str

    def text(self, literals: Mapping[str, str]) -> str:
        lines = "\n".join([*filter(None, [self.magic]), *(p.text(literals) for p in self.pieces)])
        # IPython itself takes `print?` for Python where the line ends as on Windows.
        return lines if "print?" in lines else lines.replace("\n", self.ending)


cells = st.builds(
    CellOf,
    st.lists(pieces(), min_size=1, max_size=4),
    st.sampled_from(["", "", "", "%%time", "%%capture"]),
    st.sampled_from(["\n", "\n", "\r\n"]),
)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InteractiveShell]:
    """The shell that ipykernel builds on."""
    with ipython_shell(tmp_path_factory.mktemp("ipython")) as made:
        yield made


def names_after(shell: InteractiveShell, sources: list[str]) -> dict[str, Any]:
    for name in (*NAMES, "copy"):
        shell.user_ns.pop(name, None)  # reset() collects garbage, which takes 0.1 s
    for source in sources:
        shell.run_cell(source).raise_error()
    return {name: shell.user_ns[name] for name in (*NAMES, "copy") if name in shell.user_ns}


@given(made=st.lists(cells, min_size=1, max_size=3), data=st.data())
@settings(suppress_health_check=list(HealthCheck), **SEVERAL)
def test_a_random_notebook_has_the_values_given_and_no_other_change(
    tmp_path: Path, shell: InteractiveShell, made: list[CellOf], data: st.DataObject
) -> None:
    every = [piece for cell in made for piece in cell.pieces]
    sets = setting().union(*(piece.sets for piece in every))
    spoilt = setting().union(*(piece.spoils for piece in every))
    sources = [cell.text({}) for cell in made]
    found = {v.name: v for v in find_variables(write(tmp_path / "found.ipynb", *sources))}
    assert {name for name in found if name in NAMES} == sets
    assert {name for name in sets if found[name].contested} == sets & spoilt

    names = data.draw(st.lists(st.sampled_from(sorted(sets)), unique=True)) if sets else []
    notebook, contract = shipped(tmp_path, *sources, names=names)
    values = {p.name: from_json(p, data.draw(by_type[p.type])) for p in contract.parameters}
    literals = {
        p.name: python_literal(_kind(p, values), values[p.name]) for p in contract.parameters
    }
    applied = apply_values(notebook, contract, values)

    after = [cell["source"] for cell in notebook["cells"]]
    assert after == [cell.text(literals) for cell in made]
    names_before, names_now = names_after(shell, sources), names_after(shell, after)
    for name in sets - spoilt:
        expected = values.get(name, names_before[name])
        assert names_now[name] == expected
        assert type(names_now[name]) is type(expected)
    holding = HeldValues(notebook, applied.values, warn=print).at_end()
    assert all(eval(holding[name], names_now) for name in holding if name not in spoilt)  # noqa: S307


def _kind(parameter: Any, values: Mapping[str, Any]) -> Any:
    return "str" if isinstance(values[parameter.name], str) else parameter.type
