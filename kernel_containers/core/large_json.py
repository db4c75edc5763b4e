"""JSON of any size, read and written without stopping the other threads of the process.

The decoder and encoder of the standard library are C code that gives way at no point of its own:
50 MB of plots kept a server's loop from all kernels for seconds, though a thread read them. They
do where they call a function of Python.
"""

from __future__ import annotations

import json
from json import JSONEncoder
from typing import Any

_DEEPEST = 6  # levels that are written one by one; below them a value is one piece


def parse_json(data: bytes | str) -> Any:
    """Return what `json.loads` does, and raise what it raises.

    Each object and each number with a fraction is a turn for others.
    """
    return json.loads(data, object_pairs_hook=_as_dict, parse_float=_as_float)


def json_text(value: Any, *, ensure_ascii: bool = True) -> str:
    """Return what `json.dumps` does with JSON's own types.

    Each value on the upper levels is a turn for others.
    """
    return "".join(_pieces(value, JSONEncoder(ensure_ascii=ensure_ascii), _DEEPEST))


def _pieces(value: Any, encoder: JSONEncoder, levels: int) -> list[str]:
    if levels == 0 or not value or not isinstance(value, (dict, list)):
        return [encoder.encode(value)]
    pieces: list[str] = []
    if isinstance(value, dict):
        for name, item in value.items():
            pieces += [", ", encoder.encode(name), ": ", *_pieces(item, encoder, levels - 1)]
        return ["{", *pieces[1:], "}"]
    for item in value:
        pieces += [", ", *_pieces(item, encoder, levels - 1)]
    return ["[", *pieces[1:], "]"]


def _as_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(pairs)


def _as_float(text: str) -> float:
    return float(text)
