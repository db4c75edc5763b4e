"""Streams look as in JupyterLab, by whose own function these results were made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_containers.runner.streams import append, finish

SHOWN = [
    (["a", "b\n", "c"], "ab\nc"),
    (["10%\r", "20%\r", "30%"], "30%"),
    (["100%\r", "5"], "500%"),
    (["100%\r", "5", "\n"], "500%\n"),
    (["30%\r"], "30%"),
    (["10%", "\r20%", "\r30%\n", "done\n"], "30%\ndone\n"),
    (["long line\rshort\n"], "shortline\n"),
    (["first\n", "10%\r20%"], "first\n20%"),
    (["windows\r\n", "ends\r\n"], "windows\nends\n"),
    (["windows\r", "\nends"], "windows\nends"),
    (["abc\b\bX\n"], "aX\n"),
    (["abc\rX\b", "Y\n"], "Y\n"),
    (["a\n\b\bb"], "a\nb"),
    (["abcd\r\b\rX\b\n"], "cd\n"),
    (["100%\rdone\b\b\n", "next"], "do\nnext"),
    (["\x1b[32m10%\x1b[0m\r", "\x1b[32m100%\x1b[0m"], "\x1b[32m100%\x1b[0m"),
    (["1\x1b[A\r", "2\x1b[A"], "2\x1b[A"),
]


@pytest.mark.parametrize(("pieces", "shown"), SHOWN)
def test_a_front_end_shows(pieces: list[str], shown: str) -> None:
    parts: list[str] = []

    for piece in pieces:
        append(parts, piece)

    assert finish(parts) == shown


@given(st.lists(st.text(alphabet="ab\n\r\b", min_size=1)))
def test_how_text_was_cut_into_pieces_makes_no_difference(pieces: list[str]) -> None:
    parts: list[str] = []
    whole: list[str] = []

    for piece in pieces:
        append(parts, piece)
    append(whole, "".join(pieces))

    assert finish(parts) == finish(whole)


def test_a_long_progress_bar_is_kept_once() -> None:
    parts: list[str] = ["before\n" * 100_000]

    for number in range(20_000):
        append(parts, f"\r{number:5d} of 20000")

    assert len(parts) == 2
    assert parts[-1] == "19999 of 20000"
