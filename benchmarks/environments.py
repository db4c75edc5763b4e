"""Environments from PyPI, made once and kept."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING

from benchmarks.common import run

if TYPE_CHECKING:
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
