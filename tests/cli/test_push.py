"""`push`, and what is declared on the line, before an engine or a registry is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kernel_containers.cli.main import run
from tests.notebook.notebooks import write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["image:1"], 64, "--to"),
        (["image:1", "--to", "docker:image:2"], 65, "in no registry"),
        (["image:1", "--to", "image:2"], 65, "image:2"),
        (["image:1", "--to", "127.0.0.1:9/image:1"], 69, "127.0.0.1:9"),
    ],
)
def test_a_push_to_nowhere_ends_with_the_reason(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    assert run(["push", *arguments]) == code

    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("declaration", "words"),
    [
        ("weeks", "declares nothing"),
        ("weeks:number", "unknown type"),
        ("weeks:int=many", "is an integer"),
        ('{"name": "weeks", "typ": "int"}', "unknown members: typ"),
        ("db_password:str=x", "can't have a default"),
    ],
)
def test_a_declaration_that_says_nothing_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], declaration: str, words: str
) -> None:
    write(tmp_path / "n.ipynb", "weeks = 26")

    code = run(["containerize", str(tmp_path / "n.ipynb"), "--dry-run", "--declare", declaration])

    assert code == 65
    assert words in capsys.readouterr().err
