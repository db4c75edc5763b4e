"""A bill of materials in CycloneDX's JSON: https://cyclonedx.org/docs/1.5/json/.

It lies in the image, in a small layer of its own, so that an engine, a registry and a folder
can all be asked for it, and a copy of the image keeps it.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kernel_containers._version import __version__
from kernel_containers.core.contract import RUNNER_HOME
from kernel_containers.core.oci_json import canonical
from kernel_containers.core.snapshot import FileEntry, FileKind, FileSet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kernel_containers.image.inventory import Package

MEDIA_TYPE = "application/vnd.cyclonedx+json"
NAME = "sbom"  # of the layer
PATH = f"{RUNNER_HOME}/sbom.json"
FORMAT = 1  # raise it when the same packages give another document
_NAMESPACE = uuid.UUID("6f0c2b52-3c0f-5d0e-9d0b-0e4a7b0a4d3c")


def make_sbom(packages: Iterable[Package], system: str) -> bytes:
    """Return the document; the same packages give the same bytes.

    `system` is the ID of the base's os-release, which Debian's and Alpine's packages are named by.
    """
    components = [_component(package, system or "unknown") for package in sorted(set(packages))]
    identity = uuid.uuid5(_NAMESPACE, canonical(components).decode())
    return canonical(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "serialNumber": f"urn:uuid:{identity}",
            "version": 1,
            "metadata": {
                "tools": {
                    "components": [
                        {"type": "application", "name": "kernel-containers", "version": __version__}
                    ]
                }
            },
            "components": components,
        }
    )


def sbom_file_set(document: bytes) -> FileSet:
    """Return the layer's only file."""
    digest = hashlib.sha256(document).hexdigest()
    entry = FileEntry(PATH, FileKind.FILE, 0o644, len(document), content=document)
    return FileSet(name=NAME, entries=(entry,), fingerprint=f"sbom {digest}")


def _component(package: Package, system: str) -> dict[str, Any]:
    url = _purl(package, system)
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": url,
        "name": package.name,
        "version": package.version,
        "purl": url,
    }
    if package.licence:
        component["licenses"] = [{"license": {"name": package.licence}}]
    return component


def _purl(package: Package, system: str) -> str:
    """Return https://github.com/package-url/purl-spec."""
    name = package.name
    if package.kind == "pypi":
        name = name.lower().replace("_", "-")
    elif package.kind in ("deb", "apk"):
        name = f"{system}/{name.lower()}"
    architecture = f"?arch={package.architecture}" if package.architecture else ""
    return f"pkg:{package.kind}/{quote(name)}@{quote(package.version, safe='')}{architecture}"
