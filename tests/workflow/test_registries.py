"""Registries, opened once for all that a push asks and sends."""

from __future__ import annotations

import re
import time
import uuid
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.reference import ImageReference, Repository
from kernel_containers.workflow.registries import Registries
from kernel_containers.workflow.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.registry import RegistryServer

PORT = re.compile(r"remoteaddr=\"?127\.0\.0\.1:(\d+)")
DONE = "response completed"


def test_connections_are_kept_from_one_question_to_the_next(
    registry: RegistryServer, tmp_path: Path
) -> None:
    settings = Settings(cache=tmp_path, environ={"DOCKER_CONFIG": str(tmp_path)})
    to = ImageReference(Repository(registry.host, f"kept/{uuid.uuid4().hex[:8]}"), "v1")

    def clients(requests: int) -> int:
        """Return from how many ports so many requests came, when the registry has told of all."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            lines = registry.log.read_text().splitlines()
            told = [line for line in lines if to.repository.path in line and DONE in line]
            if len(told) >= requests:
                return len({found[1] for line in told if (found := PORT.search(line))})
            time.sleep(0.05)
        pytest.fail(f"the registry did not tell of {requests} requests")

    with Registries(settings) as registries:
        assert registries.look(to).tag_digest is None
        registries.look(to)
    assert clients(2) == 1

    Registries(settings).look(to)
    assert clients(3) == 2


def test_a_repository_that_comes_with_the_first_push_is_not_said_to_be_created(
    registry: RegistryServer, tmp_path: Path
) -> None:
    settings = Settings(cache=tmp_path, environ={"DOCKER_CONFIG": str(tmp_path)})

    assert not Registries(settings).create(Repository(registry.host, "not/yet"))
