"""What is said about a notebook's data before anything is built."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kernel_containers.core.snapshot import FileEntry, FileKind
from kernel_containers.notebook import document
from kernel_containers.notebook.code import read_code
from kernel_containers.notebook.fitness import remarks
from kernel_containers.workflow.images.data_notes import large_files, missing_data
from tests.acceptance.product import write_notebook

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def notes(folder: Path, *cells: str, entries: tuple[FileEntry, ...] = ()) -> list[str]:
    notebook = write_notebook(folder / "n.ipynb", "import pandas as pd", *cells)
    risks = missing_data(read_code(document.read(notebook)), entries)
    return [*(risk.message for risk in risks), *large_files(entries)]


def test_a_file_that_is_not_there_is_told_with_its_cell(tmp_path: Path) -> None:
    (tmp_path / "here.csv").write_text("a")

    (note,) = notes(tmp_path, "pd.read_csv('here.csv')", "pd.read_csv('gone.csv')")

    assert note == "cell 3: There is no file gone.csv. The code reads it."


def test_a_file_elsewhere_is_told_with_its_size_and_the_way_to_include_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    large = tmp_path / "elsewhere" / "large.parquet"
    large.touch()
    os.truncate(large, 250_000_000)
    (tmp_path / "project").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    cells = f"pd.read_parquet('{large}')", "pd.read_parquet('~/elsewhere/large.parquet')"

    absolute, home = notes(tmp_path / "project", *cells)

    assert f"{large}, 250.0 MB outside" in absolute
    assert f"--include {large}" in absolute
    assert "make the path a parameter" in home


def test_what_is_included_or_of_the_system_or_not_certain_is_not_told(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("a")
    entry = FileEntry(str(data), FileKind.FILE, 0o644, 1)
    cells = (
        f"pd.read_csv('{data}')",
        "open('/proc/cpuinfo').read()",
        "for year in (1, 2):\n    pd.read_csv(f'/data/{year}.csv')",
        "pd.read_csv('https://example.org/x.csv')",
        "open('/data/made.txt', 'w')",
    )

    assert notes(tmp_path, *cells, entries=(entry,)) == []


def test_what_the_text_tells_too_has_the_rule_and_subject_of_its_remark(tmp_path: Path) -> None:
    cells = "pd.read_csv('gone.csv')", "pd.read_csv('/data/x.csv')", "open('/home/me/y').read()"
    notebook = document.read(write_notebook(tmp_path / "n.ipynb", *cells))

    told = [(risk.rule, risk.subject) for risk in missing_data(read_code(notebook), ())]

    about_files = [(item.code, item.subject) for item in remarks(notebook) if item.subject]
    assert sorted(told) == sorted(about_files)
    assert len(told) == 3


def test_a_large_file_is_told(tmp_path: Path) -> None:
    entry = FileEntry("/workspace/big.csv", FileKind.FILE, 0o644, 2_000_000_000)

    (note,) = notes(tmp_path, entries=(entry,))

    assert note.startswith("/workspace/big.csv is included with 2,000 MB")


def test_what_libraries_keep_in_the_home_folder_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "nltk_data" / "corpora").mkdir(parents=True)
    (tmp_path / "nltk_data" / "corpora" / "words").write_bytes(bytes(2000))

    (note,) = notes(tmp_path, "import nltk, transformers")

    assert note.startswith("nltk keeps 2.0 kB in ~/nltk_data, which the image will not have")


def test_of_a_folder_with_very_many_files_only_some_are_counted(tmp_path: Path) -> None:
    crowded = tmp_path / "crowded"
    crowded.mkdir()
    (crowded / "0").write_bytes(b"1")
    for number in range(1, 10_001):
        (crowded / str(number)).hardlink_to(crowded / "0")
    (tmp_path / "project").mkdir()

    (note,) = notes(tmp_path / "project", f"pd.read_parquet('{crowded}')")

    assert "more than 10.0 kB outside" in note
