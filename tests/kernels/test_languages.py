"""Kernels in other languages, as their distributions have them."""

from __future__ import annotations

import subprocess
import sys
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from jupyter_client.manager import KernelManager

from kernel_containers.kernels import kernelspecs
from kernel_containers.kernels.config import KernelConfig
from tests.kernels.support import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from kernel_containers.engine import Engine

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]
R = ("R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}")
BASH = ("python3", "-m", "bash_kernel", "-f", "{connection_file}")


@contextmanager
def _image(engine: Engine, base: str, *commands: str, wheels: Path | None = None) -> Iterator[str]:
    """An image with what commands add to another one."""
    name = f"kernel-containers-test/language:{uuid.uuid4().hex[:8]}"
    binds = [f"{wheels}:/wheels:ro"] if wheels else []
    settings = engine.api.create_host_config(binds=binds)
    words = ["sh", "-ec", "; ".join(commands)]
    made = engine.api.create_container(base, words, host_config=settings)
    try:
        engine.api.start(made)
        code = engine.patient.wait(made)["StatusCode"]
        assert code == 0, engine.api.logs(made, tail=20).decode()
        engine.api.commit(made, *name.split(":"))
    finally:
        engine.api.remove_container(made, force=True)
    try:
        yield name
    finally:
        engine.api.remove_image(name)


@contextmanager
def _kernel(name: str, folder: Path) -> Iterator[tuple[KernelManager, Any]]:
    manager = KernelManager(kernel_name=name)
    manager.start_kernel(cwd=str(folder))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.context.destroy(linger=0)


def _printed(client: Any, code: str) -> str:
    texts: list[str] = []
    client.execute_interactive(
        code,
        timeout=60,
        output_hook=lambda message: texts.append(message["content"].get("text", "")),
    )
    return "".join(texts).strip()


def _works(manager: KernelManager, client: Any, code: str) -> None:
    assert _printed(client, code) == "42"
    manager.restart_kernel()
    client.wait_for_ready(timeout=60)
    assert _printed(client, code) == "42"


@pytest.fixture
def folder(workspace: Path) -> Path:
    """The kernels' folder."""
    (workspace / "up").unlink(missing_ok=True)
    return workspace


def test_r_without_python(
    engine: Engine, base_image: str, folder: Path, jupyter_folders: Path
) -> None:
    install = "DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends"
    commands = ("apt-get update", f"{install} r-cran-irkernel", "rm /usr/bin/python3*")
    with _image(engine, base_image, *commands) as image:
        kernelspecs.install("r", KernelConfig.parse({"image": image}), language="R", argv=R)
        with _kernel("r", folder) as (manager, client):
            _works(manager, client, "cat(6 * 7)")
            assert _printed(client, "cat(getwd())") == str(folder)


def test_bash(
    engine: Engine,
    kernel_image: str,
    folder: Path,
    tmp_path: Path,
    jupyter_folders: Path,
) -> None:
    download = [sys.executable, "-m", "pip", "download", "-qq", "-d", str(tmp_path), "bash_kernel"]
    subprocess.run(download, check=True)
    tmp_path.chmod(0o755)
    command = "pip install --no-index --find-links /wheels bash_kernel"
    with _image(engine, kernel_image, command, wheels=tmp_path) as image:
        kernelspecs.install(
            "bash", KernelConfig.parse({"image": image}), language="bash", argv=BASH
        )
        with _kernel("bash", folder) as (manager, client):
            client.execute("touch up; sleep 60")
            until((folder / "up").exists)
            manager.interrupt_kernel()
            _works(manager, client, "echo $((6 * 7))")
