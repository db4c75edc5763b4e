"""Layers of zstd, where they are asked for and can be read."""

from __future__ import annotations

import json
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.product import DOCKER, Product, write_notebook

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.engine import Engine
    from tests.support.registry import RegistryServer

GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"


def unpack(image: str, folder: Path) -> Path:
    """Let skopeo fetch and unpack an image, and return it as what docker loads."""
    subprocess.run(
        [
            *("skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false"),
            *("--dest-decompress", f"docker://{image}", f"dir:{folder}"),
        ],
        check=True,
    )
    manifest = json.loads((folder / "manifest.json").read_text())
    names = [item["digest"].removeprefix("sha256:") for item in manifest["layers"]]
    config = manifest["config"]["digest"].removeprefix("sha256:")
    entry = {"Config": config, "RepoTags": [image], "Layers": names}
    (folder / "manifest.json").write_text(json.dumps([entry]))
    archive = folder / "image.tar"
    with tarfile.open(archive, "w") as file:
        for name in ("manifest.json", config, *dict.fromkeys(names)):
            file.add(folder / name, name)
    return archive


@pytest.mark.full
def test_layers_of_zstd_are_those_of_gzip_to_who_unpacks_them(
    product: Product, registry: RegistryServer
) -> None:
    notebook = write_notebook(product.folder / "n.ipynb", "x = 20", "print('it is', x + 1)")
    to = f"{registry.host}/{product.folder.name.replace('_', '-')}:z"

    product.run("containerize", notebook, "--to", to, "--yes", "--compression=zstd")

    source = ["skopeo", "inspect", "--tls-verify=false", "--raw", f"docker://{to}"]
    manifest = json.loads(subprocess.run(source, check=True, capture_output=True).stdout)
    types = [layer["mediaType"] for layer in manifest["layers"]]
    assert types == sorted(types)  # the base's stay as they are
    assert set(types) == {GZIP, ZSTD}
    product.docker("load", "--quiet", "--input", unpack(to, product.folder / "unpacked"))
    try:
        done = subprocess.run(
            [DOCKER, "run", "--rm", to, "--output", "/tmp", "-p", "x", "41"],
            check=False,
            capture_output=True,
            text=True,
        )
    finally:
        product.docker("rmi", to)
    assert done.returncode == 0, done.stderr
    assert "it is 42" in done.stdout + done.stderr


@pytest.mark.parametrize("where", ["engine", "verify"])
def test_an_engine_that_can_not_read_zstd_is_named_before_anything_is_built(
    product: Product, registry: RegistryServer, engine: Engine, where: str
) -> None:
    if int(engine.api.version()["Version"].partition(".")[0]) >= 23:
        pytest.skip("this engine reads zstd")
    notebook = write_notebook(product.folder / "n.ipynb", "x = 1")
    to = ["--to", f"{registry.host}/zstd-{where}:1", "--verify"] if where == "verify" else []

    refused = product.run("containerize", notebook, *to, "--compression=zstd", check=65)

    assert "Docker reads them since version 23" in refused.stderr
    catalog = subprocess.run(
        ["curl", "-s", f"http://{registry.host}/v2/_catalog"], capture_output=True, check=True
    )
    assert b"zstd-verify" not in catalog.stdout
