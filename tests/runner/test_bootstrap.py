"""The image's entrypoint."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import kernel_containers.runner

RUNNER = Path(kernel_containers.runner.__file__).parent


def test_a_signal_that_comes_while_the_runner_is_imported_is_heard(tmp_path: Path) -> None:
    package = tmp_path / "site" / "kernel_containers"
    (package / "runner").mkdir(parents=True)
    shutil.copy(RUNNER / "bootstrap.py", tmp_path)
    shutil.copy(RUNNER / "stopping.py", package / "runner")
    for folder in (package, package / "runner"):
        (folder / "__init__.py").touch()
    (package / "runner" / "__main__.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n"
        "def main(argv, stop):\n    print(argv, stop.requested)\n    return 7\n"
    )

    command = [sys.executable, "-I", "-S", str(tmp_path / "bootstrap.py"), "x"]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (finished.returncode, finished.stdout) == (7, "['x'] True\n")
