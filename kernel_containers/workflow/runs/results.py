"""Results of runs for looking through: a page of a prefix, one run, its files and its last plot."""

from __future__ import annotations

import base64
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kernel_containers.core.daemon_threads import DaemonThreads
from kernel_containers.core.large_json import parse_json
from kernel_containers.core.uris import CARD, NOTEBOOK, REPORT
from kernel_containers.errors import NotFound, Refused
from kernel_containers.workflow.runs.run_filter import time_of_run_id
from kernel_containers.workflow.runs.stores import READERS, open_file, open_store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kernel_containers.core.uris import Uri
    from kernel_containers.workflow.runs.store import Store

LATEST = "latest"
MOST_LOOKED_THROUGH = 50 * 1000**2  # bytes of a notebook; several may be looked at at once
SHOWCASE = "showcase"  # the tag of the cell whose plot stands for the notebook
_BAD_ENDS = ("failed", "timed-out", "cancelled")
_PICTURES = ("image/png", "image/jpeg")


class Place(NamedTuple):
    """A run's folder below a prefix; they sort by time, as the ids of runs begin with it."""

    run_id: str
    notebook: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot of a notebook."""

    type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Results:
    """What lies below one prefix as `<notebook>/<run id>/…`."""

    prefix: Uri

    def page(self, notebook: str | None, limit: int, after: str | None) -> dict[str, Any]:
        """Return up to `limit` runs, newest first, from below the cursor `after`.

        Only the reports of this page are read, however many runs there are. A prefix that nobody
        has written to yet is empty.

        Raises:
            Refused, Unavailable: the store can't be listed.
        """
        store = open_store(self.prefix)
        places = self._places(store)
        chosen = [place for place in places if notebook in (None, place.notebook)]
        if after:
            chosen = [place for place in chosen if "/".join(place) < after]
        shown = chosen[:limit]
        with DaemonThreads(READERS, "store") as pool:
            runs = list(pool.map(lambda place: self._summary(store, place), shown))
        return {
            "notebooks": sorted({place.notebook for place in places}),
            "runs": runs,
            "next": "/".join(shown[-1]) if len(chosen) > len(shown) else None,
        }

    def run(self, notebook: str, run_id: str) -> tuple[dict[str, Any], dict[str, Any], list[Uri]]:
        """Return a run's summary, its report and the places of its files.

        Raises:
            NotFound: there is no such run.
        """
        folder = self.folder(notebook, run_id)
        store = open_store(folder)
        try:
            names = sorted(store.walk(folder))
        except NotFound:
            names = []
        if not names:
            raise NotFound(f"There is no run {run_id!r} of {notebook!r} below {self.prefix}.")
        report = _report(store, folder)
        place = Place(folder.name, notebook)
        return summary(place, folder, report), report, [folder.join(name) for name in names]

    def folder(self, notebook: str, run_id: str) -> Uri:
        """Return a run's folder; `latest` is the notebook's newest run with a report.

        Raises:
            NotFound: the notebook has no run.
        """
        if run_id != LATEST:
            return self.prefix.join(notebook, run_id)
        store = open_store(self.prefix)
        for place in self._places(store, notebook):
            folder = self.prefix.join(notebook, place.run_id)
            if store.read(folder.join(REPORT)) is not None:
                return folder
        raise NotFound(f"There is no run of {notebook!r} below {self.prefix}.")

    def _places(self, store: Store, notebook: str | None = None) -> list[Place]:
        start = self.prefix.join(notebook) if notebook else self.prefix
        found: set[Place] = set()
        published: set[Place] = set()  # a gallery may lie among the runs
        try:
            for path in store.walk(start):
                parts = ([notebook] if notebook else []) + path.split("/")
                if len(parts) != 3:
                    continue
                place = Place(parts[1], parts[0])
                if parts[2] == CARD:
                    published.add(place)
                elif place not in found and _is_run(place.run_id, parts[2]):
                    found.add(place)
        except NotFound:
            if self.prefix.scheme == "s3":  # a bucket is made by somebody; a folder by a run
                raise
        return sorted(found - published, reverse=True)

    def _summary(self, store: Store, place: Place) -> dict[str, Any]:
        folder = self.prefix.join(place.notebook, place.run_id)
        return summary(place, folder, _report(store, folder))


def _is_run(run_id: str, name: str) -> bool:
    return name == REPORT or (name == NOTEBOOK and time_of_run_id(run_id) is not None)


def _report(store: Store, folder: Uri) -> dict[str, Any]:
    try:
        data = store.read(folder.join(REPORT))
        report = parse_json(data) if data is not None else {"status": "unfinished"}
    except Refused as error:  # others of the same prefix may be read
        report = {"status": "broken", "message": f"{error.what} {error.why or ''}".strip()}
    except (ValueError, RecursionError):
        report = None
    return report if isinstance(report, dict) else {"status": "broken"}


def summary(place: Place, uri: Uri, report: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a list shows of a run; a report of any other program does no harm."""
    outputs = _object(report.get("outputs"))
    return {
        "run_id": place.run_id,
        "notebook": place.notebook,
        "uri": str(uri),
        "status": str(report.get("status", "broken")),
        "cause": _text(report.get("cause")),
        "message": _text(report.get("message")) or "",
        "started": _text(report.get("started")),
        "seconds": _number(report.get("seconds")),
        "image": _text(report.get("image")),
        "parameters": _object(report.get("parameters")),
        "scraps": _object(report.get("scraps")),
        "failed_cell": _failed_cell(report.get("cells")),
        "html": "html" in outputs,
        "thumbnail": "ipynb" in outputs,
        "peak_memory": _number(report.get("peak_memory")),
    }


def _failed_cell(cells: object) -> int | None:
    for cell in cells if isinstance(cells, list) else ():
        if isinstance(cell, dict) and cell.get("status") in _BAD_ENDS:
            index = cell.get("index")
            return index if isinstance(index, int) else None
    return None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def showcase_of(uri: Uri) -> Picture:
    """Return the last plot of an executed notebook, of cells tagged `showcase` if they have one.

    Raises:
        NotFound: it has none, or is too large to be looked through.
    """
    with closing(open_file(uri)) as opened:
        if opened.size > MOST_LOOKED_THROUGH:
            raise NotFound("The notebook is too large to be looked through for a picture.")
        return showcase(b"".join(opened.blocks(0, opened.size)))


def showcase(data: bytes) -> Picture:
    """Return the last plot of a notebook's text, as `showcase_of` does.

    Raises:
        NotFound: it has none.
    """
    try:
        notebook = parse_json(data)
        last_first = notebook["cells"][::-1] if isinstance(notebook, dict) else []
        for cell in sorted(last_first, key=lambda cell: not _is_showcase(cell)):
            for output in reversed(cell.get("outputs", ())):
                if picture := _picture(_object(output.get("data"))):
                    return picture
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise NotFound("The notebook shows no picture.")


def _is_showcase(cell: Mapping[str, Any]) -> bool:
    return SHOWCASE in _object(cell.get("metadata")).get("tags", ())


def _picture(data: Mapping[str, Any]) -> Picture | None:
    for kind in _PICTURES:
        if kind in data:
            text: str | Sequence[str] = data[kind]
            return Picture(kind, base64.b64decode(text if isinstance(text, str) else "".join(text)))
    return None


def size_of(uri: Uri) -> int | None:
    """Return a file's bytes; None where the store would have to be asked."""
    return Path(uri.path).stat().st_size if uri.scheme == "file" else None
