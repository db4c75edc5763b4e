"""What is remembered about registries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.digest import Digest
from kernel_containers.core.reference import Repository
from kernel_containers.registry.known import MOST_BLOBS, KnownBlobs

if TYPE_CHECKING:
    from pathlib import Path

A, B = Digest.of(b"a"), Digest.of(b"b")
HERE, THERE = Repository("r.example.com", "team/here"), Repository("r.example.com", "team/there")
ELSEWHERE = Repository("other.example.com", "team/here")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "known.json"


def test_what_was_seen_is_known_to_the_next_process(file: Path) -> None:
    KnownBlobs(file).remember(HERE, [A, B])

    assert KnownBlobs(file).of(HERE) == {A, B}
    assert KnownBlobs(file).of(THERE) == frozenset()
    assert KnownBlobs(file).of(ELSEWHERE) == frozenset()


def test_a_source_is_another_repository_of_the_same_host(file: Path) -> None:
    known = KnownBlobs(file)
    known.remember(HERE, [A])

    assert known.source(A, but=THERE) == "team/here"
    assert known.source(B, but=THERE) is None
    assert known.source(A, but=HERE) is None
    assert known.source(A, but=ELSEWHERE) is None


def test_what_turned_out_wrong_is_forgotten(file: Path) -> None:
    known = KnownBlobs(file)
    known.remember(HERE, [A, B])

    known.forget(HERE, [A])

    assert known.of(HERE) == {B}


def test_the_oldest_are_forgotten_first(file: Path) -> None:
    known = KnownBlobs(file)
    known.remember(HERE, [A, B])
    known.remember(HERE, [B])

    known.remember(HERE, [Digest.of(str(n).encode()) for n in range(MOST_BLOBS - 1)])

    assert len(known.of(HERE)) == MOST_BLOBS
    assert B in known.of(HERE)
    assert A not in known.of(HERE)


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"h": 1}', '{"h": {"p": ["sha256:x"]}}'])
def test_a_damaged_file_is_an_empty_one(file: Path, text: str) -> None:
    file.parent.mkdir()
    file.write_text(text)

    assert KnownBlobs(file).of(HERE) == frozenset()

    KnownBlobs(file).remember(HERE, [A])
    assert KnownBlobs(file).of(HERE) == {A}


def test_a_machine_that_can_not_remember_goes_on(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder belongs")
    known = KnownBlobs(tmp_path / "cache" / "known.json")

    known.remember(HERE, [A])

    assert known.of(HERE) == frozenset()
