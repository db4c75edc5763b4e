"""Notebooks with very many variables."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from kernel_containers.notebook.fitness import remarks
from kernel_containers.notebook.variables import find_variables
from tests.notebook.notebooks import write

if TYPE_CHECKING:
    from pathlib import Path


def test_each_variable_names_what_is_computed_from_it(tmp_path: Path) -> None:
    notebook = write(
        tmp_path / "n.ipynb", "a = 1\nb = a + 1\nc = a + b\na = 2\nb = a * 2\na = a + 1"
    )

    variable = find_variables(notebook)[0]

    assert variable.notes[-1] == "Computed from it: b, c."


@pytest.mark.full
def test_eight_times_the_variables_take_about_eight_times_as_long(tmp_path: Path) -> None:
    def seconds(count: int) -> float:
        """Return the processor's time for half as many values as names computed from them."""
        lines = "\n".join(f"a{n} = {n}  # how many\nb{n} = a{n} + 1" for n in range(count))
        notebook = write(tmp_path / "n.ipynb", lines)
        begin = time.process_time()
        assert len(find_variables(notebook)) == count
        remarks(notebook)
        return time.process_time() - begin

    few = seconds(1_000)

    assert seconds(8_000) < 20 * few
