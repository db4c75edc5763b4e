"""Named results of a run: in the report, or in files beside it."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from kernel_containers.core.reference import slug
from kernel_containers.core.scraps import (
    PARQUET_MEDIA,
    SUFFIXES,
    Scrap,
    ScrapFile,
    parquet_of,
    scraps_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.core.parameters import JsonValue
    from kernel_containers.runner.masking import Masker

FOLDER = "scraps"
_LONGEST_KEPT = 100_000  # characters of a value's JSON in the report


def split_scraps(
    notebook: Mapping[str, Any],
) -> tuple[dict[str, JsonValue], dict[ScrapFile, bytes]]:
    """Return a notebook's small values by name, and the files that hold the rest."""
    values: dict[str, JsonValue] = {}
    files: dict[ScrapFile, bytes] = {}
    taken: Counter[str] = Counter()
    for scrap in scraps_of(notebook):
        if scrap.kind == "value" and len(json.dumps(scrap.value)) <= _LONGEST_KEPT:
            values[scrap.name] = scrap.value
        else:
            file = _file(scrap, taken)
            files[file] = scrap.content
    return values, files


def _file(scrap: Scrap, taken: Counter[str]) -> ScrapFile:
    stem = slug(scrap.name)
    suffix = SUFFIXES.get(scrap.media_type, ".json" if "json" in scrap.media_type else ".bin")
    taken[stem + suffix] += 1
    count = taken[stem + suffix]
    return ScrapFile(
        name=scrap.name,
        kind=scrap.kind,
        path=f"{FOLDER}/{stem if count == 1 else f'{stem}.{count}'}{suffix}",
        media_type=scrap.media_type,
        size=len(scrap.content),
    )


def withhold_tables(notebook: Any, masker: Masker) -> None:
    """Take the tables that hold a secret out of a notebook, which says so in their place.

    Their bytes are no text in which a secret could be masked.
    """
    if not masker.longest:
        return
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            data = output.get("data") or {}
            content = parquet_of(data.get(PARQUET_MEDIA))
            if content and masker.is_in(content):
                del data[PARQUET_MEDIA]
                data["text/plain"] = "[A table was left out: it holds a secret]"
