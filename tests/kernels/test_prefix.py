"""Kernels of an environment of this machine, mounted read-only over a base image."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kernel_containers.cli.main import run
from kernel_containers.engine import containers
from kernel_containers.kernels.failures import KernelNotStarted
from tests.kernels.support import Running, running, tiny_wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kernel_containers.engine import Engine


@pytest.fixture(scope="session")
def venv() -> Path:
    """A venv with ipykernel, made once per machine."""
    made_from = f"{sys.executable} {sys.version} ipykernel"
    key = hashlib.sha256(made_from.encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir(), f"kernel-containers-test-venv-{key}")
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            python = str(folder / "bin" / "python")
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            subprocess.run([python, "-m", "pip", "install", "-qq", "ipykernel"], check=True)
            (folder / "complete").touch()
    return folder


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in folder.rglob("*")
    }


@pytest.fixture(scope="module")
def kernel(
    install: Callable[..., str], venv: Path, base_image: str, workspace: Path
) -> Iterator[Running]:
    """A kernel of the venv."""
    base = [] if sys.base_prefix == "/usr" else [sys.base_prefix]
    name = install("venv", image=base_image, prefix=str(venv), prefix_mounts=base)
    with running(name, workspace) as started:
        yield started


def test_the_environments_own_packages_are_used_in_the_container(
    kernel: Running, venv: Path, engine: Engine
) -> None:
    text = kernel.text(
        "import ipykernel, socket, sys\nprint(socket.gethostname(), sys.prefix, ipykernel.__file__)"
    )

    host, prefix, file = text.split()
    assert host == containers.inspect(engine, kernel.container)["Config"]["Hostname"]
    assert prefix == str(venv)
    assert file.startswith(f"{venv}/lib/")


def test_what_is_installed_stays_in_the_container(
    kernel: Running, venv: Path, workspace: Path
) -> None:
    before = _files(venv)
    wheel = tiny_wheel(workspace)

    installed = kernel.execute(f"%pip install --no-index {wheel.name}", timeout=120)
    kernel.restart()
    value = kernel.execute("import kctiny; print(kctiny.value, kctiny.__file__)")
    refused = kernel.execute("import sys; open(sys.prefix + '/made', 'w')")

    assert value.text.split() == ["42", "/var/lib/kernel-containers/packages/kctiny.py"], installed
    assert refused.error == "OSError"
    assert _files(venv) == before


def test_packages_that_an_environment_names_elsewhere_are_in_its_kernels(
    venv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workspace: Path, base_image: str
) -> None:
    monkeypatch.setenv("KERNEL_CONTAINERS_CACHE", str(tmp_path / "cache"))
    linked = tmp_path / "linked" / "kclinked"
    linked.mkdir(parents=True)
    (linked / "__init__.py").write_text("value = 42\n")
    prefix = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(prefix)], check=True)
    [packages], [others] = (
        list(place.glob("lib/python3*/site-packages")) for place in (prefix, venv)
    )
    (packages / "others.pth").write_text(f"{others}\n")
    (packages / "kclinked").symlink_to(linked)

    code = run(["kernel", "add", "elsewhere", "--prefix", str(prefix), "--base", base_image])
    with running("elsewhere", workspace) as kernel:
        text = kernel.text("import ipykernel, kclinked\nprint(ipykernel.__file__, kclinked.value)")

    assert code == 0
    assert text.split() == [f"{others}/ipykernel/__init__.py", "42"]


def test_an_environment_that_was_made_anew_with_another_python_is_told(
    install: Callable[..., str], tmp_path: Path, base_image: str, workspace: Path
) -> None:
    name = install("anew", image=base_image, prefix=str(tmp_path))
    (tmp_path / "bin").symlink_to("/opt/of-this-machine/bin")

    with pytest.raises(KernelNotStarted) as caught, running(name, workspace):
        pass

    assert f"{tmp_path}/bin/python leads to /opt/of-this-machine/bin/python" in str(caught.value)
    assert f"kernel add anew --prefix {tmp_path}" in str(caught.value)
