"""Scraps: the named results among the outputs of a notebook.

Read is what `scrap()` of this package, scrapbook's `glue()` and papermill's older `record()` and
`display()` write.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from kernel_containers.core.cells import outputs_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kernel_containers.core.parameters import JsonValue

ScrapKind = Literal["value", "table", "display"]

SCRAPBOOK = "application/scrapbook.scrap"
PARQUET_MEDIA = f"{SCRAPBOOK}.pandas+json"
_OWN = "application/vnd.kernel-containers.scrap+json"
_PAPERMILL = "application/papermill.record"

PARQUET = "application/vnd.apache.parquet"
TABLE_SCHEMA = "application/vnd.dataresource+json"
JSON = "application/json"
# Of what a display offers, the first of these is kept; of any other media type, the first.
_BEST = ("image/svg+xml", "image/png", "image/jpeg", "image/gif", "text/html", "text/latex")
_WORST = "text/plain"
_TEXTS = ("text/", "image/svg+xml", "application/javascript")
SUFFIXES = {
    PARQUET: ".parquet",
    TABLE_SCHEMA: ".json",
    JSON: ".json",
    "image/svg+xml": ".svg",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "application/pdf": ".pdf",
    "text/html": ".html",
    "text/latex": ".tex",
    "text/markdown": ".md",
    "text/plain": ".txt",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrap:
    """A result. `value` is a value's own; `data` is a file's content of the media type."""

    name: str
    kind: ScrapKind
    media_type: str = JSON
    value: JsonValue = None
    data: bytes = b""

    @property
    def content(self) -> bytes:
        """The bytes of a file that holds this scrap."""
        return self.data or json.dumps(self.value).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrapFile:
    """Where a scrap is that does not stand in the report: `path` is relative to the report."""

    name: str
    kind: ScrapKind
    path: str
    media_type: str
    size: int  # bytes


def scraps_of(notebook: Mapping[str, Any]) -> tuple[Scrap, ...]:
    """Return a notebook's scraps, in the order of their names' last appearance.

    Of one name the last is meant: at most one value or table, and a display where it was shown
    too, by the same output or the one that follows.
    """
    found: dict[str, list[Scrap]] = {}
    for cell in notebook.get("cells", ()):
        before = ""
        for output in outputs_of(cell):
            name, scraps = _scraps_in(output)
            if not scraps:
                before = ""
                continue
            only_shown = all(scrap.kind == "display" for scrap in scraps)
            earlier = found.pop(name, [])
            kept = earlier if only_shown and before == name else []
            found[name] = [scrap for scrap in kept if scrap.kind != "display"] + scraps
            before = name
    return tuple(scrap for scraps in found.values() for scrap in scraps)


def _scraps_in(output: Mapping[str, Any]) -> tuple[str, list[Scrap]]:
    data, metadata = output.get("data"), output.get("metadata")
    if not isinstance(data, dict):
        return "", []
    scraps = [scrap for media, payload in data.items() for scrap in _recorded(media, payload)]
    name = scraps[0].name if scraps else ""
    shown = _shown_name(metadata) if isinstance(metadata, dict) else None
    if shown and name in ("", shown):
        name = shown
        scraps += _display(shown, data)
    return name, scraps


def _recorded(media: str, payload: Any) -> Iterator[Scrap]:
    if not isinstance(payload, dict):
        return
    if media.startswith(_PAPERMILL):
        for name, value in list(payload.items())[:1]:  # it has one
            yield Scrap(name=name, kind="value", value=value)
    elif media.startswith(SCRAPBOOK) or media == _OWN:
        name, value = payload.get("name"), payload.get("data")
        if isinstance(name, str):
            yield _scrap(name, media, value)


def _scrap(name: str, media: str, value: Any) -> Scrap:
    if media == PARQUET_MEDIA and isinstance(value, str):
        return Scrap(name=name, kind="table", media_type=PARQUET, data=_decoded(value))
    if is_table_schema(value):
        return Scrap(name=name, kind="table", media_type=TABLE_SCHEMA, value=value)
    return Scrap(name=name, kind="value", value=value)


def parquet_of(payload: Any) -> bytes:
    """Return the table in an output's PARQUET_MEDIA; nothing where there is none."""
    value = payload.get("data") if isinstance(payload, dict) else None
    return _decoded(value) if isinstance(value, str) else b""


def is_table_schema(value: Any) -> bool:
    """Whether a JSON value is a table as pandas writes it with `orient="table"`."""
    if not isinstance(value, dict) or set(value) != {"schema", "data"}:
        return False
    schema = value["schema"]
    return isinstance(schema, dict) and "fields" in schema and "pandas_version" in schema


def _shown_name(metadata: Mapping[str, Any]) -> str | None:
    scrapbook, papermill = metadata.get("scrapbook"), metadata.get("papermill")
    if isinstance(scrapbook, dict) and scrapbook.get("display"):
        name = scrapbook.get("name")
    else:
        name = papermill.get("name") if isinstance(papermill, dict) else None
    return name if isinstance(name, str) else None


def _display(name: str, data: Mapping[str, Any]) -> list[Scrap]:
    offered = [media for media in data if not media.startswith((SCRAPBOOK, _OWN, _PAPERMILL))]
    rest = [media for media in offered if media not in (*_BEST, _WORST)]
    for media in (*_BEST, *rest, _WORST):
        if media in offered:
            content = _content(media, data[media])
            return [Scrap(name=name, kind="display", media_type=media, data=content)]
    return []


def _content(media: str, value: Any) -> bytes:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "".join(value)
    if not isinstance(value, str):
        return json.dumps(value).encode()
    if media.startswith(_TEXTS) or media.endswith("+json"):
        return value.encode(errors="replace")
    return _decoded(value)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return text.encode(errors="replace")
