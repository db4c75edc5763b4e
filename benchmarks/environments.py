"""Environments from PyPI, made once and kept."""

from __future__ import annotations

import hashlib
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.common import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SMALL = ("ipykernel",)
TORCH = ("ipykernel", "torch==2.13.0")
LARGE = (
    "ipykernel",
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "matplotlib",
    "seaborn",
    "statsmodels",
    "pyarrow",
    "plotly",
)


def make_environment(folder: Path, packages: tuple[str, ...]) -> Path:
    """Return a venv with these packages below `folder`; it takes minutes the first time."""
    made_from = f"{sys.version} {packages}"
    prefix = folder / f"env-{hashlib.sha256(made_from.encode()).hexdigest()[:12]}"
    if not (prefix / "complete").exists():
        print(f"installing {', '.join(packages)}", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        # A venv of a venv has the same base interpreter.
        run(sys.executable, "-m", "venv", "--clear", prefix)
        run(prefix / "bin" / "python", "-m", "pip", "install", "--quiet", *packages)
        (prefix / "complete").touch()
    return prefix


@contextmanager
def one_more(prefix: Path, package: str) -> Iterator[None]:
    """Give a venv a small package for a while."""
    python = prefix / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--no-compile", package)
    try:
        yield
    finally:
        run(python, "-m", "pip", "uninstall", "--quiet", "--yes", package)
