"""What the code imports is what setup.py asks for."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
# boto3 pins botocore; ipykernel is the kernel's own, in its environment.
BROUGHT_BY_OTHERS = {"botocore", "ipykernel"}


def plain(name: str) -> str:
    """Return a distribution's name in the spelling that all spellings have in common."""
    return re.sub(r"[-_.]+", "-", name).lower()


def required() -> set[str]:
    """Return the distributions in `install_requires` and in the extras."""
    found: list[str] = []
    for node in ast.walk(ast.parse((ROOT / "setup.py").read_text())):
        if isinstance(node, ast.keyword) and node.arg == "install_requires":
            found += ast.literal_eval(node.value)
        elif isinstance(node, ast.keyword) and node.arg == "extras_require":
            found += [name for extra in ast.literal_eval(node.value).values() for name in extra]
    return {plain(re.split(r"[<>=!;\[ ]", name)[0]) for name in found}


def imported_modules(path: Path) -> set[str]:
    """Return the top-level modules that a file imports, in functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return {name.partition(".")[0] for name in found}


def test_every_imported_distribution_is_required() -> None:
    distributions = packages_distributions()
    known = required() | BROUGHT_BY_OTHERS
    missing = set()
    for path in (ROOT / "kernel_containers").rglob("*.py"):
        for module in imported_modules(path) - sys.stdlib_module_names - {"kernel_containers"}:
            providers = {plain(name) for name in distributions.get(module, [module])}
            if not providers & known:
                missing.add((module, path.relative_to(ROOT).as_posix()))

    assert missing == set()
