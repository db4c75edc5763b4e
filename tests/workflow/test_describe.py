"""Whose word counts when an image is described."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel_containers.errors import InvalidInput, NotFound, Unavailable
from kernel_containers.workflow.describe import describe
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


@pytest.mark.usefixtures("engine")
def test_an_image_of_others_and_an_unknown_one_come_with_advice(base_image: str) -> None:
    with pytest.raises(InvalidInput, match="kernel-containers containerize"):
        describe(f"docker:{base_image}", SETTINGS)
    with pytest.raises(NotFound, match="docker images"):
        describe("never-made", SETTINGS)
