"""What an image says about its making, wherever it is."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from kernel_containers.core import oci
from tests.acceptance.product import write_notebook
from tests.support.faultproxy import start_fault_proxy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.product import Product
    from tests.support.registry import RegistryServer

SECRET = "tok3n-of-me"
ACCEPT = {"Accept": f"{oci.INDEX}, {oci.MANIFEST}"}


@pytest.fixture
def notebook(product: Product) -> Path:
    return write_notebook(product.folder / "n.ipynb", "region = 'north'\nweeks = 3")


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def documents(registry: RegistryServer, repository: str, digest: str) -> dict[str, Any]:
    """Return what is attached to an image, by type, as a client without referrers finds it."""
    url = f"{registry.url}/v2/{repository}"
    index = httpx.get(f"{url}/manifests/{digest.replace(':', '-')}", headers=ACCEPT).json()
    found = {}
    for item in index["manifests"]:
        artifact = httpx.get(f"{url}/manifests/{item['digest']}", headers=ACCEPT).json()
        assert artifact["subject"]["digest"] == digest
        assert artifact["artifactType"] == item["artifactType"]
        (layer,) = artifact["layers"]
        found[item["artifactType"]] = httpx.get(f"{url}/blobs/{layer['digest']}").json()
    return found


@pytest.mark.full
def test_the_sbom_is_the_same_in_a_registry_in_the_engine_and_in_a_folder(
    product: Product, notebook: Path, registry: RegistryServer
) -> None:
    name = product.folder.name.replace("_", "-")
    pushed = product.json(
        "containerize", notebook, "--to", f"{registry.host}/sbom/{name}:1", "--yes"
    )
    product.run("containerize", notebook, "--to", f"docker:tests/sbom:{name}")
    product.run("containerize", notebook, "--to", "oci:layout")

    found = product.json("describe", "--sbom", pushed["reference"])

    kinds = {part["purl"].partition("/")[0] for part in found["components"]}
    names = {part["name"] for part in found["components"]}
    assert kinds == {"pkg:deb", "pkg:pypi"}
    # The kernel's packages, the runner's, and those of the base's system.
    assert {"ipykernel", "pandas", "nbclient", "boto3", "libc6"} <= names
    assert product.json("describe", "--sbom", f"docker:tests/sbom:{name}") == found
    assert product.json("describe", "--sbom", "oci:layout") == found
    attached = documents(registry, f"sbom/{name}", pushed["digest"])
    assert attached["application/vnd.cyclonedx+json"] == found
    product.docker("rmi", f"tests/sbom:{name}")


def test_the_provenance_names_base_revision_and_parameters_and_no_secret(
    product: Product, notebook: Path, registry: RegistryServer
) -> None:
    name = f"provenance/{product.folder.name.replace('_', '-')}"
    git(product.folder, "init", "--quiet")
    git(
        product.folder, "remote", "add", "origin", f"https://me:{SECRET}@git.example.com/team/x.git"
    )
    git(product.folder, "add", notebook.name)
    git(product.folder, "commit", "--quiet", "--message", "first")
    commit = git(product.folder, "rev-parse", "HEAD")

    made = product.json("containerize", notebook, "--to", f"{registry.host}/{name}:1", "--yes")

    found = documents(registry, name, made["digest"])["application/vnd.in-toto+json"]
    assert found["subject"] == [{"digest": {"sha256": made["digest"].removeprefix("sha256:")}}]
    definition = found["predicate"]["buildDefinition"]
    assert definition["externalParameters"]["parameters"] == ["region", "weeks"]
    base, source = definition["resolvedDependencies"]
    assert len(base["digest"]["sha256"]) == 64
    assert source == {
        "uri": "git+https://git.example.com/team/x.git",
        "digest": {"gitCommit": commit},
        "annotations": {"dirty": False},
    }
    assert SECRET not in json.dumps(found)
    labels = _labels(registry, name, "1")
    assert labels["org.opencontainers.image.revision"] == commit
    assert SECRET not in json.dumps(labels)

    write_notebook(notebook, "region = 'south'")
    product.run("containerize", notebook, "--to", f"{registry.host}/{name}:2", "--yes")
    assert _labels(registry, name, "2")["org.opencontainers.image.revision"] == f"{commit}-dirty"


def _labels(registry: RegistryServer, repository: str, tag: str) -> dict[str, str]:
    url = f"{registry.url}/v2/{repository}"
    manifest = httpx.get(f"{url}/manifests/{tag}", headers=ACCEPT).json()
    config = httpx.get(f"{url}/blobs/{manifest['config']['digest']}").json()
    found: dict[str, str] = config["config"]["Labels"]
    return found


def test_an_image_whose_documents_are_refused_is_there_all_the_same(
    product: Product, notebook: Path, registry: RegistryServer
) -> None:
    name = f"refused/{product.folder.name.replace('_', '-')}"
    with start_fault_proxy(registry.host) as proxy:
        proxy.add("status", method="PUT", path="manifests/sha256-", status=403, times=None)

        made = product.run("containerize", notebook, "--to", f"{proxy.host}/{name}:1", "--yes")

    assert "SBOM and provenance are not attached" in made.stderr
    assert httpx.head(f"{registry.url}/v2/{name}/manifests/1", headers=ACCEPT).status_code == 200


def test_an_image_of_others_has_no_sbom(product: Product, base_image: str) -> None:
    assert "not made by" in product.run("describe", "--sbom", base_image, check=65).stderr
    assert "no image" in product.run("describe", "--sbom", "oci:nowhere", check=66).stderr
