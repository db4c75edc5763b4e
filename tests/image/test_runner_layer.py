"""The runner's layer: complete, apart from the user's packages, and quick to start."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.containers import ContainerSpec
from kernel_containers.core.progress import Progress, silent
from kernel_containers.core.reference import ImageReference
from kernel_containers.core.snapshot import FileKind, FileSet
from kernel_containers.engine import images
from kernel_containers.engine.containers import run_once
from kernel_containers.image.load import load
from kernel_containers.image.runner_layer import runner_file_set
from tests.image.trees import build_layer, image_of
from tests.support.interpreters import DEBIAN_12

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel_containers.engine import Engine
    from kernel_containers.image.base import BaseImage
    from kernel_containers.image.store import BlobStore

HOME = "/opt/kernel-containers"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was downloaded once for these tests."""
    return tmp_path_factory.mktemp("runner")


@pytest.fixture(scope="module")
def runner(cache: Path) -> FileSet:
    """The runner for the base image's Python."""
    return runner_file_set(DEBIAN_12, cache, silent)


@pytest.fixture(scope="module")
def image(
    engine: Engine, base: BaseImage, filled_store: BlobStore, runner: FileSet
) -> Iterator[str]:
    """The name of an image with the runner, which starts it."""
    name = f"kernel-containers/test-runner-layer:{uuid.uuid4().hex[:12]}"
    layer = build_layer(runner, base, filled_store, silent)
    entrypoint = ("python3", "-I", "-S", f"{HOME}/bootstrap.py")
    built = image_of(base, [layer], filled_store, entrypoint=entrypoint, user="4711:0")
    load(engine, built, ImageReference.parse(name), silent)
    yield name
    images.remove(engine, name)


def test_it_has_the_code_that_runs_in_images_and_nothing_else_of_this_package(
    runner: FileSet,
) -> None:
    own = {
        entry.target.removeprefix(f"{HOME}/site/kernel_containers/").partition("/")[0]
        for entry in runner.entries
        if entry.target.startswith(f"{HOME}/site/kernel_containers/")
    }

    assert own == {
        "__init__.py",
        "__pycache__",
        "_version.py",
        "client",
        "core",
        "errors.py",
        "runner",
    }
    assert {e.target for e in runner.entries if not e.target.startswith(f"{HOME}/site")} == {
        HOME,
        f"{HOME}/bootstrap.py",
    }


def test_everybody_may_read_it_and_nobody_s_data_is_in_it(runner: FileSet) -> None:
    assert {(e.kind, e.mode) for e in runner.entries} <= {
        (FileKind.FOLDER, 0o755),
        (FileKind.FILE, 0o644),
        (FileKind.FILE, 0o755),
    }
    names = {part for entry in runner.entries for part in entry.target.split("/")}
    assert names.isdisjoint({"bin", "tests", "direct_url.json", "requirements.lock"})
    services = {
        entry.target.split("/")[6]
        for entry in runner.entries
        if entry.target.startswith(f"{HOME}/site/botocore/data/") and entry.kind is FileKind.FOLDER
    }
    assert services == {"s3", "sts", "sso", "sso-oidc"}
    assert runner.size < 45e6


def test_the_second_time_nothing_is_built(cache: Path, runner: FileSet) -> None:
    reported: list[Progress] = []

    again = runner_file_set(DEBIAN_12, cache, reported.append)

    assert again == runner
    assert reported == []


def run(engine: Engine, image: str, *command: str) -> str:
    spec = ContainerSpec(image=image, command=command, network="none", read_only=True)
    done = run_once(engine, spec)
    return (done.stdout + done.stderr).decode()


def test_the_image_starts_the_runner(engine: Engine, image: str) -> None:
    output = run(engine, image, "--help")

    assert "usage" in output.lower()
    assert "Traceback" not in output


IMPORTS = f"""
import sys
sys.path.insert(0, "{HOME}/site")
import boto3, nbclient, nbconvert.exporters, nbformat, zmq
import kernel_containers.runner.__main__
keys = dict(aws_access_key_id="x", aws_secret_access_key="y")
for service in ("s3", "sts", "sso", "sso-oidc"):
    boto3.client(service, region_name="eu-west-1", **keys)
import importlib.metadata
names = {{entry.name for entry in importlib.metadata.entry_points(group="nbconvert.exporters")}}
assert "html" in names, names
uncached = [
    module.__name__
    for module in sys.modules.values()
    if str(getattr(module, "__file__", "")).startswith("{HOME}") and module.__file__.endswith(".py")
    and not __import__("os").path.exists(module.__cached__ or "")
]
print("imported", uncached)
"""


def test_its_packages_work_in_the_base_s_python_and_are_compiled(
    engine: Engine, image: str
) -> None:
    spec = ContainerSpec(
        image=image, entrypoint=("python3", "-I", "-S", "-c", IMPORTS), network="none"
    )

    done = run_once(engine, spec)

    assert (done.stdout, done.code) == (b"imported []\n", 0), done.stderr.decode()
