"""`kernel_containers` in a kernel whose environment does not have it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import kernel_containers.client
from kernel_containers.kernels.boot import client_files

SOURCES = sorted(Path(kernel_containers.client.__file__).parent.glob("*.py"))


@pytest.fixture
def placed(tmp_path: Path) -> Path:
    folder = tmp_path / "placed"
    for name, text in client_files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def python(code: str, path: list[Path], cwd: Path) -> str:
    """Return what a Python prints that has `path` before its own packages, without site's."""
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    done = subprocess.run(
        [sys.executable, "-S", "-W", "error", "-c", code],
        env=variables,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_client_is_imported_from_the_placed_folder(placed: Path, tmp_path: Path) -> None:
    code = "from kernel_containers import scrap; scrap('rows', 5)"

    assert python(code, [placed], tmp_path) == "rows = 5"


def test_what_only_an_installation_has_is_an_import_error(placed: Path, tmp_path: Path) -> None:
    code = (
        "try: from kernel_containers import read_runs\n"
        "except ImportError: print('refused')\n"
        "try: import kernel_containers.workflow\n"
        "except ImportError: print('refused')"
    )

    assert python(code, [placed], tmp_path) == "refused\nrefused"


def test_an_installed_package_takes_the_place_of_the_placed_one(
    placed: Path, tmp_path: Path
) -> None:
    installed = tmp_path / "site" / "kernel_containers"
    (installed / "client").mkdir(parents=True)
    (installed / "__init__.py").write_text("mark = 'installed'\n")
    (installed / "client" / "__init__.py").write_text("mark = 'its own'\n")
    code = (
        "import kernel_containers, kernel_containers.client, importlib.resources\n"
        "print(kernel_containers.mark, kernel_containers.client.mark)\n"
        "print(kernel_containers.__spec__.origin == kernel_containers.__file__)"
    )

    said = python(code, [placed, installed.parent], tmp_path)

    assert said == "installed its own\nTrue"


def test_a_folder_of_the_same_name_is_no_installed_package(placed: Path, tmp_path: Path) -> None:
    (tmp_path / "kernel_containers" / "data").mkdir(parents=True)
    code = "from kernel_containers import scrap; scrap('rows', 5)"

    assert python(code, [placed, tmp_path], tmp_path) == "rows = 5"


def test_a_removed_working_folder_does_not_matter(placed: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = "import os; os.rmdir(os.getcwd())\nfrom kernel_containers import scrap; scrap('rows', 5)"

    assert python(code, [placed], gone) == "rows = 5"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_the_client_is_python_3_8_and_needs_the_standard_library_only(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 8))
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {
        name.partition(".")[0]
        for node in top
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
        )
    }

    assert names <= {*sys.stdlib_module_names, "kernel_containers"}
