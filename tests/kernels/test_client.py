"""What a containerized kernel can import of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.kernels.support import running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_notebook_names_its_results_without_installing_anything(
    install: Callable[..., str], workspace: Path
) -> None:
    name = install("with-client", read_only=True, network="none", pids=200)

    with running(name, workspace) as kernel:
        said = kernel.text("from kernel_containers import scrap\nscrap('rows', 5)")
        assert said == "rows = 5"
        shown = kernel.text(
            "import subprocess, sys\n"
            "code = 'from kernel_containers import scrap; scrap(\"n\", 1)'\n"
            "print(subprocess.run([sys.executable, '-c', code], capture_output=True).stdout)"
        )
        assert shown == r"b'n = 1\n'"
        kernel.restart(now=True)
        assert kernel.text("import kernel_containers\nkernel_containers.scrap('rows', 6)") == (
            "rows = 6"
        )
