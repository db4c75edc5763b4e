"""`containerize` killed at any moment, then run again: as if nothing had happened."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from kernel_containers.core import labels, oci
from kernel_containers.core.digest import Digest
from kernel_containers.engine import connect, containers, images
from kernel_containers.image.load import LOADING
from kernel_containers.kernels.reaper import leftovers
from tests.acceptance.product import PROGRAM, Product, write_notebook
from tests.support.faultproxy import start_fault_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel_containers.engine import Engine
    from tests.support.faultproxy import FaultProxy
    from tests.support.registry import RegistryServer

Wait = Callable[[subprocess.Popen[str]], object]
SEED = 2019
DATA = 20_000_000  # bytes beside the notebook, so that building and sending take a while
IN_ALL = 10  # moments


@dataclass(frozen=True, slots=True, kw_only=True)
class Killing:
    """A notebook that is containerized to `digest`, in a time with a full cache and with none."""

    product: Product
    notebook: Path
    digest: str
    warm: float
    cold: float
    killed: list[int] = field(default_factory=list)  # process ids

    def moment(self, number: int, *, cold: bool = False) -> float:
        """Return after how many seconds to kill: a random moment of one tenth of the whole."""
        tenths = random.Random(SEED)  # noqa: S311  # nothing secret depends on it
        shares = [(tenth + tenths.random()) / IN_ALL for tenth in range(IN_ALL)]
        tenths.shuffle(shares)
        return shares[number] * (self.cold if cold else self.warm)

    def fresh(self, name: object, *, cold: bool) -> Product:
        """Return the product with a cache of its own: all of the first one's, or only programs."""
        cache = self.product.folder / f"cache-{name}"
        if cold:
            cache.mkdir()
            (cache / "runner").symlink_to(self.product.cache / "runner")
        else:
            # Links, not copies: a blob is never written to once it has its name.
            shutil.copytree(self.product.cache, cache, copy_function=os.link, symlinks=True)
            (cache / "known-blobs.json").unlink(missing_ok=True)
        return Product(folder=self.product.folder, cache=cache)

    def timed(self, product: Product, name: str) -> tuple[float, str]:
        """Containerize into a folder; return the seconds and the digest."""
        begin = time.monotonic()
        made = product.json("containerize", self.notebook, "--to", f"oci:{name}")
        return time.monotonic() - begin, made["digest"]

    def kill(self, product: Product, to: str, wait: Wait) -> int:
        """Start a containerization, kill it when `wait` returns, and return its process id."""
        with subprocess.Popen(
            [PROGRAM, "containerize", self.notebook, "--to", to, "--yes"],
            env=product.environment,
            cwd=product.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            wait(process)
            # It may have ended: that is a moment, too.
            os.killpg(process.pid, signal.SIGKILL)
        self.killed.append(process.pid)
        return process.pid

    def take_away_what_is_left(self) -> None:
        """Remove the containers of killed processes, which `clean` would find, too."""
        with closing(connect()) as engine:
            found = [
                container.id
                for container in containers.find(engine, {labels.OWNER: None})
                if any(f":{pid}:" in container.labels[labels.OWNER] for pid in self.killed)
            ]
            assert set(found) <= {container.id for container in leftovers(engine)}
            for container in found:
                containers.remove(engine, container)


def seconds(after: float) -> Wait:
    """Let some time pass. What is said meanwhile fits into the pipe."""
    return lambda _: time.sleep(after)


def stage(name: str) -> Wait:
    """Let a stage begin."""

    def wait(process: subprocess.Popen[str]) -> None:
        said = process.stdout or ()
        assert any(line.startswith(f"{name}: ") for line in said), f"{name} never began"

    return wait


def held(proxy: FaultProxy) -> Wait:
    """Let the request that the proxy holds come in."""

    def wait(process: subprocess.Popen[str]) -> None:
        while not any(seen.fault for seen in proxy.seen):
            assert process.poll() is None, "there was no such request"
            time.sleep(0.01)

    return wait


@pytest.fixture(scope="module")
def killing(
    tmp_path_factory: pytest.TempPathFactory, shared_cache: Path, kernel_image: str
) -> Iterator[Killing]:
    folder = tmp_path_factory.mktemp("killed")
    # Programs are shared, layers are not: other tests' may be compressed in another way.
    (shared_cache / "runner").mkdir(exist_ok=True)
    cache = folder / "cache"
    cache.mkdir()
    (cache / "runner").symlink_to(shared_cache / "runner")
    product = Product(folder=folder, cache=cache)
    product.run("kernel", "add", "team", "--image", kernel_image)
    noise = random.Random(SEED).randbytes(DATA)  # noqa: S311
    (product.folder / "data.bin").write_bytes(noise)
    notebook = write_notebook(product.folder / "n.ipynb", "open('data.bin')")
    killing = Killing(product=product, notebook=notebook, digest="", warm=0.0, cold=0.0)
    _, digest = killing.timed(product, "made")
    warm, _ = killing.timed(product, "warm")
    killing = replace(killing, digest=digest, warm=warm)
    yield killing
    killing.take_away_what_is_left()


@pytest.fixture(scope="module")
def measured(killing: Killing) -> Killing:
    """The same, with the time it takes with nothing in the cache."""
    cold, digest = killing.timed(killing.fresh("measured", cold=True), "cold")
    assert digest == killing.digest
    return replace(killing, cold=cold)


@pytest.fixture
def proxied(registry: RegistryServer) -> Iterator[FaultProxy]:
    """The registry, with a record of what was sent to it."""
    with start_fault_proxy(registry.host) as proxy:
        yield proxy


def check_cache(product: Product) -> None:
    """See that whatever has the name of a blob is that blob."""
    blobs = product.cache / "store" / "blobs" / "sha256"
    broken = [path for path in blobs.glob("*") if Digest.of(path.read_bytes()).hex != path.name]
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
    killing: Killing,
    product: Product,
    wait: Wait,
    proxy: FaultProxy,
    registry: RegistryServer,
) -> bool:
    """Kill a push and see that the next one goes on from there; return whether it was done."""
    repository = f"killed/{product.cache.parent.name}-{product.cache.name}".replace("_", "-")
    to = f"{proxy.host}/{repository}:1"

    killing.kill(product, to, wait)

    check_cache(product)
    was_whole = check_tag(registry, repository)
    before = sent(proxy)
    proxy.clear()
    made = product.json("containerize", killing.notebook, "--to", to, "--yes")
    assert made["digest"] == killing.digest
    assert before.isdisjoint(sent(proxy))
    assert not was_whole or sent(proxy) == set()
    assert check_tag(registry, repository)
    check_cache(product)
    assert list((product.cache / "store" / "temporary").iterdir()) == []
    shutil.rmtree(product.cache)
    return was_whole


def test_a_killed_push_is_taken_up_where_it_was(
    killing: Killing, proxied: FaultProxy, registry: RegistryServer
) -> None:
    product = killing.fresh("once", cold=False)

    check_push(killing, product, seconds(killing.moment(0)), proxied, registry)


@pytest.mark.full
@pytest.mark.parametrize("number", range(IN_ALL))
def test_a_push_that_is_killed_at_any_moment_is_taken_up_where_it_was(
    measured: Killing, proxied: FaultProxy, registry: RegistryServer, number: int
) -> None:
    cold = number % 2 == 1
    product = measured.fresh(number, cold=cold)

    check_push(measured, product, seconds(measured.moment(number, cold=cold)), proxied, registry)


@pytest.mark.full
@pytest.mark.parametrize("name", ["base", "layer", "push"])
def test_a_push_that_is_killed_as_a_stage_begins(
    killing: Killing, proxied: FaultProxy, registry: RegistryServer, name: str
) -> None:
    product = killing.fresh(name, cold=True)

    assert not check_push(killing, product, stage(name), proxied, registry)


SILENT: dict[str, dict[str, Any]] = {
    "layer": {"method": "PATCH"},
    "end-of-a-layer": {"method": "PUT", "path": "digest="},
    "manifest": {"method": "PUT", "path": "/manifests/"},
    "tag": {"method": "PUT", "path": "/manifests/1$"},
    "read-back": {"method": "HEAD", "path": "/manifests/sha256:"},
}


@pytest.mark.full
@pytest.mark.parametrize("at", SILENT)
def test_a_push_that_is_killed_while_the_registry_is_silent(
    killing: Killing, proxied: FaultProxy, registry: RegistryServer, at: str
) -> None:
    product = killing.fresh(f"silent-{at}", cold=False)
    proxied.add("hang", **SILENT[at])

    was_whole = check_push(killing, product, held(proxied), proxied, registry)

    assert was_whole is (at == "read-back")


@pytest.mark.full
@pytest.mark.timeout(1200)  # twenty images
def test_an_image_that_was_being_loaded_leaves_nothing_in_the_engine(
    killing: Killing, engine: Engine
) -> None:
    name = f"tests/killed:{killing.product.folder.name}"
    for number in range(IN_ALL):
        product = killing.fresh(f"engine-{number}", cold=False)

        pid = killing.kill(product, f"docker:{name}", seconds(killing.moment(number)))
        made = product.json("containerize", killing.notebook, "--to", f"docker:{name}", "--yes")

        assert made["digest"] == killing.digest
        product.run("clean")
        left = [tag for tag in images.names(engine, LOADING) if f"-{pid}-" in tag]
        assert left == []
        killing.product.docker("rmi", name)
        shutil.rmtree(product.cache)
