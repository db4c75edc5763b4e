"""Many runs as one table: a row each, with a column for every parameter and every scrap."""

from __future__ import annotations

import importlib
import io
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from kernel_containers.core.json_values import strict_json
from kernel_containers.core.run_json import restored
from kernel_containers.core.scraps import PARQUET, is_table_schema
from kernel_containers.errors import InvalidInput, NotFound, Refused, Unavailable, UsageError
from kernel_containers.workflow.runs.run_filter import make_filter
from kernel_containers.workflow.runs.run_store import list_runs, read_file
from kernel_containers.workflow.runs.stores import READERS
from kernel_containers.workflow.runs.submit import place_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from kernel_containers.core.parameters import JsonValue
    from kernel_containers.core.uris import Uri
    from kernel_containers.workflow.runs.run_store import StoredRun

FACTS = (
    "run_id",
    "notebook",
    "status",
    "cause",
    "exit_code",
    "started",
    "seconds",
    "peak_memory",
    "image",
    "uri",
    "html",
    "problem",
)
PARAMETERS, SCRAPS = "parameters.", "scraps."


def read_runs(
    prefix: str,
    *,
    notebook: str | None = None,
    status: str | Iterable[str] = (),
    since: str | datetime | None = None,
    tables: bool = False,
) -> Any:
    """Return a DataFrame of the runs below a `file://` or `s3://` prefix or a folder, newest first.

    Every parameter is a column `parameters.NAME`, every scrap a column `scraps.NAME`. What is
    too large for a report, a table or a display, is the address of its file; with `tables` each
    table is read and is a DataFrame. `since` is a time, or such as `7d` or `2026-11-20`.
    Notebooks that papermill executed are runs too, and scraps of scrapbook are read.

    Raises:
        NotFound: the prefix does not exist.
        UsageError: there is no such status or time, or pandas is not installed.
        Refused, Unavailable: the store can't be listed.
    """
    pandas = _pandas()
    statuses = (status,) if isinstance(status, str) else tuple(status)
    found = list_runs(place_of(prefix), only=make_filter(notebook, statuses, since))
    rows = [row_of(run) for run in found]
    if tables:
        _read_tables(found, rows)
    columns = columns_of(rows)
    data = {name: [row.get(name) for row in rows] for name in columns}
    frame = pandas.DataFrame(data, columns=columns)
    frame["started"] = pandas.to_datetime(frame["started"], utc=True)
    return frame


def row_of(run: StoredRun) -> dict[str, Any]:
    """Return one run's facts, parameters and scraps by the names of their columns."""
    report = restored(run.report)
    facts = {name: report.get(name) for name in FACTS}
    facts |= {"run_id": run.run_id, "notebook": run.notebook, "uri": str(run.uri)}
    facts |= {"html": run.html, "problem": run.problem, "started": run.started}
    parameters = report.get("parameters")
    found = parameters if isinstance(parameters, dict) else {}
    return {
        **facts,
        **{PARAMETERS + name: value for name, value in found.items()},
        **{SCRAPS + name: value for name, value in scraps_of_run(run).items()},
    }


def parts_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as JSON: the facts, and `parameters` and `scraps` as objects of their own."""
    parts: dict[str, Any] = {name: row.get(name) for name in FACTS}
    parts["started"] = row["started"].isoformat() if row["started"] else None
    for prefix in (PARAMETERS, SCRAPS):
        parts[prefix.rstrip(".")] = {
            name.removeprefix(prefix): strict_json(value)
            for name, value in row.items()
            if name.startswith(prefix)
        }
    return parts


def scraps_of_run(run: StoredRun) -> dict[str, JsonValue]:
    """Return a run's scraps by name: values, and addresses of what has a file."""
    values: dict[str, JsonValue] = {}
    for file in _files(run.report):
        values[file["name"]] = str(_place(run.uri, file["path"]))
    written = run.report.get("scraps")
    values |= written if isinstance(written, dict) else {}
    for scrap in run.results:
        if scrap.kind == "value":
            values[scrap.name] = scrap.value
        else:
            values.setdefault(scrap.name, _ipynb(run))
    return values


def columns_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names of all columns: the facts, then parameters, then scraps, as they come."""
    seen = dict.fromkeys(name for row in reversed(rows) for name in row)
    return [
        *FACTS,
        *(name for name in seen if name.startswith(PARAMETERS)),
        *(name for name in seen if name.startswith(SCRAPS)),
    ]


def _files(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the report's scrap files; displays first, so that data of the same name wins."""
    files = report.get("scrap_files")
    known = [
        file
        for file in (files if isinstance(files, list) else [])
        if isinstance(file, dict)
        and all(isinstance(file.get(member), str) for member in ("name", "path", "kind"))
    ]
    return sorted(known, key=lambda file: file["kind"] != "display")


def _place(folder: Uri, path: str) -> Uri:
    return folder.join(*[part for part in path.split("/") if part not in ("", ".", "..")])


def _ipynb(run: StoredRun) -> str:
    outputs = run.report.get("outputs")
    ipynb = outputs.get("ipynb") if isinstance(outputs, dict) else None
    return str(ipynb or run.uri)


def _read_tables(runs: Sequence[StoredRun], rows: Sequence[dict[str, Any]]) -> None:
    """Put DataFrames in the place of their addresses."""
    wanted = []
    for run, row in zip(runs, rows, strict=True):
        for scrap in run.results:
            if scrap.kind == "table":
                row[SCRAPS + scrap.name] = to_frame(scrap.media_type, scrap.content)
        wanted += [
            (row, file["name"], file.get("media_type"), _place(run.uri, file["path"]))
            for file in _files(run.report)
            if file["kind"] == "table"
        ]
    with ThreadPoolExecutor(READERS) as pool:
        read = list(pool.map(lambda item: _read_or_none(item[3]), wanted))
    for (row, name, media, _), data in zip(wanted, read, strict=True):
        if data is not None:
            row[SCRAPS + name] = to_frame(media, data)


def _read_or_none(uri: Uri) -> bytes | None:
    try:
        return read_file(uri)
    except (NotFound, Refused, Unavailable):
        return None  # its address stays in the table


def to_frame(media_type: str | None, data: bytes) -> Any:
    """Return the DataFrame in a table's bytes.

    Raises:
        UsageError: pandas or pyarrow is not installed.
        InvalidInput: the bytes are no table.
    """
    pandas = _pandas()
    try:
        if media_type == PARQUET:
            return pandas.read_parquet(io.BytesIO(data), engine="pyarrow")
        if is_table_schema(json.loads(data)):
            return pandas.read_json(io.BytesIO(data), orient="table")
    except ImportError as error:
        raise UsageError(
            "Tables can't be read here.", why=str(error), todo="pip install pyarrow"
        ) from error
    except (ValueError, OSError) as error:  # pyarrow's errors are ValueErrors
        raise InvalidInput("A scrap is no table.", why=str(error)) from error
    raise InvalidInput("A scrap is no table.", why=f"its media type is {media_type}")


def _pandas() -> Any:
    try:
        return importlib.import_module("pandas")
    except ImportError as error:
        raise UsageError(
            "A DataFrame needs pandas.",
            why=str(error),
            todo="pip install pandas, or use `kernel-containers runs --table --json`",
        ) from error
