"""What an image says about its making: its packages, its base, its notebook's revision."""

from __future__ import annotations

import hashlib
from dataclasses import astuple
from typing import TYPE_CHECKING

from kernel_containers._version import __version__
from kernel_containers.core import labels
from kernel_containers.core.digest import Digest
from kernel_containers.core.oci_json import canonical
from kernel_containers.image import sbom
from kernel_containers.image.inventory import Package, packages_of
from kernel_containers.registry.attach import NOTHING, Document, artifact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kernel_containers.core.oci import BuiltImage
    from kernel_containers.core.snapshot import FileSet
    from kernel_containers.image.base import BaseImage
    from kernel_containers.image.store import BlobStore
    from kernel_containers.workflow.images.plan import Plan

IN_TOTO = "application/vnd.in-toto+json"
BUILDER = "urn:kernel-containers"
BUILD_TYPE = f"{BUILDER}:containerize:v1"


def bill_of_materials(base: BaseImage, file_sets: Sequence[FileSet], store: BlobStore) -> bytes:
    """Return the SBOM of a base and what is put on it; the store keeps it by fingerprints."""
    made_from = [file_set.fingerprint for file_set in file_sets]
    text = repr((sbom.FORMAT, __version__, str(base.id), made_from))
    key = f"sbom {hashlib.sha256(text.encode()).hexdigest()}"
    known = store.recall_record(key) if all(made_from) else None
    if known and store.has(digest := Digest.parse(known["blob"])):
        return store.path(digest).read_bytes()
    packages = {*base.packages}
    for file_set in file_sets:
        packages.update(_packages(file_set, store))
    document = sbom.make_sbom(packages, base.system)
    store.remember_record(key, {"blob": str(store.put(document))}, [])
    return document


def _packages(file_set: FileSet, store: BlobStore) -> Sequence[Package]:
    """Return the packages of a set; the store keeps them by its fingerprint."""
    key = f"packages {sbom.FORMAT} {file_set.fingerprint}"
    known = store.recall_record(key) if file_set.fingerprint else None
    if known:
        return [Package(*package) for package in known["packages"]]
    packages = packages_of(file_set.entries)
    if file_set.fingerprint:
        store.remember_record(key, {"packages": list(map(astuple, packages))}, [])
    return packages


def artifacts(
    plan: Plan, image: BuiltImage, materials: bytes, store: BlobStore
) -> list[BuiltImage]:
    """Return what is attached to an image in a registry: its SBOM and how it was built."""
    store.put(NOTHING)
    documents = ((sbom.MEDIA_TYPE, materials), (IN_TOTO, _statement(plan, image)))
    return [
        artifact(
            Document(media_type, store.put(content), len(content)), image.descriptor, store.blobs
        )
        for media_type, content in documents
    ]


def _statement(plan: Plan, image: BuiltImage) -> bytes:
    """Return https://slsa.dev/spec/v1.0/provenance; the same image gives the same bytes."""
    described = image.config.labels
    contract = plan.snapshot.contract
    base: dict[str, object] = {"digest": {plan.base.id.algorithm: plan.base.id.hex}}
    if plan.base.name:
        base["name"] = plan.base.name
    materials = [base]
    if revision := described.get(labels.OCI_REVISION):
        commit, _, dirty = revision.partition("-")
        source: dict[str, object] = {
            "digest": {"gitCommit": commit},
            "annotations": {"dirty": bool(dirty)},
        }
        if url := described.get(labels.OCI_SOURCE):
            source["uri"] = f"git+{url}"
        materials.append(source)
    return canonical(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {image.digest.algorithm: image.digest.hex}}],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {
                "buildDefinition": {
                    "buildType": BUILD_TYPE,
                    "externalParameters": {
                        "notebook": plan.snapshot.notebook.name,
                        "kernel": contract.kernel.name,
                        "parameters": [parameter.name for parameter in contract.parameters],
                    },
                    "resolvedDependencies": materials,
                },
                "runDetails": {
                    "builder": {"id": BUILDER, "version": {"kernel-containers": __version__}}
                },
            },
        }
    )
