"""What becomes of links that lead out of an environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.snapshot import FileEntry, FileKind
from kernel_containers.snapshot.exclusions import IN_ENVIRONMENTS
from kernel_containers.snapshot.links import LinkedFiles
from kernel_containers.snapshot.walk import walk

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = "lib/python3.11/site-packages"


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """The files of a venv, and beside it what links of it lead to."""
    for name in (
        "venv/bin/tool",
        f"venv/{PACKAGES}/own/__init__.py",
        "base/bin/python3.11",
        f"base/{PACKAGES}/of_base/__init__.py",
        "work/project/__init__.py",
        "work/project/part.py",
        "work/.git/HEAD",
        "cache/module.py",
        "home/.aws/credentials",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "venv"


def followed(venv: Path) -> tuple[dict[str, FileEntry], LinkedFiles]:
    """Return the entries of a venv by their paths in it, and what was said."""
    linked = LinkedFiles(str(venv), str(venv.parent / "base"))
    entries, _ = walk(venv, IN_ENVIRONMENTS)
    found = linked.follow(entries, IN_ENVIRONMENTS)
    return {os.path.relpath(entry.target, venv): entry for entry in found}, linked


def test_packages_and_files_elsewhere_are_in_the_place_of_their_links(venv: Path) -> None:
    packages = venv / PACKAGES
    (packages / "project").symlink_to(venv.parent / "work")
    (packages / "of_base").symlink_to(venv.parent / "base" / PACKAGES / "of_base")
    (packages / "module.py").symlink_to("../../../../cache/module.py")
    (venv.parent / "work/deeper.py").symlink_to("project/part.py")
    (venv.parent / "work/far.py").symlink_to(venv.parent / "cache/module.py")

    found, linked = followed(venv)

    kinds = {
        name.removeprefix(f"{PACKAGES}/"): entry.kind.name
        for name, entry in found.items()
        if name.startswith(PACKAGES) and entry.kind is not FileKind.FOLDER
    }
    assert kinds == {
        "own/__init__.py": "FILE",
        "project/project/__init__.py": "FILE",
        "project/project/part.py": "FILE",
        "project/deeper.py": "LINK",
        "project/far.py": "FILE",
        "of_base/__init__.py": "FILE",
        "module.py": "FILE",
    }
    assert found[f"{PACKAGES}/module.py"].source == str(venv.parent / "cache/module.py")
    assert f"{packages}/project" in linked.followed
    assert [item.path for item in linked.exclusions] == [f"{packages}/project/.git"]


def test_a_folder_of_packages_on_another_disk_is_taken_whole(venv: Path) -> None:
    (venv / PACKAGES).rename(venv.parent / "other-disk")
    (venv / PACKAGES).symlink_to(venv.parent / "other-disk")

    found, _ = followed(venv)

    assert found[PACKAGES].kind is FileKind.FOLDER
    assert found[f"{PACKAGES}/own/__init__.py"].kind is FileKind.FILE


def test_other_links_stay(venv: Path) -> None:
    links = {
        "bin/python": str(venv.parent / "base/bin/python3.11"),
        "lib64": "lib",
        "bin/in-base-image": "/usr/bin/env",
        "bin/nowhere": "/nowhere/at/all",
        "bin/circle": "circle",
        "everything": str(venv.parent),
    }
    for name, to in links.items():
        (venv / name).symlink_to(to)

    found, linked = followed(venv)

    assert {name: entry.link for name, entry in found.items() if entry.link} == links
    assert linked.followed == {}


def test_links_that_go_round_end(venv: Path) -> None:
    (venv / PACKAGES / "project").symlink_to(venv.parent / "work")
    (venv.parent / "work/again").symlink_to(venv.parent / "work")

    found, _ = followed(venv)

    assert found[f"{PACKAGES}/project/again"].kind is FileKind.LINK


def test_a_link_to_credentials_brings_nothing(venv: Path) -> None:
    (venv / "settings").symlink_to(venv.parent / "home/.aws/credentials")

    found, linked = followed(venv)

    assert "settings" not in found
    assert [item.path for item in linked.exclusions] == [f"{venv}/settings"]
