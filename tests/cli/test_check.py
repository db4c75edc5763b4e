"""`check` says what is wrong, and its exit code whether a run would fail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kernel_containers.cli.main import run
from tests.notebook.notebooks import code, write

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_errors_end_with_one_and_say_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "n.ipynb", code("x = 1\ninput()"), code("api_key = 'hJ7dk2LmQ9sPzX4v'"))

    exit_code = run(["check", str(tmp_path / "n.ipynb"), "--json"])

    text = capsys.readouterr().out
    found = {item["code"]: (item["cell"], item["line"]) for item in json.loads(text)}
    assert exit_code == 1
    assert (found["input"], found["secret"]) == ((0, 2), (1, 1))
    assert "hJ7dk2LmQ9sPzX4v" not in text


def test_warnings_and_nothing_end_with_zero(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "warned.ipynb", code("%pip install x"))
    write(tmp_path / "good.ipynb", code("x = 1"))

    codes = [run(["check", str(tmp_path / f"{name}.ipynb")]) for name in ("warned", "good")]

    assert codes == [0, 0]
    text = capsys.readouterr().out
    assert "cell 1, line 1: The cell installs packages." in text
    assert "Nothing speaks against" in text


def test_what_is_no_notebook_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "n.ipynb").write_text("no JSON")

    assert run(["check", str(tmp_path / "n.ipynb")]) == 65
