"""Programs that know nothing but jupyter_client, and start kernels their own way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from jupyter_client.manager import AsyncKernelManager

from kernel_containers.core import labels
from kernel_containers.engine import containers
from kernel_containers.kernels.failures import KernelNotStarted
from tests.kernels.support import running, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kernel_containers.engine import Engine

SILENT = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); time.sleep(600)"


def _never_answers(folders: Path, name: str, sign: Path) -> str:
    """Let a kernelspec's kernel leave a sign that it runs, and say nothing."""
    path = folders / f"data/kernels/{name}/kernel.json"
    spec = json.loads(path.read_bytes())
    spec["argv"] = ["python3", "-c", SILENT, str(sign), "{connection_file}"]
    path.write_text(json.dumps(spec))
    return name


def test_a_program_that_ends_its_kernel_when_it_exits_itself(
    install: Callable[..., str], workspace: Path, engine: Engine
) -> None:
    name = install("at-exit")
    (workspace / "script.py").write_text("print(6 * 7)")

    command = [sys.executable, "-m", "jupyter", "run", f"--kernel={name}", "script.py"]
    ended = subprocess.run(command, cwd=workspace, capture_output=True, text=True, check=False)

    assert (ended.stdout, ended.returncode) == ("42\n", 0)
    assert "Traceback" not in ended.stderr
    assert containers.find(engine, {labels.KERNEL: name}) == []


@pytest.mark.full
def test_kernels_that_start_at_once_have_time_for_all(
    install: Callable[..., str], jupyter_folders: Path, workspace: Path
) -> None:
    names = [install("slow", start_timeout=600), install("late", start_timeout=1)]
    signs = [workspace / name for name in names]
    for name, sign in zip(names, signs, strict=True):
        _never_answers(jupyter_folders, name, sign)

    async def start_both() -> str:
        managers = [AsyncKernelManager(kernel_name=name) for name in names]
        slow = asyncio.ensure_future(managers[0].start_kernel(cwd=str(workspace)))
        await asyncio.to_thread(until, signs[0].exists)
        with pytest.raises(KernelNotStarted) as caught:
            await managers[1].start_kernel(cwd=str(workspace))
        slow.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await slow
        for manager in managers:
            manager.context.destroy(linger=0)
        return str(caught.value)

    words = asyncio.run(start_both()).partition(" did not answer within ")[2].split()

    assert int(words[0]) >= 2, "a second that two kernels share is half of one for each"


def test_another_kernel_for_python_may_know_tcp_only(
    install: Callable[..., str], jupyter_folders: Path, workspace: Path
) -> None:
    name = install("own-launcher", network="none")
    path = jupyter_folders / f"data/kernels/{name}/kernel.json"
    path.write_text(path.read_text().replace("ipykernel_launcher", "ipykernel"))

    with running(name, workspace) as started:
        code = "import json, ipykernel as k; print(json.load(open(k.get_connection_file()))['ip'])"

        assert started.text(code) == "127.0.0.1"
