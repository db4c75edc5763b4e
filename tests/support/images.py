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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker.models.containers import Container

BASE_IMAGE = "kernel-containers/base:bookworm-py3.11"
KERNEL_REPOSITORY = "kernel-containers/test-kernel"
# The base's exact Python: wheels that need a later patch level must not be chosen.
BASE_PYTHON = "3.11.2"
PACKAGES = ("ipykernel", "pandas", "matplotlib")
ENVIRONMENT = "/opt/venv"
RECIPE = 1  # raise it when this file makes the image in another way


def ensure_base_image() -> str:
    """Return the name of the base image: Debian 12 with Python 3.11 and no packages from PyPI."""
    with closing(docker.from_env()) as engine:
        try:
            engine.images.get(BASE_IMAGE)
        except ImageNotFound:
            raise RuntimeError(f"{BASE_IMAGE} is missing; run scripts/make-base-image") from None
    return BASE_IMAGE


def ensure_kernel_image() -> str:
    """Return the name of an image with ipykernel, pandas and matplotlib in `/opt/venv`.

    The first call on a machine downloads wheels; later ones find the image in the engine.
    """
    ensure_base_image()
    # A container of our own label would look like one that a test left behind.
    with _one_at_a_time(), closing(docker.from_env(timeout=300)) as engine:
        base = engine.images.get(BASE_IMAGE)
        made_from = f"{RECIPE} {base.id} {BASE_PYTHON} {PACKAGES} {ENVIRONMENT}"
        name = f"{KERNEL_REPOSITORY}:{hashlib.sha256(made_from.encode()).hexdigest()[:12]}"
        try:
            engine.images.get(name)
            return name
        except ImageNotFound:
            pass
        with tempfile.TemporaryDirectory() as folder:
            _download_wheels(Path(folder))
            container = engine.containers.create(
                base.id, ["sleep", "infinity"], network_mode="none", init=True
            )
            try:
                container.start()
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


def _download_wheels(folder: Path) -> None:
    # Here and not in the container, where the machine's pip settings and certificates are absent.
    command = [sys.executable, "-m", "pip", "download", "-qq", "--only-binary=:all:"]
    command += ["--python-version", BASE_PYTHON, "--dest", str(folder), *PACKAGES]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def _install(container: Container, wheels: Path) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(wheels, "wheels")
    container.put_archive("/tmp", archive.getvalue())
    pip = f"{ENVIRONMENT}/bin/pip install --no-index --find-links /tmp/wheels {' '.join(PACKAGES)}"
    for command in (
        f"python3 -m venv {ENVIRONMENT}",
        # Without compiled files every kernel start would compile 2000 modules.
        f"env PYTHONDONTWRITEBYTECODE= {pip}",
        "rm -r /tmp/wheels",
    ):
        done = container.exec_run(command)
        if done.exit_code:
            raise RuntimeError(f"{command!r} failed in the container:\n{done.output.decode()}")


def _commit(container: Container, name: str) -> None:
    repository, _, tag = name.rpartition(":")
    path = f"{ENVIRONMENT}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    container.commit(repository, tag, changes=[f"ENV PATH={path}", 'CMD ["python3"]', "WORKDIR /"])
