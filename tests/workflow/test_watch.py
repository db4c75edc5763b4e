"""Lines of a run's output, however they are cut on their way."""

from __future__ import annotations

from kernel_containers.workflow.runs.watch import LONGEST_LINE, Follower

Piece = tuple[str, bytes]


def lines_of(*pieces: Piece) -> list[tuple[str, str]]:
    """Return what somebody who follows such output hears."""
    heard: list[tuple[str, str]] = []
    follower = Follower(iter(pieces), lambda stream, line: heard.append((stream, line)))
    follower.start()
    follower.wait()
    return heard


def test_lines_are_whole_whatever_their_pieces_are() -> None:
    assert lines_of(
        ("stdout", b"one\ntw"), ("stderr", b"err"), ("stdout", b"o\n\nthr"), ("stdout", b"ee")
    ) == [
        ("stdout", "one"),
        ("stdout", "two"),
        ("stdout", ""),
        ("stdout", "three"),
        ("stderr", "err"),
    ]


def test_a_line_without_end_comes_in_pieces_and_none_of_it_is_lost() -> None:
    piece = b"x" * 1024**2

    heard = lines_of(*[("stdout", piece)] * 40)

    assert sum(len(line) for _, line in heard) == 40 * len(piece)
    assert max(len(line) for _, line in heard) <= LONGEST_LINE + len(piece)
