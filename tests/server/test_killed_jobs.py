"""A server that ends while a notebook is planned, built or loaded: nothing half-done is left."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.owner import is_gone_token
from kernel_containers.engine import images
from kernel_containers.image.load import LOADING
from tests.acceptance.product import Product, write_notebook
from tests.server.api import LONGEST
from tests.server.test_ending import of_process
from tests.support.engine_proxy import HeldEngine
from tests.support.faultproxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kernel_containers.engine import Engine
    from tests.server.api import Api

LAYERS = ("store/blobs", "store/records")
PROGRAMS = ("runner",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where a job is held: at words to or from the engine, or else at the package index.

    `warm` are the parts of the cache that are there, without the records whose keys have
    `forgotten` in them.
    """

    words: bytes = b"never said"
    after: int = 0  # bytes more
    warm: tuple[str, ...] = (*PROGRAMS, *LAYERS)
    forgotten: str = "nothing"


STAGES = {
    "asking a base image": Stage(words=b"/attach?", forgotten="python "),
    "reading a base image": Stage(words=b"application/x-tar", after=5_000_000, warm=PROGRAMS),
    "getting the runner": Stage(warm=LAYERS),
    "loading into the engine": Stage(words=b"/images/load", after=1_000),
}


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory, shared_cache: Path, kernel_image: str
) -> Product:
    """A folder with the kernel `team`, and a cache in which everything was made once."""
    product = Product(folder=tmp_path_factory.mktemp("made"), cache=shared_cache)
    product.run("kernel", "add", "team", "--image", kernel_image)
    notebook = write_notebook(product.folder / "n.ipynb", "n = 1")
    product.run("containerize", notebook, "--to", "oci:made", "--yes")
    return product


@pytest.fixture
def stage(request: pytest.FixtureRequest, made: Product, tmp_path: Path) -> Stage:
    """The stage that a test names, with the folders of its servers as they are before it."""
    stage = STAGES[request.getfixturevalue("name")]
    kernels = "jupyter/home/share/jupyter/kernels"
    shutil.copytree(made.folder / "jupyter/kernels", tmp_path / kernels)
    (tmp_path / "scratch").mkdir()
    for part in stage.warm:
        to = tmp_path / "cache" / part
        # Links: a file is never written to once it has its name.
        shutil.copytree(made.cache / part, to, copy_function=os.link, symlinks=True)
    for record in (tmp_path / "cache/store/records").glob("*"):
        if stage.forgotten in json.loads(record.read_text().partition("\n")[0])["key"]:
            record.unlink()
    return stage


def large_blobs(cache: Path) -> dict[str, int]:
    """Return the blobs that a job should not write twice, with what changes when it does."""
    found = {path.name: path.stat() for path in (cache / "store/blobs/sha256").glob("*")}
    return {name: status.st_ino for name, status in found.items() if status.st_size > 100_000}


def half_loaded(engine: Engine) -> list[str]:
    """Return the names of images on their way into the engine whose process has ended."""
    found = images.names(engine, LOADING)
    return [name for name in found if is_gone_token(name.partition(":")[2].rpartition("-")[0])]


def unfinished(tmp_path: Path) -> list[str]:
    """Return what lies where a job has its temporary files, in the cache and elsewhere."""
    cache = tmp_path / "cache"
    places = ((tmp_path / "scratch", "*"), (cache / "store/temporary", "*"), (cache, "*/*.new-*"))
    return [path.name for folder, pattern in places for path in folder.glob(pattern)]


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
@pytest.mark.parametrize("name", STAGES)
def test_a_job_ends_with_its_server_and_is_made_anew_from_what_was_there(  # noqa: PLR0917 - its parts are fixtures
    start_server: Callable[..., Api],
    engine: Engine,
    stage: Stage,
    tmp_path: Path,
    name: str,
    how: str,
) -> None:
    cache = tmp_path / "cache"
    own = {"KERNEL_CONTAINERS_CACHE": str(cache), "TMPDIR": str(tmp_path / "scratch")}
    to = f"killed-{uuid.uuid4().hex[:10]}:1"
    plan = {"notebook": "n.ipynb", "to": f"docker:{to}"}
    with (
        HeldEngine(tmp_path / "docker.sock", stage.words, after=stage.after) as held,
        FaultProxy("127.0.0.1:9") as index,
    ):
        index.add("hang", times=None)
        elsewhere = {"DOCKER_HOST": f"unix://{held.path}", "PIP_INDEX_URL": f"{index.url}/simple"}
        first = start_server(**own, **elsewhere)
        write_notebook(first.server.root / "n.ipynb", f"a = {uuid.uuid4().int}")
        job = first.start("containerize", plan=plan)
        deadline = time.monotonic() + LONGEST
        while not (held.held.is_set() or index.seen):
            assert time.monotonic() < deadline, first.json(f"/jobs/{job['id']}")
            time.sleep(0.01)
        process = first.server.server.process
        process.send_signal(signal.Signals[how])
        process.wait(60)
    kept = large_blobs(cache)

    second = start_server(**own)
    ended = second.finish(job)
    again = second.finish(second.start("containerize", plan=plan))

    if (name, how) == ("getting the runner", "SIGTERM"):  # not the engine, which says nothing
        assert (ended["state"], bool(ended["cleaned"])) == ("cancelled", True)
    else:
        assert (ended["state"], ended["error"]["code"]) == ("lost", "interrupted")
        assert ended["error"]["todo"].startswith("start it anew")
    assert again["state"] == "succeeded", again
    assert kept.items() <= large_blobs(cache).items()
    assert of_process(engine, process.pid) == []
    assert half_loaded(engine) == []
    assert unfinished(tmp_path) == []
    images.remove(engine, to)
