"""Every edge case ends as it should, from the notebook's file to the names in the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.errors import InvalidInput
from kernel_containers.runner.held_values import HeldValues
from kernel_containers.runner.inject import apply_values
from tests.contract.edge_cases import CASES, Applied, Refused
from tests.contract.test_parameters import shipped, values_of
from tests.support.shell import ipython_shell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

APPLIED = {name: case for name, case in CASES.items() if isinstance(case, Applied)}
REFUSED = {name: case for name, case in CASES.items() if isinstance(case, Refused)}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InteractiveShell]:
    """The shell that ipykernel builds on."""
    with ipython_shell(tmp_path_factory.mktemp("ipython")) as made:
        yield made


@pytest.mark.parametrize("name", APPLIED)
def test_the_value_is_applied(tmp_path: Path, shell: InteractiveShell, name: str) -> None:
    case = APPLIED[name]
    notebook, contract = shipped(tmp_path, *case.cells, names=list(case.given))
    values = values_of(contract, dict(case.given))

    applied = apply_values(notebook, contract, values)
    held = HeldValues(notebook, applied.values, warn=print)

    sources = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    if case.code is not None:
        assert tuple(sources) == case.code
    names = run_in(shell, notebook, held)
    assert {name: names[name] for name in case.ends} == case.ends
    assert {name: type(names[name]) for name in case.ends} == {
        name: type(value) for name, value in case.ends.items()
    }
    assert untrue(held.at_end(), names) == list(case.untrue)


@pytest.mark.parametrize("name", REFUSED)
def test_the_notebook_or_the_value_is_refused(tmp_path: Path, name: str) -> None:
    case = REFUSED[name]

    with pytest.raises(InvalidInput) as refusal:
        _apply(tmp_path, case)

    assert case.words in str(refusal.value)


def _apply(folder: Path, case: Refused) -> None:
    notebook, contract = shipped(folder, *case.cells, names=list(case.given))
    apply_values(notebook, contract, values_of(contract, dict(case.given)))


def run_in(shell: InteractiveShell, notebook: Any, held: HeldValues) -> dict[str, Any]:
    """Return the names after all cells ran; each has set what it was to set."""
    shell.reset(new_session=False)
    for index, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            shell.run_cell(cell["source"]).raise_error()
            assert untrue(held.after(index), shell.user_ns) == []
    return dict(shell.user_ns)


def untrue(expressions: dict[str, str], names: dict[str, Any]) -> list[str]:
    """Return the names of expressions that do not hold."""
    return [name for name, text in expressions.items() if not eval(text, names)]  # noqa: S307
