"""Notebooks of random assignments, scopes and magics run with exactly the values given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kernel_containers.core.parameter_values import from_json
from kernel_containers.notebook.variables import find_variables
from kernel_containers.runner.held_values import HeldValues
from kernel_containers.runner.inject import apply_values
from kernel_containers.runner.literals import python_literal
from tests.contract.random_pieces import NAMES, CellOf, cells, scalars, setting
from tests.contract.test_parameters import shipped
from tests.notebook.notebooks import write
from tests.support.shell import ipython_shell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

by_type: Mapping[str, st.SearchStrategy[Any]] = {
    "int": st.integers(-(10**20), 10**20),
    "float": st.floats(allow_nan=False),
    "bool": st.booleans(),
    "str": st.text(max_size=8),
    "list": st.lists(st.none() | scalars, max_size=3),
    "dict": st.dictionaries(st.text(max_size=3), scalars, max_size=2),
    "json": st.none() | scalars | st.lists(scalars, max_size=2),
}


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
@settings(suppress_health_check=list(HealthCheck), phases=[Phase.generate])
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
