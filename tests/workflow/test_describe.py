"""Whose word counts when an image is described."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from kernel_containers.core.labels import CONTRACT, PARAMETERS
from kernel_containers.core.oci import CONFIG, MANIFEST
from kernel_containers.errors import InvalidInput, NotFound, Unavailable
from kernel_containers.workflow.images.describe import describe
from kernel_containers.workflow.settings import Settings

SETTINGS = Settings(cache=Path("/none"), environ={})


def test_without_an_engine_its_error_counts_where_no_registry_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///none/docker.sock")

    with pytest.raises(Unavailable, match="No Docker Engine"):
        describe("report", SETTINGS)
    with pytest.raises(Unavailable, match="Nothing answers at localhost:1"):
        describe("localhost:1/report", SETTINGS)


def test_an_image_in_a_folder_is_described_without_an_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///none/docker.sock")
    schema = {"type": "object", "properties": {"weeks": {"type": "integer"}}}
    labels = {CONTRACT: "1", PARAMETERS: json.dumps(schema)}
    config = {"architecture": "amd64", "os": "linux", "config": {"Labels": labels}}
    config["rootfs"] = {"type": "layers", "diff_ids": []}
    manifest = {"schemaVersion": 2, "config": write_blob(tmp_path, config), "layers": []}
    index = {"manifests": [write_blob(tmp_path, manifest)]}
    (tmp_path / "index.json").write_text(json.dumps(index))

    assert describe(f"oci:{tmp_path}", SETTINGS) == schema
    with pytest.raises(NotFound, match="no image in the OCI layout"):
        describe(f"oci:{tmp_path}/none", SETTINGS)


def write_blob(layout: Path, value: dict[str, Any]) -> dict[str, Any]:
    data = json.dumps(value).encode()
    digest = hashlib.sha256(data).hexdigest()
    (layout / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
    (layout / "blobs" / "sha256" / digest).write_bytes(data)
    kind = MANIFEST if "layers" in value else CONFIG
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}


@pytest.mark.usefixtures("engine")
def test_an_image_of_others_and_an_unknown_one_come_with_advice(base_image: str) -> None:
    with pytest.raises(InvalidInput, match="kernel-containers containerize"):
        describe(f"docker:{base_image}", SETTINGS)
    with pytest.raises(NotFound, match="docker images"):
        describe("never-made", SETTINGS)
