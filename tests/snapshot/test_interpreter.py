"""A Python is asked what it is, here or inside an image."""

from __future__ import annotations

import os
import platform
import sys
from typing import TYPE_CHECKING

import pytest

from kernel_containers.errors import InvalidInput, NotFound, Refused
from kernel_containers.snapshot.interpreter import inspect_image, inspect_local, made_for
from tests.snapshot.environments import make_venv

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.engine import Engine


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_this_python_is_described() -> None:
    found = inspect_local(sys.executable)

    assert found.version == sys.version_info[:3]
    assert found.implementation == sys.implementation.name
    assert (found.prefix, found.base_prefix) == (sys.prefix, sys.base_prefix)
    assert found.machine == platform.machine()
    assert found.libc == platform.libc_ver()
    assert found.kernel_version is not None
    assert os.path.dirname(os.__file__) in found.path  # noqa: PTH120
    assert "" not in found.path
    assert not any(part.endswith(".zip") for part in found.path)


def test_an_empty_part_of_pythonpath_is_no_folder_of_modules(tmp_path: Path) -> None:
    found = inspect_local(sys.executable, {"PYTHONPATH": f":{tmp_path}:"})

    assert str(tmp_path) in found.path
    assert "/" not in found.path


def test_a_venv_without_ipykernel_is_described_as_such(tmp_path: Path) -> None:
    found = inspect_local(make_venv(tmp_path / "venv"))

    assert found.kernel_version is None
    assert found.prefix == str(tmp_path / "venv")
    assert found.executable == str(tmp_path / "venv/bin/python")
    assert found.base_prefix == sys.base_prefix


def test_a_venv_whose_python_was_removed_says_so(tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to("/opt/python3.9/bin/python3.9")

    with pytest.raises(NotFound, match=r"no /opt/python3.9/bin/python3.9: it was removed"):
        inspect_local(str(tmp_path / "python"))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("version = 3.9.2", "3.9"),
        ("version_info = 3.10.4.final.0", "3.10"),
        (f"version = {platform.python_version()}", None),
        ("home = /usr/bin", None),
    ],
)
def test_a_venv_whose_python_was_upgraded_is_seen(
    tmp_path: Path, line: str, expected: str | None
) -> None:
    python = make_venv(tmp_path / "venv")
    config = tmp_path / "venv" / "pyvenv.cfg"
    home = [text for text in config.read_text().splitlines() if text.startswith("home")]
    config.write_text("\n".join([*home, line]))

    assert made_for(inspect_local(python)) == expected


def test_a_bare_name_is_looked_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    python = make_venv(tmp_path / "venv")
    monkeypatch.setenv("PATH", str(tmp_path / "venv/bin"))

    assert inspect_local("python").executable == python


def test_what_pythonpath_adds_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    assert str(tmp_path) in inspect_local(sys.executable).path


def test_a_python_that_prints_at_its_start_is_understood(tmp_path: Path) -> None:
    python = make_venv(tmp_path / "venv")
    [packages] = (tmp_path / "venv").glob("lib/*/site-packages")
    (packages / "sitecustomize.py").write_text(
        "print('hello'); import sys; print('{', file=sys.stderr)"
    )

    assert inspect_local(python).prefix == str(tmp_path / "venv")


def test_a_missing_python_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        inspect_local(str(tmp_path / "python"))
    with pytest.raises(NotFound):
        inspect_local("no-such-python-anywhere")


def test_a_file_that_may_not_be_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "python").write_text("")

    with pytest.raises(Refused):
        inspect_local(str(tmp_path / "python"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("exit 0", "exit code 0"),
        ("echo oh no >&2; exit 3", "oh no"),
        ("echo 'kernel-containers-interpreter:{\"version\": [2, 7, 18]}'", "Python 2.7"),
    ],
)
def test_what_is_no_python_3_is_refused_with_its_words(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        inspect_local(script(tmp_path / "python", text))

    assert words in str(caught.value)


def test_a_file_of_another_kind_does_not_start(tmp_path: Path) -> None:
    path = tmp_path / "python"
    path.write_bytes(b"\x7fELF no program")
    path.chmod(0o755)

    with pytest.raises(InvalidInput, match="does not start"):
        inspect_local(str(path))


def test_the_python_of_an_image_is_described(engine: Engine, base_image: str) -> None:
    found = inspect_image(engine, base_image)

    assert found.executable == "/usr/bin/python3"
    assert found.version[:2] == (3, 11)
    assert found.base_prefix == "/usr"
    assert found.libc[0] == "glibc"
    assert found.kernel_version is None


def test_the_python_with_ipykernel_is_preferred(engine: Engine, kernel_image: str) -> None:
    found = inspect_image(engine, kernel_image, "/opt/venv/bin/python")

    assert found.kernel_version is not None
    assert found.prefix == "/opt/venv"


def test_a_missing_python_or_image_is_not_found(engine: Engine, base_image: str) -> None:
    with pytest.raises(NotFound, match="has no /opt/none"):
        inspect_image(engine, base_image, "/opt/none")
    with pytest.raises(NotFound, match="no-such-image"):
        inspect_image(engine, "no-such-image:1")


def test_another_program_of_an_image_is_refused(engine: Engine, base_image: str) -> None:
    with pytest.raises(InvalidInput, match="not a Python that works"):
        inspect_image(engine, base_image, "/bin/true")
