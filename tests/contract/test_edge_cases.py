"""Every edge case ends as it should, from the notebook's file to the names in the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.errors import InvalidInput
from kernel_containers.runner import final_values
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
    wanted = final_values.at_end(notebook, contract, values)

    apply_values(notebook, contract, values)

    sources = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    if case.code is not None:
        assert tuple(sources) == case.code
    names = run_in(shell, sources)
    assert {name: names[name] for name in case.ends} == case.ends
    assert {name: type(names[name]) for name in case.ends} == {
        name: type(value) for name, value in case.ends.items()
    }
    untrue = [name for name, expression in wanted.items() if not eval(expression, names)]  # noqa: S307
    assert untrue == list(case.untrue)


@pytest.mark.parametrize("name", REFUSED)
def test_the_notebook_or_the_value_is_refused(tmp_path: Path, name: str) -> None:
    case = REFUSED[name]

    with pytest.raises(InvalidInput) as refusal:
        _apply(tmp_path, case)

    assert case.words in str(refusal.value)


def _apply(folder: Path, case: Refused) -> None:
    notebook, contract = shipped(folder, *case.cells, names=list(case.given))
    apply_values(notebook, contract, values_of(contract, dict(case.given)))


def run_in(shell: InteractiveShell, sources: list[str]) -> dict[str, Any]:
    """Return the names after all cells ran."""
    shell.reset(new_session=False)
    for source in sources:
        shell.run_cell(source).raise_error()
    return dict(shell.user_ns)
