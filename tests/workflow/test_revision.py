"""What is told of a repository, and what never is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kernel_containers.workflow.images.revision import find_revision, public_url

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("remote", "public"),
    [
        ("https://me:secret@git.example.com/a/b.git\n", "https://git.example.com/a/b.git"),
        ("https://token@git.example.com:8443/a?x=1#y", "https://git.example.com:8443/a"),
        ("git@git.example.com:team/x.git", "ssh://git.example.com/team/x.git"),
        ("ssh://git@git.example.com/x", "ssh://git.example.com/x"),
        ("/home/me/other", ""),
        ("../other", ""),
        ("file:///home/me/other", ""),
        ("", ""),
    ],
)
def test_a_remote_is_named_without_its_users(remote: str, public: str) -> None:
    assert public_url(remote) == public


def test_a_notebook_outside_of_a_repository_has_no_revision(tmp_path: Path) -> None:
    assert find_revision(tmp_path / "n.ipynb") is None
    (tmp_path / ".git").mkdir()  # not a real one
    assert find_revision(tmp_path / "n.ipynb") is None
