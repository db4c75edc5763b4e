"""Secrets are masked however they are written and cut."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from kernel_containers.runner.masking import Masker, StreamMasker

SECRET = 's3cr3t "quoted" <é\n&>'


def test_all_usual_forms_are_masked() -> None:
    masker = Masker([SECRET, "ascii/key+1"])
    forms = [
        SECRET,
        repr(SECRET),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        quote(SECRET, safe=""),
        base64.b64encode(SECRET.encode()).decode(),
        "ascii/key+1",
        quote("ascii/key+1", safe=""),
        quote("ascii/key+1"),
    ]

    for form in forms:
        shown = masker.text(f"before {form} after")
        assert "********" in shown
        assert "s3cr3t" not in shown
        assert "key" not in shown


def test_names_and_nested_values_are_masked() -> None:
    masker = Masker(["hunter2"])

    assert masker.value({"a hunter2": [{"b": "xhunter2x"}, 2, None]}) == {
        "a ********": [{"b": "x********x"}, 2, None]
    }


def test_a_short_secret_does_not_hide_the_text() -> None:
    assert Masker(["a", ""]).text("a banana") == "a banana"


@given(
    st.lists(st.sampled_from(["s3cr3t", "s3", "cr3t", "x", "\n", "s3cr3ts3cr3t"])),
    st.integers(1, 7),
)
def test_a_secret_cut_into_pieces_is_masked(words: list[str], length: int) -> None:
    text = "".join(words)
    masker = Masker(["s3cr3t"])
    stream = StreamMasker(masker)

    pieces = [text[start : start + length] for start in range(0, len(text), length)]
    shown = "".join([*map(stream.feed, pieces), stream.finish()])

    assert shown == masker.text(text)
