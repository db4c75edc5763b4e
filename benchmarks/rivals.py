"""Other ways to bring an environment and a notebook into a registry."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from contextlib import closing
from typing import TYPE_CHECKING

import docker

from benchmarks.common import DOCKER, run, seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

BATCH = 512 * 1024**2  # bytes of files that the 2019 program put into one archive in memory


def dockerfile(prefix: Path, notebook: Path, base: str, tag: str, context: Path) -> float:
    """Return the seconds of COPY, `docker build` and `docker push`; the context is made before."""
    if not context.exists():
        shutil.copytree(prefix, context / "env", symlinks=True)
        (context / "Dockerfile").write_text(
            f"FROM {base}\nCOPY env {prefix}\nCOPY n.ipynb /n.ipynb\n"
        )

    def build_and_push() -> None:
        shutil.copy(notebook, context / "n.ipynb")
        run(DOCKER, "build", "--quiet", "--tag", tag, context)
        run(DOCKER, "push", "--quiet", tag)

    return seconds(build_and_push)


def algorithm_of_2019(prefix: Path, base: str, tag: str, *, as_written: bool) -> float:
    """Return the seconds of the 2019 program's way, without those of its removal of a container.

    All files but `.pyc` into archives in memory, into a container, commit, push. As written it
    follows symbolic links to folders, so that a venv's `lib64` is packed a second time.
    """
    with closing(docker.from_env(timeout=1200)) as client:
        container = client.containers.create(
            base, ["cat"], stdin_open=True, network_mode="none", entrypoint=""
        )
        try:

            def pack_commit_push() -> None:
                container.start()
                for _ in range(2):  # it asked for the size twice
                    sum(os.lstat(path).st_size for path in _files(prefix, follow=as_written))
                for batch in _batches(_files(prefix, follow=as_written)):
                    container.put_archive("/", _archive(batch))
                name, _, version = tag.rpartition(":")
                container.commit(name, version, pause=False)
                run(DOCKER, "push", "--quiet", tag)

            return seconds(pack_commit_push)
        finally:
            container.remove(force=True)


def _files(prefix: Path, *, follow: bool) -> Iterator[str]:
    for parent, _, names in os.walk(prefix, followlinks=follow):
        for name in sorted(names):
            path = f"{parent}/{name}"
            if not name.endswith(".pyc") and os.access(path, os.F_OK):
                yield path


def _batches(paths: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    filled = 0
    for path in paths:
        size = os.lstat(path).st_size
        if batch and filled + size > BATCH:
            yield batch
            batch, filled = [], 0
        batch.append(path)
        filled += size
    yield batch


def _archive(paths: Iterable[str]) -> io.BytesIO:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for path in paths:
            tar.add(path)
    made.seek(0)
    return made


def forget(tag: str) -> None:
    """Remove an image with all its names, and those that had its tag before."""
    # By their ids: the digest under which one was pushed is a name of its own.
    repository = tag.rpartition(":")[0]
    found = subprocess.check_output([DOCKER, "images", "--quiet", repository], text=True).split()
    if found:
        run(DOCKER, "rmi", "--force", *dict.fromkeys(found))
