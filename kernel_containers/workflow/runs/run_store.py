"""Results of runs, wherever they were written.

A run is a folder with `report.json`, at any depth below a prefix. Without the report it is
unfinished. A notebook that stands alone, and that papermill, scrapbook or an image executed, is a
run too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from kernel_containers.core.daemon_threads import DaemonThreads
from kernel_containers.core.uris import CARD, NOTEBOOK, REPORT
from kernel_containers.errors import InvalidInput, NotFound, Refused, Unavailable
from kernel_containers.notebook.executed import read_executed, report_from_notebook
from kernel_containers.workflow.runs.run_filter import RunFilter, time_of, time_of_run_id
from kernel_containers.workflow.runs.stores import READERS, open_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kernel_containers.core.scraps import Scrap
    from kernel_containers.core.uris import Uri
    from kernel_containers.workflow.runs.store import Store

_EVERY = RunFilter()
_OLDEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """One run. `uri` is its folder, or its notebook where that stands alone.

    `report` is the JSON object as written; of a run without one it has what its notebook tells.
    `problem` says why there is none. `results` are the scraps of such a notebook.
    """

    uri: Uri
    notebook: str
    run_id: str
    report: dict[str, Any]
    problem: str | None = None
    results: tuple[Scrap, ...] = field(default=(), repr=False)

    @property
    def html(self) -> str | None:
        """Where the run's HTML is, as the report says."""
        outputs = self.report.get("outputs")
        value = outputs.get("html") if isinstance(outputs, dict) else None
        return str(value) if value else None

    @property
    def status(self) -> str:
        """How it ended: a status of a report, `unfinished` or `broken`."""
        return str(self.report["status"])

    @property
    def started(self) -> datetime | None:
        """When it began, as far as anybody knows."""
        return time_of(self.report.get("started")) or time_of_run_id(self.run_id)


@dataclass(frozen=True, slots=True)
class _Candidate:
    uri: Uri
    notebook: str
    run_id: str
    files: frozenset[str]  # in the run's folder; nothing for a notebook that stands alone


def list_runs(prefix: Uri, *, only: RunFilter = _EVERY) -> list[StoredRun]:
    """Return the runs below a prefix, newest first.

    A run that can't be read is in the list, with the reason.

    Raises:
        NotFound: the prefix or its bucket does not exist.
        Refused, Unavailable: the store can't be listed, in its own words.
    """
    store = open_store(prefix)
    candidates = [item for item in _candidates(store, prefix) if only.may_have(item.run_id)]
    with DaemonThreads(READERS, "store") as pool:
        read = pool.map(lambda candidate: _read(store, candidate), candidates)
        runs = [run for run in read if run is not None and _passes(run, only)]
    return sorted(runs, key=lambda run: (run.started or _OLDEST, run.run_id), reverse=True)


def read_run(prefix: Uri, run_id: str) -> StoredRun:
    """Return one run; `latest` means the newest one with a report, else the newest.

    Raises:
        NotFound: no such run.
    """
    runs = list_runs(prefix)
    if run_id == "latest":
        runs = [run for run in runs if run.problem is None] or runs
    for run in runs:
        if run_id in ("latest", run.run_id):
            return run
    raise NotFound(
        f"There is no run {run_id!r} below {prefix}.",
        todo="list them with `kernel-containers runs --prefix URI`",
    )


def read_file(uri: Uri) -> bytes:
    """Return the bytes of one output.

    Raises:
        NotFound: it does not exist.
    """
    data = open_store(uri).read(uri)
    if data is None:
        raise NotFound(f"{uri} does not exist.")
    return data


def _passes(run: StoredRun, only: RunFilter) -> bool:
    return only.has(notebook=run.notebook, status=run.status, started=run.started)


def _candidates(store: Store, prefix: Uri) -> Iterator[_Candidate]:
    folders: dict[str, set[str]] = {}
    for path in store.walk(prefix):
        folder, _, name = path.rpartition("/")
        if name in (REPORT, CARD) or name.endswith(".ipynb"):
            folders.setdefault(folder, set()).add(name)
    for folder, names in sorted(folders.items()):
        # What was published is no run, and a gallery may lie among the runs.
        if not {CARD, NOTEBOOK} <= names:
            yield from _candidates_in(prefix, folder, names - {CARD})


def _candidates_in(prefix: Uri, folder: str, names: Iterable[str]) -> Iterator[_Candidate]:
    place = prefix.join(*folder.split("/")) if folder else prefix
    is_ours = time_of_run_id(place.name) is not None
    if REPORT in names or (is_ours and NOTEBOOK in names):
        notebook = PurePosixPath(place.path).parent.name
        yield _Candidate(place, notebook, place.name, frozenset(names))
        return
    for name in sorted(names):
        run_id = str(PurePosixPath(folder, name).with_suffix(""))
        yield _Candidate(place.join(name), PurePosixPath(name).stem, run_id, frozenset())


def _read(store: Store, candidate: _Candidate) -> StoredRun | None:
    """Return a run; None for files of other programs that only look like one."""
    try:
        if not candidate.files:
            return _from_notebook(store, candidate, candidate.uri)
        if REPORT in candidate.files:
            return _from_report(store, candidate)
        return _unfinished(store, candidate)
    except (Refused, Unavailable) as error:
        return _broken(candidate, str(error).replace("\n", " "))


def _from_report(store: Store, candidate: _Candidate) -> StoredRun | None:
    data = store.read(candidate.uri.join(REPORT))
    try:
        report = json.loads(data or b"")
    except (ValueError, RecursionError) as error:
        return _broken(candidate, f"{REPORT} is no JSON: {error}") if _is_ours(candidate) else None
    if not isinstance(report, dict) or not isinstance(report.get("status"), str):
        return _broken(candidate, f"{REPORT} is of no run") if _is_ours(candidate) else None
    return _run(candidate, report)


def _is_ours(candidate: _Candidate) -> bool:
    """Whether a folder is a run's whatever its report says; others write a report.json too."""
    return NOTEBOOK in candidate.files or time_of_run_id(candidate.run_id) is not None


def _unfinished(store: Store, candidate: _Candidate) -> StoredRun:
    problem = f"there is no {REPORT}: it still runs, or was lost"
    try:
        found = _from_notebook(store, candidate, candidate.uri.join(NOTEBOOK))
    except InvalidInput:
        found = None
    report = found.report if found else {}
    results = found.results if found else ()
    return _run(candidate, {**report, "status": "unfinished"}, problem, results)


def _from_notebook(store: Store, candidate: _Candidate, uri: Uri) -> StoredRun | None:
    data = store.read(uri)
    if data is None:
        return None
    try:
        report, results = report_from_notebook(read_executed(data))
    except InvalidInput as error:
        return _broken(candidate, f"{error.what} {error.why or ''}".strip())
    if not report:
        return None
    return _run(candidate, {**report, "outputs": {"ipynb": str(uri)}}, None, results)


def _broken(candidate: _Candidate, problem: str) -> StoredRun:
    return _run(candidate, {"status": "broken"}, problem)


def _run(
    candidate: _Candidate,
    report: dict[str, Any],
    problem: str | None = None,
    results: tuple[Scrap, ...] = (),
) -> StoredRun:
    named = None if candidate.files else report.get("notebook")
    return StoredRun(
        uri=candidate.uri,
        notebook=str(named or candidate.notebook),
        run_id=candidate.run_id,
        report=report,
        problem=problem,
        results=results,
    )
