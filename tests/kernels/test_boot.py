from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import kernel_containers


def _copy(folder: Path) -> Any:
    """Load the module from a copy of the package."""
    package = Path(kernel_containers.__file__).parent
    shutil.copytree(package / "client", folder / "kernel_containers" / "client")
    place = folder / "kernel_containers" / "kernels"
    shutil.copytree(package / "kernels", place)
    spec = importlib.util.spec_from_file_location("copy_of_boot", place / "boot.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_package_that_is_upgraded_meanwhile_does_not_mix_with_what_runs(tmp_path: Path) -> None:
    boot = _copy(tmp_path)
    texts = (boot.supervisor_boot("python3"), boot.worker_program(), dict(boot.client_files()))

    for path in tmp_path.rglob("*.py"):
        path.write_text("of another version")

    assert (boot.supervisor_boot("python3"), boot.worker_program(), boot.client_files()) == texts
