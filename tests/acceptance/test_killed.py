"""`containerize` killed at any moment, then run again: as if nothing had happened."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest

from kernel_containers.core import oci
from kernel_containers.core.digest import Digest
from kernel_containers.engine import images
from kernel_containers.image.load import LOADING
from tests.acceptance.product import PROGRAM, Product, write_notebook
from tests.support.faultproxy import start_fault_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel_containers.engine import Engine
    from tests.support.faultproxy import FaultProxy
    from tests.support.registry import RegistryServer

SEED = 2019
DATA = 20_000_000  # bytes beside the notebook, so that building and sending take a while
ALWAYS, IN_ALL = 1, 10  # moments


@dataclass(frozen=True, slots=True, kw_only=True)
class Killing:
    """A notebook that takes `seconds` to containerize, to `digest`."""

    product: Product
    notebook: Path
    seconds: float
    digest: str

    def moments(self, count: int) -> list[float]:
        """Return after how many seconds to kill, the same share of the whole each time."""
        shares = random.Random(SEED)  # noqa: S311  # nothing secret depends on it
        return [shares.uniform(0.1, 1.0) * self.seconds for _ in range(IN_ALL)][:count]

    def fresh(self, number: int, *, cold: bool) -> Product:
        """Return the product with a cache of its own: all of the first one's, or only programs."""
        cache = self.product.folder / f"cache-{number}"
        if cold:
            cache.mkdir()
            (cache / "runner").symlink_to(self.product.cache / "runner")
        else:
            # Links, not copies: a blob is never written to once it has its name.
            shutil.copytree(self.product.cache, cache, copy_function=os.link, symlinks=True)
            (cache / "known-blobs.json").unlink(missing_ok=True)
        return Product(folder=self.product.folder, cache=cache)

    def kill(self, product: Product, to: str, after: float) -> int:
        """Start a containerization, kill it after some seconds, and return its process id."""
        with subprocess.Popen(
            [PROGRAM, "containerize", self.notebook, "--to", to, "--yes"],
            env=product.environment,
            cwd=product.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            time.sleep(after)
            # It may have ended: that is a moment, too.
            os.killpg(process.pid, signal.SIGKILL)
        return process.pid


@pytest.fixture(scope="module")
def killing(
    tmp_path_factory: pytest.TempPathFactory, shared_cache: Path, kernel_image: str
) -> Killing:
    product = Product(folder=tmp_path_factory.mktemp("killed"), cache=shared_cache)
    product.run("kernel", "add", "team", "--image", kernel_image)
    noise = random.Random(SEED).randbytes(DATA)  # noqa: S311
    (product.folder / "data.bin").write_bytes(noise)
    notebook = write_notebook(product.folder / "n.ipynb", "open('data.bin')")
    made = []
    seconds = 0.0
    for name in ("warm", "measured"):
        begin = time.monotonic()
        made.append(product.json("containerize", notebook, "--to", f"oci:{name}"))
        seconds = time.monotonic() - begin
    return Killing(product=product, notebook=notebook, seconds=seconds, digest=made[0]["digest"])


@pytest.fixture
def proxied(registry: RegistryServer) -> Iterator[FaultProxy]:
    """The registry, with a record of what was sent to it."""
    with start_fault_proxy(registry.host) as proxy:
        yield proxy


def check_cache(product: Product) -> None:
    """See that whatever has the name of a blob is that blob."""
    blobs = product.cache / "store" / "blobs" / "sha256"
    broken = [path for path in blobs.glob("*") if Digest.of_file(path).hex != path.name]
    assert broken == []


def check_tag(registry: RegistryServer, repository: str) -> bool:
    """See that the tag names a whole image, if there is one; return whether there is."""
    with httpx.Client(base_url=f"{registry.url}/v2/{repository}") as client:
        answer = client.get("/manifests/1", headers={"Accept": oci.MANIFEST})
        if answer.status_code == 404:
            return False
        manifest = answer.json()
        for blob in (manifest["config"], *manifest["layers"]):
            found = client.head(f"/blobs/{blob['digest']}")
            assert int(found.headers["Content-Length"]) == blob["size"]
    return True


def sent(proxy: FaultProxy) -> set[str]:
    """Return the digests whose upload succeeded."""
    return {
        seen.target.rpartition("digest=")[2]
        for seen in proxy.seen
        if seen.method == "PUT" and "digest=" in seen.target and seen.status == 201
    }


def check_push(
    killing: Killing, number: int, after: float, proxy: FaultProxy, registry: RegistryServer
) -> None:
    """Kill a push and see that the next one goes on from there."""
    product = killing.fresh(number, cold=number >= ALWAYS and number % 2 == 1)
    repository = f"{killing.product.folder.name.replace('_', '-')}/killed-{number}"
    proxy.clear()

    killing.kill(product, f"{proxy.host}/{repository}:1", after)

    check_cache(product)
    was_whole = check_tag(registry, repository)
    before = sent(proxy)
    proxy.clear()
    made = product.json(
        "containerize", killing.notebook, "--to", f"{proxy.host}/{repository}:1", "--yes"
    )
    assert made["digest"] == killing.digest
    assert before.isdisjoint(sent(proxy))
    assert not was_whole or sent(proxy) == set()
    assert check_tag(registry, repository)
    check_cache(product)
    assert list((product.cache / "store" / "temporary").iterdir()) == []
    shutil.rmtree(product.cache)


@pytest.mark.parametrize(
    "number",
    [pytest.param(n, marks=() if n < ALWAYS else pytest.mark.full) for n in range(IN_ALL)],
)
def test_a_killed_push_is_taken_up_where_it_was(
    killing: Killing, proxied: FaultProxy, registry: RegistryServer, number: int
) -> None:
    check_push(killing, number, killing.moments(IN_ALL)[number], proxied, registry)


@pytest.mark.full
def test_an_image_that_was_being_loaded_leaves_nothing_in_the_engine(
    killing: Killing, engine: Engine
) -> None:
    name = f"tests/killed:{killing.product.folder.name}"
    for number, after in enumerate(killing.moments(IN_ALL)):
        product = killing.fresh(number, cold=False)

        pid = killing.kill(product, f"docker:{name}", after)
        made = product.json("containerize", killing.notebook, "--to", f"docker:{name}", "--yes")

        assert made["digest"] == killing.digest
        product.run("clean")
        left = [tag for tag in images.names(engine, LOADING) if f"-{pid}-" in tag]
        assert left == []
        killing.product.docker("rmi", name)
        shutil.rmtree(product.cache)
