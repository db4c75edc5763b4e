"""Images that tests start from, made once per machine."""

from __future__ import annotations

import fcntl
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import docker
from docker.errors import ImageNotFound

from scripts.machine import base_image_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker.models.containers import Container

KERNEL_REPOSITORY = "kernel-containers/test-kernel"
PACKAGES = ("ipykernel", "ipywidgets", "pandas", "matplotlib")
ENVIRONMENT = "/opt/venv"
VERSION_COMMAND = "python3 -c 'import platform; print(platform.python_version())'"
RECIPE = 1  # raise it when this file makes the image in another way


def ensure_base_image() -> str:
    """Return the name of the base image: this system's release, its Python, nothing from PyPI."""
    name = base_image_name()
    with closing(docker.from_env()) as engine:
        try:
            engine.images.get(name)
        except ImageNotFound:
            raise RuntimeError(f"{name} is missing; run scripts/make-base-image") from None
    return name


def ensure_kernel_image() -> str:
    """Return the name of an image with `PACKAGES` in `/opt/venv`.

    The first call on a machine downloads wheels; later ones find the image in the engine.
    """
    base_name = ensure_base_image()
    with _one_at_a_time(), closing(docker.from_env(timeout=300)) as engine:
        base = engine.images.get(base_name)
        made_from = f"{RECIPE} {base.id} {PACKAGES} {ENVIRONMENT}"
        name = f"{KERNEL_REPOSITORY}:{hashlib.sha256(made_from.encode()).hexdigest()[:12]}"
        try:
            engine.images.get(name)
            return name
        except ImageNotFound:
            pass
        # Without our label: it would look like a container that a test left behind.
        container = engine.containers.create(
            base.id, ["sleep", "infinity"], network_mode="none", init=True
        )
        with tempfile.TemporaryDirectory() as folder:
            try:
                container.start()
                _download_wheels(Path(folder), _execute(container, VERSION_COMMAND).strip())
                _install(container, Path(folder))
                _commit(container, name)
            finally:
                container.remove(force=True, v=True)
    return name


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    # Two test runs on one machine would make the image twice.
    path = Path(tempfile.gettempdir()) / "kernel-containers-test-kernel.lock"
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _download_wheels(folder: Path, version: str) -> None:
    # Here and not in the container, where the machine's pip settings and certificates are absent;
    # for the container's exact Python, as some wheels need a later patch level.
    command = [sys.executable, "-m", "pip", "download", "-qq", "--only-binary=:all:"]
    command += ["--python-version", version, "--dest", str(folder), *PACKAGES]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def _install(container: Container, wheels: Path) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(wheels, "wheels")
    container.put_archive("/tmp", archive.getvalue())
    pip = f"{ENVIRONMENT}/bin/pip install --no-index --find-links /tmp/wheels {' '.join(PACKAGES)}"
    _execute(container, f"python3 -m venv {ENVIRONMENT}")
    _execute(container, pip)
    _execute(container, "rm -r /tmp/wheels")


def _execute(container: Container, command: str) -> str:
    done = container.exec_run(command)
    output: str = done.output.decode()
    if done.exit_code:
        raise RuntimeError(f"{command!r} failed in the container:\n{output}")
    return output


def _commit(container: Container, name: str) -> None:
    repository, _, tag = name.rpartition(":")
    path = f"{ENVIRONMENT}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    container.commit(repository, tag, changes=[f"ENV PATH={path}", 'CMD ["python3"]', "WORKDIR /"])
