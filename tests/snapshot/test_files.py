"""Which files beside a notebook go with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kernel_containers.core.snapshot import Exclusion, FileKind, FileSet
from kernel_containers.errors import InvalidInput, NotFound
from kernel_containers.snapshot.files import notebook_files
from kernel_containers.snapshot.fingerprint import fingerprint

SHIPPED = b'{"cells": []}\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a notebook, modules and data."""
    texts = {
        "nb/report.ipynb": '{"with": "outputs"}',
        "nb/helper.py": "import deeper, numpy\nfrom pkg.sub import x\nfrom . import no",
        "nb/deeper.py": "import json\ndef f():\n    import lazy",
        "nb/lazy.py": "x = (",
        "nb/unused.py": "",
        "nb/pkg/__init__.py": "from .inside import y\nimport helper",
        "nb/pkg/sub.py": "import only_from_pkg",
        "nb/pkg/data.json": "{}",
        "nb/pkg/__pycache__/sub.cpython-311.pyc": "",
        "nb/only_from_pkg.py": "",
        "nb/space/part.py": "",
        "nb/folder/x.csv": "",
        "nb/fast.cpython-311-x86_64-linux-gnu.so": "",
        "nb/data/a.csv": "1",
        "nb/data/b.csv": "2",
        "nb/data/deep/c.csv": "3",
        "nb/.env": "TOKEN=1",
        "src/lib/__init__.py": "import helper",
        "src/other.py": "",
        "shared/d.csv": "4",
    }
    for name, text in texts.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def files(file_set: FileSet, root: Path) -> set[str]:
    return {
        os.path.relpath(entry.target, root)
        for entry in file_set.entries
        if entry.kind is not FileKind.FOLDER
    }


def collect(
    project: Path,
    *modules: str,
    includes: tuple[str, ...] = (),
    excludes: tuple[str, ...] = (),
    **more: list[str],
) -> FileSet:
    found, _, _ = notebook_files(
        project / "nb/report.ipynb",
        SHIPPED,
        modules,
        [Path(name) for name in includes],
        **more,
        excludes=[Path(name) for name in excludes],
    )
    return found


def test_the_notebook_is_what_is_shipped_and_not_what_is_on_disk(project: Path) -> None:
    for includes in ((), (".",), ("report.ipynb",), ("*.ipynb",)):
        found = collect(project, includes=includes)

        [entry] = [e for e in found.entries if e.target.endswith("report.ipynb")]
        assert (entry.content, entry.size, entry.source) == (SHIPPED, len(SHIPPED), None)
        assert entry.mtime_ns == (project / "nb/report.ipynb").stat().st_mtime_ns


def test_alone_a_notebook_comes_with_its_folder_which_can_be_written(project: Path) -> None:
    found = collect(project)

    assert [(e.target, e.kind, e.group_writable) for e in found.entries] == [
        (str(project / "nb"), FileKind.FOLDER, True),
        (str(project / "nb/report.ipynb"), FileKind.FILE, True),
    ]
    assert found.fingerprint == fingerprint(found.entries)


def test_modules_bring_what_they_import(project: Path) -> None:
    found = collect(project, "helper", "numpy", "json", "fast", "space", "folder", "absent")

    assert files(found, project / "nb") == {
        "report.ipynb",
        "helper.py",
        "deeper.py",
        "lazy.py",
        "pkg/__init__.py",
        "pkg/sub.py",
        "pkg/data.json",
        "only_from_pkg.py",
        "fast.cpython-311-x86_64-linux-gnu.so",
        "space/part.py",
    }


def test_a_namespace_comes_however_deep_its_modules_are(project: Path) -> None:
    deep = project / "nb/company/team/tools/load.py"
    deep.parent.mkdir(parents=True)
    deep.write_text("import only_from_pkg")

    found = files(collect(project, "company", "folder"), project)

    assert found == {
        "nb/report.ipynb", "nb/company/team/tools/load.py", "nb/only_from_pkg.py",
    }  # fmt: skip


def test_modules_are_found_in_added_folders(project: Path) -> None:
    found = collect(project, "lib", "other", folders=["../src"])

    assert files(found, project) >= {"src/lib/__init__.py", "src/other.py", "nb/helper.py"}
    outside = {e.target: e.group_writable for e in found.entries if "/src/" in e.target}
    assert set(outside.values()) == {False}


@pytest.mark.parametrize(
    ("includes", "expected"),
    [
        (("data",), {"nb/data/a.csv", "nb/data/b.csv", "nb/data/deep/c.csv"}),
        (("data/*.csv",), {"nb/data/a.csv", "nb/data/b.csv"}),
        (("data/**/*.csv",), {"nb/data/a.csv", "nb/data/b.csv", "nb/data/deep/c.csv"}),
        (("./data/a.csv", "../shared/d.csv"), {"nb/data/a.csv", "shared/d.csv"}),
        (("data/a.csv", "data/a.csv"), {"nb/data/a.csv"}),
    ],
)
def test_what_is_named_is_included(
    project: Path, includes: tuple[str, ...], expected: set[str]
) -> None:
    found = collect(project, includes=includes)

    assert files(found, project) == {"nb/report.ipynb", *expected}
    targets = [entry.target for entry in found.entries]
    assert targets == sorted(set(targets))


def test_an_absolute_path_can_be_named(project: Path) -> None:
    found = collect(project, includes=(str(project / "shared/d.csv"),))

    assert "shared/d.csv" in files(found, project)


def test_what_is_not_there_is_not_found(project: Path) -> None:
    (project / "nb/broken").symlink_to("nowhere")

    with pytest.raises(NotFound, match="absent"):
        collect(project, includes=("absent.csv",))
    with pytest.raises(NotFound, match="link to a file that is not there"):
        collect(project, includes=("broken",))
    with pytest.raises(NotFound, match="no notebook"):
        notebook_files(project / "nb/absent.ipynb", SHIPPED, (), ())


@pytest.mark.parametrize(
    ("excludes", "kept"),
    [
        (("data/deep",), {"nb/data/a.csv", "nb/data/b.csv"}),
        (("data/[ab].csv",), {"nb/data/deep/c.csv"}),
        (("../nb/data",), set()),
        (("data/a.csv", "data/deep"), {"nb/data/b.csv"}),
    ],
)
def test_what_the_user_excludes_stays_out(
    project: Path, excludes: tuple[str, ...], kept: set[str]
) -> None:
    found = collect(project, includes=("data", "data/a.csv"), excludes=excludes)

    assert files(found, project) == {"nb/report.ipynb", *kept}


def test_what_is_excluded_is_told_with_its_size(project: Path) -> None:
    left_out: tuple[Exclusion, ...]
    _, left_out, _ = notebook_files(
        project / "nb/report.ipynb", SHIPPED, ["pkg"], [], excludes=[Path("pkg")]
    )

    [excluded] = left_out
    assert (excluded.path, excluded.reason) == (str(project / "nb/pkg"), "on request")
    assert excluded.size > 0


def test_a_misspelt_exclusion_is_not_found(project: Path) -> None:
    with pytest.raises(NotFound, match="to leave out"):
        collect(project, excludes=("dta",))


def test_what_is_no_file_is_refused(project: Path) -> None:
    os.mkfifo(project / "nb/pipe")

    with pytest.raises(InvalidInput, match="no file or folder"):
        collect(project, includes=("pipe",))


@pytest.mark.parametrize("name", [".env", ".aws/config", ".ssh", ".ssh/deep/x", "key.p12"])
def test_credentials_do_not_enter_even_when_they_are_named(project: Path, name: str) -> None:
    path = project / "nb" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name == ".ssh":
        path.mkdir()
    else:
        path.write_text("secret")

    found, left_out, _ = notebook_files(project / "nb/report.ipynb", SHIPPED, (), [Path(name)])

    assert files(found, project) == {"nb/report.ipynb"}
    assert [item.path for item in left_out] == [str(path)]


def test_a_harmless_name_for_credentials_brings_nothing(project: Path) -> None:
    (project / ".aws").mkdir()
    (project / ".aws/credentials").write_text("secret")
    (project / "nb/settings.ini").symlink_to(project / ".aws/credentials")

    assert files(collect(project, includes=("settings.ini",)), project) == {"nb/report.ipynb"}


def test_an_included_folder_comes_without_credentials_caches_and_environments(
    project: Path,
) -> None:
    for name in (".git/HEAD", ".venv/pyvenv.cfg", ".venv/lib/x.py", ".ipynb_checkpoints/x.ipynb"):
        path = project / "nb" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")

    found, left_out, _ = notebook_files(project / "nb/report.ipynb", SHIPPED, (), [Path()])

    assert {Path(item.path).name: item.reason for item in left_out} == {
        ".env": "values for the environment, often secret",
        ".git": "version control",
        ".venv": "a virtual environment",
        ".ipynb_checkpoints": "copies that Jupyter keeps",
        "__pycache__": "compiled again where it is imported",
    }
    assert "unused.py" in files(found, project / "nb")


def test_a_named_link_brings_the_file_and_others_are_told(project: Path) -> None:
    (project / "nb/link.csv").symlink_to(project / "shared/d.csv")
    (project / "nb/data/up.csv").symlink_to("../../shared/d.csv")
    (project / "nb/data/near.csv").symlink_to("a.csv")

    found, _, notes = notebook_files(
        project / "nb/report.ipynb", SHIPPED, (), [Path("link.csv"), Path("data")]
    )

    entries = {Path(entry.target).name: entry for entry in found.entries}
    assert entries["link.csv"].kind is FileKind.FILE
    assert entries["link.csv"].source == str(project / "shared/d.csv")
    assert entries["up.csv"].link == "../../shared/d.csv"
    assert notes == (
        f"{project}/nb/data/up.csv is a link to {project}/shared/d.csv, which is not included.",
    )


def test_the_same_files_have_the_same_fingerprint_and_others_another(project: Path) -> None:
    before = collect(project, "helper").fingerprint

    assert collect(project, "helper").fingerprint == before
    assert collect(project, "helper", includes=("data",)).fingerprint != before
    changed, _, _ = notebook_files(project / "nb/report.ipynb", SHIPPED + b" ", ["helper"], [])
    assert changed.fingerprint != before
