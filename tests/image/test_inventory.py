"""Packages, found by what their managers leave behind."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING

import pytest

from kernel_containers.image.inventory import (
    Inventory,
    Package,
    is_document,
    packages_of,
    read_packages,
    read_system,
)
from kernel_containers.image.sbom import make_sbom, sbom_file_set
from tests.image.trees import entries_of

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.image.base import BaseImage

METADATA = b"""Metadata-Version: 2.1
Name: Some_Package
Version: 1.0+local
License: MIT
Classifier: License :: OSI Approved :: BSD License
Description: x

Name: not this one
"""
DPKG = b"""Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u4
Description: several
 lines: of text

Package: removed
Status: deinstall ok config-files
Version: 1
"""
SITE = "/opt/env/lib/python3.11/site-packages"


@pytest.mark.parametrize(
    ("path", "data", "found"),
    [
        (
            f"{SITE}/a.dist-info/METADATA",
            METADATA,
            [Package("pypi", "Some_Package", "1.0+local", "BSD License")],
        ),
        (f"{SITE}/a.egg-info", b"Name: a\nVersion: 1\n", [Package("pypi", "a", "1")]),
        (
            f"{SITE}/a.egg-info/PKG-INFO",
            b"Name: a\nVersion: 1\nLicense-Expression: MIT OR Apache-2.0\n",
            [Package("pypi", "a", "1", "MIT OR Apache-2.0")],
        ),
        (
            f"{SITE}/a.dist-info/METADATA",
            b"name: a\r\nVERSION:  1\r\nLicense: long\r\n and longer\r\n\r\nLicense: x\r\n",
            [Package("pypi", "a", "1")],
        ),
        (f"{SITE}/a.dist-info/METADATA", b"\xff\xfe nothing", []),
        (
            "/opt/conda/conda-meta/zlib-1.3.json",
            b'{"name": "zlib", "version": "1.3", "license": "Zlib"}',
            [Package("conda", "zlib", "1.3", "Zlib")],
        ),
        ("/opt/conda/conda-meta/state.json", b"[]", []),
        ("/var/lib/dpkg/status", DPKG, [Package("deb", "libc6", "2.36-9+deb12u4", "", "amd64")]),
        (
            "/var/lib/dpkg/status.d/base-files",
            b"Package: base-files\nVersion: 12\nArchitecture: amd64\n",
            [Package("deb", "base-files", "12", "", "amd64")],
        ),
        (
            "/lib/apk/db/installed",
            b"C:Q1x=\nP:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\n\nP:zlib\nV:1.3\n",
            [Package("apk", "musl", "1.2.4-r2", "MIT", "x86_64"), Package("apk", "zlib", "1.3")],
        ),
    ],
)
def test_a_package_is_what_its_manager_says(path: str, data: bytes, found: list[Package]) -> None:
    assert is_document(path)
    assert read_packages({path: data}) == found


@pytest.mark.parametrize(
    "path",
    [
        f"{SITE}/a.dist-info/RECORD",
        f"{SITE}/METADATA",
        "/home/me/var/lib/dpkg/status",
        "/var/lib/dpkg/status-old",
        "/var/lib/dpkg/status.d/base-files.md5sums",
    ],
)
def test_other_files_are_no_documents(path: str) -> None:
    assert not is_document(path)


def test_upper_layers_hide_what_lower_ones_have() -> None:
    def archive(*names: str) -> io.BytesIO:
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w") as tar:
            for name in names:
                data = f"Name: {name.split('/')[1].removesuffix('.dist-info')}\nVersion: 1\n"
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data.encode()))
        made.seek(0)
        return made

    inventory = Inventory()
    layers = (
        archive("site/a.dist-info/METADATA", "site/b.dist-info/METADATA", "gone/c.egg-info"),
        archive("site/.wh.a.dist-info", "gone/.wh..wh..opq", "gone/d.egg-info"),
    )
    for layer in layers:
        with tarfile.open(fileobj=layer, mode="r|") as tar:
            for member in tar:
                inventory.add(member, tar.extractfile)
        inventory.end_layer()

    assert sorted(inventory.documents) == ["/gone/d.egg-info", "/site/b.dist-info/METADATA"]


def test_the_base_image_has_its_systems_packages(base: BaseImage) -> None:
    names = {(package.kind, package.name) for package in base.packages}

    assert {("deb", "libc6"), ("deb", "python3.11-minimal")} & names
    assert base.system == "debian"
    assert read_system({"/etc/os-release": b'NAME="X"\nID="alpine"\n'}) == "alpine"
    assert read_system({}) == ""


def test_the_document_follows_from_the_packages_alone(tmp_path: Path) -> None:
    folder = tmp_path / "Some_Package-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_bytes(METADATA)
    packages = packages_of(entries_of(tmp_path, "/env"))
    system = Package("deb", "libc6", "2.36", "", "amd64")

    one = make_sbom([*packages, system], "debian")
    two = make_sbom([system, system, *packages], "debian")

    assert one == two
    document = json.loads(one)
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.5")
    assert [part["purl"] for part in document["components"]] == [
        "pkg:deb/debian/libc6@2.36?arch=amd64",
        "pkg:pypi/some-package@1.0%2Blocal",
    ]
    assert document["components"][1]["licenses"] == [{"license": {"name": "BSD License"}}]
    assert sbom_file_set(one).fingerprint == sbom_file_set(two).fingerprint
