"""Large JSON is read and written with turns for other threads, and else as ever."""

from __future__ import annotations

import json
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_containers.core.large_json import json_text, parse_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30
)


@given(values)
def test_values_are_written_and_read_as_by_the_standard_library(value: Any) -> None:
    assert json_text(value) == json.dumps(value)
    assert parse_json(json.dumps(value)) == value


@pytest.mark.parametrize("text", ["", "{", '{"a": 1,}', "[" * 100_000])
def test_what_is_no_json_is_refused_as_by_the_standard_library(text: str) -> None:
    with pytest.raises((ValueError, RecursionError)) as ours:
        parse_json(text)
    with pytest.raises((ValueError, RecursionError)) as theirs:
        json.loads(text)

    assert type(ours.value) is type(theirs.value)


def turns(work: Callable[[], object]) -> int:
    """Return how often Python's own functions were called: at each, another thread may go on."""
    counted = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal counted
        counted += event == "call"

    def counting() -> None:
        sys.setprofile(count)
        work()
        sys.setprofile(None)

    thread = threading.Thread(target=counting)
    thread.start()
    thread.join()
    return counted


def test_each_output_of_a_notebook_is_a_turn_for_others() -> None:
    outputs = [{"data": {"image/png": "x" * 100, "y": [0.5, 1.5]}} for _ in range(100)]
    notebook = {"cells": [{"outputs": outputs}]}
    text = json.dumps(notebook)

    assert turns(lambda: json.loads(text)) < 10
    assert turns(lambda: parse_json(text)) > 400
    assert turns(lambda: json.dumps(notebook)) < 10
    assert turns(lambda: json_text(notebook)) > 100
