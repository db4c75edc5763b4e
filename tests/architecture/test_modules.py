"""Rules for every module of the product."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from kernel_containers._version import __version__

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "kernel_containers"
MODULES = sorted(PACKAGE.rglob("*.py"))
FRONT_END = sorted((ROOT / "labextension" / "src").rglob("*.ts*"))
LONGEST = 300  # lines
# Run as a file and never imported: it arranges sys.path for what it starts, or is the start of
# another package.
PROGRAMS = {PACKAGE / "runner" / "launcher.py", PACKAGE / "client" / "placed.py"}

# Statements of a module that only define; anything else would be work done by an import.
DEFINITIONS = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
)
# What no import may call: it reads or changes something outside of this process.
OUTSIDE = {
    "open": "a file is opened",
    "read_text": "a file is read",
    "read_bytes": "a file is read",
    "mkdir": "a folder is made",
    "getenv": "the environment is read",
    "connect": "a connection is made",
    "from_env": "a client is made",
    "client": "a client is made",
    "run": "a program is started",
    "Popen": "a program is started",
    "home": "the environment is read",
    "cwd": "the current folder is read",
    "getuid": "the system is asked",
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def is_generated(path: Path) -> bool:
    return "auto-generated" in path.read_text()[:100]


WRITTEN = [path for path in [*MODULES, *FRONT_END] if not is_generated(path)]


@pytest.mark.parametrize("path", WRITTEN, ids=name_of)
def test_a_module_is_not_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_are_absolute(path: Path) -> None:
    relative = [
        node.lineno
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]

    assert relative == []


@pytest.mark.parametrize("path", [path for path in MODULES if path not in PROGRAMS], ids=name_of)
def test_an_import_does_no_work(path: Path) -> None:
    found = []
    for statement in parsed(path).body:
        if not isinstance(statement, DEFINITIONS) and not is_allowed(statement):
            found.append(f"line {statement.lineno}: a statement that does more than define")
        found += [f"line {node.lineno}: {why}" for node, why in outside_uses(statement)]

    assert found == []


def test_programs_are_not_imported() -> None:
    names = {
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for path in PROGRAMS
    }
    imported = {
        (path.name, node.module)
        for path in MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ImportFrom) and node.module in names
    }

    assert imported == set()


def is_allowed(statement: ast.stmt) -> bool:
    """Docstrings, `if TYPE_CHECKING`, `if __name__ == "__main__"`, and choices by platform."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.If):
        names = {node.id for node in ast.walk(statement.test) if isinstance(node, ast.Name)}
        return bool(names & {"TYPE_CHECKING", "__name__", "sys"})
    # An import that may fail: a library that is used where it is there.
    return isinstance(statement, ast.Try) and isinstance(
        statement.body[0], ast.ImportFrom | ast.Import
    )


def outside_uses(statement: ast.stmt) -> list[tuple[ast.expr, str]]:
    """Return what an import would do to the world outside; bodies of functions do not run."""
    if isinstance(statement, ast.If):  # the main block, or types only
        return []
    found: list[tuple[ast.expr, str]] = []
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.Attribute) and node.attr == "environ":
            found.append((node, "the environment is read"))
        if isinstance(node, ast.Call):
            function = node.func
            called = getattr(function, "attr", None) or getattr(function, "id", "")
            if called in OUTSIDE:
                found.append((node, OUTSIDE[called]))
        waiting += ast.iter_child_nodes(node)
    return found


def test_the_package_itself_imports_nothing() -> None:
    imports = [
        node.lineno
        for node in parsed(PACKAGE / "__init__.py").body
        if isinstance(node, ast.Import | ast.ImportFrom)
        and getattr(node, "module", None) != "__future__"
    ]

    assert imports == []


def test_python_and_the_front_end_have_one_version() -> None:
    package = json.loads((ROOT / "labextension" / "package.json").read_text())

    assert package["version"] == __version__


def test_stages_do_not_import_each_other() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
