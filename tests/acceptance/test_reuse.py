"""The same tree is the same image; a changed cell is a few kilobytes."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.product import Product, install_kernel, write_notebook
from tests.support.environments import make_kernel_venv
from tests.support.registry import start_registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.registry import RegistryServer

SMALL = 100_000  # bytes: notebook layer, config and manifest of these tests take about 20,000


def diff_ids(layout: Path) -> list[str]:
    """Return the diff_ids of the only image in an OCI layout."""
    config: dict[str, Any] = _blob(layout, _manifest(layout)["config"]["digest"])
    return list(config["rootfs"]["diff_ids"])


def _manifest(layout: Path) -> dict[str, Any]:
    (item,) = json.loads((layout / "index.json").read_text())["manifests"]
    return _blob(layout, item["digest"])


def _blob(layout: Path, digest: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(
        (layout / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_text()
    )
    return value


@pytest.mark.full
def test_two_containerizations_of_the_same_tree_give_the_same_layers(
    product: Product, sales: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    product.run("containerize", sales, "--kernel", "team", "--to", "oci:./first")
    other = Product(folder=product.folder, cache=tmp_path_factory.mktemp("other-cache"))
    # The runner's packages are files of the cache; all layers are written anew.
    os.symlink(product.cache / "runner", other.cache / "runner")  # noqa: PTH211

    other.run("containerize", sales, "--kernel", "team", "--to", "oci:./second")

    assert diff_ids(product.folder / "first") == diff_ids(product.folder / "second")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RegistryServer]:
    """A registry of its own: from other tests' repositories blobs would be mounted, not sent."""
    server = start_registry(tmp_path / "registry")
    yield server
    server.stop()


def test_a_changed_cell_sends_only_the_small_top_layer(
    product: Product, sales: Path, registry: RegistryServer
) -> None:
    name = f"{registry.host}/{product.folder.name.replace('_', '-')}"
    first = product.json("containerize", sales, "--kernel", "team", "--to", f"{name}:1", "--yes")
    changed = sales.read_text().replace("15_000.0", "16_000.0")
    sales.write_text(changed)

    second = product.json("containerize", sales, "--kernel", "team", "--to", f"{name}:2", "--yes")

    assert first["layers"][:-1] == second["layers"][:-1]
    assert first["layers"][-1] != second["layers"][-1]
    assert first["sent"] > 10_000_000
    assert second["sent"] < SMALL


def test_an_unchanged_notebook_sends_no_layer_at_all(
    product: Product, registry: RegistryServer
) -> None:
    notebook = write_notebook(product.folder / "n.ipynb", "x = 1")
    name = f"{registry.host}/{product.folder.name.replace('_', '-')}"
    first = product.json("containerize", notebook, "--to", f"{name}:1", "--yes")

    second = product.json("containerize", notebook, "--to", f"{name}:1", "--yes")

    assert second["digest"] == first["digest"]
    assert second["sent"] < SMALL


@pytest.mark.full
def test_a_change_without_a_trace_is_found_by_comparing_contents(
    tmp_path: Path, shared_cache: Path
) -> None:
    product = Product(folder=tmp_path, cache=shared_cache)
    prefix = make_kernel_venv(tmp_path / "venv")
    module = prefix / "planted.py"
    module.write_text("value = 'before'\n")
    install_kernel(product, prefix / "bin/python")
    notebook = write_notebook(tmp_path / "n.ipynb", "x = 1", kernel="local")
    command = ("containerize", notebook, "--to", "oci:image")
    first = product.json(*command)
    before = module.stat()
    module.write_text("value = 'after!'\n")
    os.utime(module, ns=(before.st_atime_ns, before.st_mtime_ns))

    believed = product.json(*command)
    compared = product.json(*command, "--verify-environment")

    assert believed["digest"] == first["digest"]
    assert compared["changed_files"] == [str(module)]
    assert compared["digest"] != first["digest"]
