"""The outputs of a run beside those that a notebook was saved with.

Not compared are stderr (warnings, logs and progress bars), tracebacks, execution counts, the ids of
widgets, and cells that were never run in the saved notebook or are tagged `nbval-ignore-output`.
Pieces of a stream are joined. Pictures count as the same when they look the same.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from kernel_containers.core.cells import INJECTED_TAG, tags_of
from kernel_containers.errors import InvalidInput
from kernel_containers.notebook.normalise import html_text, normalised, plain_text, set_aside
from kernel_containers.notebook.pictures import are_similar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Result = Literal["same", "alike", "different", "not-compared"]

IGNORE_TAG = "nbval-ignore-output"
_LONGEST_DIFF = 12  # lines
_LONGEST_LINE = 160  # characters
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_MARKUP = ("text/html", "image/svg+xml", "application/xhtml+xml")
_WIDGET = "application/vnd.jupyter.widget-view+json"
_SCRAPS = ("application/scrapbook.", "application/vnd.kernel-containers.")


@dataclass(frozen=True, slots=True, kw_only=True)
class CellComparison:
    """How a cell's outputs compare. `index` counts the notebook's cells, `number` its code cells.

    `set_aside` names what differs and does not count; `diff` are lines of a unified diff.
    """

    index: int
    number: int
    cell_id: str
    result: Result
    reason: str = ""
    set_aside: tuple[str, ...] = ()
    diff: tuple[str, ...] = ()


class _Item(NamedTuple):
    """One thing that a cell shows: its parts by media type."""

    kind: str  # text, shown or error
    parts: dict[str, Any]


class _Difference(Exception):
    """Two outputs are not the same."""

    def __init__(self, reason: str, diff: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.diff = tuple(diff)


def compare_notebooks(
    saved: Mapping[str, Any], new: Mapping[str, Any], known: Mapping[str, str]
) -> tuple[CellComparison, ...]:
    """Return how each code cell with something in it compares.

    `known` are names and folders of the two machines, with a word for each.
    """
    cells = [cell for cell in new["cells"] if INJECTED_TAG not in tags_of(cell)]
    olds = [cell for cell in saved["cells"] if INJECTED_TAG not in tags_of(cell)]
    found: list[CellComparison] = []
    for index, old in enumerate(olds):
        if old.get("cell_type") != "code" or not _text(old.get("source", "")).strip():
            continue
        cell = cells[index] if index < len(cells) else {}
        found.append(_compare(index, len(found) + 1, old, cell, known))
    return tuple(found)


def _compare(
    index: int,
    number: int,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    known: Mapping[str, str],
) -> CellComparison:
    reason = _why_not_compared(old)
    result: Result = "not-compared" if reason else "same"
    aside: tuple[str, ...] = ()
    diff: tuple[str, ...] = ()
    if not reason:
        try:
            aside = _differences_aside(list(_items(old)), list(_items(new)), known)
            result = "alike" if aside else "same"
        except _Difference as difference:
            result, reason, diff = "different", difference.reason, difference.diff
    return CellComparison(
        index=index,
        number=number,
        cell_id=str(old.get("id") or new.get("id") or ""),
        result=result,
        reason=reason,
        set_aside=aside,
        diff=diff,
    )


def _why_not_compared(old: Mapping[str, Any]) -> str:
    if IGNORE_TAG in tags_of(old):
        return f"it is tagged {IGNORE_TAG}"
    if old.get("execution_count") is None and not old.get("outputs"):
        return "it was not run when the notebook was saved"
    return ""


def _items(cell: Mapping[str, Any]) -> Iterator[_Item]:
    said: list[str] = []
    for output in cell.get("outputs") or ():
        kind = output.get("output_type")
        if kind == "stream":
            if output.get("name") != "stderr":
                said.append(_text(output.get("text", "")))
            continue
        if "".join(said).strip():
            yield _Item("text", {"text/plain": "".join(said)})
        said = []
        if kind == "error":
            text = f"{output.get('ename')}: {output.get('evalue')}"
            yield _Item("error", {"text/plain": text})
        else:
            yield _Item("shown", _parts(output))
    if "".join(said).strip():
        yield _Item("text", {"text/plain": "".join(said)})


def _parts(output: Mapping[str, Any]) -> dict[str, Any]:
    data = output.get("data")
    if not isinstance(data, dict):
        return {}
    return {media: value for media, value in data.items() if not media.startswith(_SCRAPS)}


def _differences_aside(
    old: list[_Item], new: list[_Item], known: Mapping[str, str]
) -> tuple[str, ...]:
    """Return what differs and does not count.

    Raises:
        _Difference: something that counts differs.
    """
    if [item.kind for item in old] != [item.kind for item in new]:
        names = [", ".join(map(_name, items)) or "nothing" for items in (old, new)]
        diff = _diff(*(_as_lines(items, known) for items in (old, new)))
        raise _Difference(f"the notebook shows {names[0]}, the run {names[1]}", diff)
    aside: dict[str, None] = {}
    for one, other in zip(old, new, strict=True):
        aside |= dict.fromkeys(_compare_items(one, other, known))
    return tuple(aside)


def _compare_items(old: _Item, new: _Item, known: Mapping[str, str]) -> list[str]:
    both = old.parts.keys() & new.parts.keys()
    rich = both - {"text/plain"}
    for media in sorted((old.parts.keys() ^ new.parts.keys()) - {"text/plain"}):
        where = "the notebook" if media in old.parts else "the run"
        raise _Difference(f"only {where} shows {media}", _diff_of(old, new, known))
    aside: list[str] = []
    for media in sorted(rich) or sorted(both):
        aside += _compare_parts(media, old.parts[media], new.parts[media], known)
    return aside


def _compare_parts(media: str, old: Any, new: Any, known: Mapping[str, str]) -> list[str]:
    if old == new or media == _WIDGET:
        return []
    if media in _PICTURES:
        return _compare_pictures(media, _text(old), _text(new))
    saved, text = _readable(media, old), _readable(media, new)
    aside = set_aside(saved, text, known)
    if aside is None:
        lines = [normalised(part, known).split("\n") for part in (saved, text)]
        name = "text" if media == "text/plain" else media
        raise _Difference(f"the {name} differs", _diff(*lines))
    return list(aside)


def _compare_pictures(media: str, old: str, new: str) -> list[str]:
    if old.split() == new.split():
        return []
    try:
        similar = are_similar(base64.b64decode(old), base64.b64decode(new))
    except (binascii.Error, ValueError, InvalidInput):
        similar = False
    if not similar:
        raise _Difference(f"the picture ({media}) looks different")
    return ["bytes of a picture"]


def _readable(media: str, value: Any) -> str:
    if media in _MARKUP:
        return html_text(_text(value))
    if isinstance(value, str | list) and not media.endswith("json"):
        return plain_text(_text(value))
    return json.dumps(value, indent=1, ensure_ascii=False)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "".join(map(str, value))
    return value if isinstance(value, str) else str(value)


def _name(item: _Item) -> str:
    if item.kind == "error":
        return "an error"
    if item.kind == "text":
        return "text"
    best = [media for media in item.parts if media != "text/plain"]
    return best[0] if best else "a value"


def _as_lines(items: list[_Item], known: Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    for item in items:
        text = item.parts.get("text/plain")
        shown = f"[{_name(item)}]" if text is None else plain_text(_text(text))
        lines += normalised(shown, known).split("\n")
    return lines


def _diff_of(old: _Item, new: _Item, known: Mapping[str, str]) -> tuple[str, ...]:
    return _diff(_as_lines([old], known), _as_lines([new], known))


def _diff(old: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    lines = list(difflib.unified_diff(old, new, "notebook", "run", lineterm="", n=1))
    more = [f"… and {len(lines) - _LONGEST_DIFF} more lines"] if len(lines) > _LONGEST_DIFF else []
    return tuple(line[:_LONGEST_LINE] for line in [*lines[:_LONGEST_DIFF], *more])
