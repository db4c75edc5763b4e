"""Which base image an environment gets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.progress import silent
from kernel_containers.core.snapshot import Interpreter
from kernel_containers.engine import images
from kernel_containers.errors import InvalidInput, NotFound, Unavailable
from kernel_containers.workflow.images.bases import (
    candidates,
    check_stand_in,
    choose_base,
    python_for_runner,
)
from kernel_containers.workflow.images.image_python import image_python
from kernel_containers.workflow.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.engine import Engine

BOOKWORM = {"ID": "debian", "VERSION_ID": "12", "VERSION_CODENAME": "bookworm"}


def interpreter(minor: int, base_prefix: str = "/usr") -> Interpreter:
    return Interpreter(
        executable=f"/venv/bin/python3.{minor}",
        version=(3, minor, 2),
        implementation="cpython",
        machine="x86_64",
        prefix="/venv",
        base_prefix=base_prefix,
        libc=("glibc", "2.36"),
        kernel_version="7.0",
    )


def test_an_image_of_this_machines_packages_comes_before_the_official_one() -> None:
    assert candidates(BOOKWORM, "3.11") == [
        "kernel-containers/base:bookworm-py3.11",
        "python:3.11-slim-bookworm",
    ]


@pytest.mark.parametrize(
    ("release", "name"),
    [
        ({"ID": "ubuntu", "VERSION_ID": "24.04", "VERSION_CODENAME": "noble"}, "ubuntu:24.04"),
        ({"ID": "rhel", "VERSION_ID": "9.4"}, "registry.access.redhat.com/ubi9/ubi:latest"),
        ({"ID": "fedora", "VERSION_ID": "41"}, "registry.fedoraproject.org/fedora:41"),
    ],
)
def test_other_systems_have_theirs(release: dict[str, str], name: str) -> None:
    assert candidates(release, "3.12")[-1] == name


def test_an_unknown_system_has_only_what_is_made_here() -> None:
    assert candidates({}, "3.12") == ["kernel-containers/base:unknown-py3.12"]


def test_what_the_user_names_is_taken_and_nothing_else(
    engine: Engine, base_image: str, tmp_path: Path
) -> None:
    settings = Settings(cache=tmp_path, environ={})

    assert choose_base(engine, interpreter(11), base_image, settings, silent) == base_image
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1/missing:1"):
        choose_base(engine, interpreter(11), "127.0.0.1:1/missing:1", settings, silent)


def test_an_environment_with_its_own_interpreter_takes_any_base_of_this_system(
    engine: Engine, base_image: str, tmp_path: Path
) -> None:
    settings = Settings(cache=tmp_path, environ={})

    found = choose_base(engine, interpreter(99, "/opt/python"), None, settings, silent)

    assert found.rpartition("-py")[0] == base_image.rpartition("-py")[0]
    with pytest.raises(NotFound, match=r"py3\.99"):
        choose_base(engine, interpreter(99), None, settings, silent)


def test_the_bases_python_runs_what_an_older_kernel_can_not(
    engine: Engine, base_image: str, tmp_path: Path
) -> None:
    settings = Settings(cache=tmp_path, environ={})

    found = python_for_runner(engine, base_image, interpreter(8, "/opt/python"), settings)

    assert found is not None
    assert found.version >= (3, 10)
    newer = interpreter(12, "/opt/python")
    assert python_for_runner(engine, base_image, newer, settings) is None


def test_the_base_must_have_the_systems_python_itself(
    engine: Engine, base_image: str, tmp_path: Path
) -> None:
    settings = Settings(cache=tmp_path, environ={})

    found = check_stand_in(engine, base_image, interpreter(11), settings)

    assert found is not None
    assert found.version[:2] == (3, 11)
    newer = interpreter(12, "/opt/python")
    assert check_stand_in(engine, base_image, newer, settings) is None
    with pytest.raises(InvalidInput, match=r"no /usr/bin/python3\.12"):
        check_stand_in(engine, base_image, interpreter(12), settings)


def test_an_image_is_asked_for_its_python_once(
    engine: Engine, base_image: str, tmp_path: Path
) -> None:
    settings = Settings(cache=tmp_path, environ={})
    found = images.inspect(engine, base_image)
    assert found is not None

    first = image_python(engine, base_image, "python3", settings)
    [record] = settings.store.glob("records/*")
    record.write_text(record.read_text().replace(first.machine, "as recorded"))
    second = image_python(engine, str(found.id), "python3", settings)
    other = image_python(engine, base_image, "/usr/bin/python3", settings)

    assert first.version[:2] == (3, 11)
    assert second == replace(first, machine="as recorded")
    assert other.machine == first.machine
