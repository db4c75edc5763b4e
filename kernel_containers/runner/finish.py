"""The last part of a run: its outputs are rendered and written, and the report says so."""

from __future__ import annotations

import html
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel_containers.core.run_json import report_to_json
from kernel_containers.core.runs import EXIT_CODES, RunReport
from kernel_containers.core.uris import LOG, NOTEBOOK, PAGE, REPORT
from kernel_containers.errors import OutputsNotWritten
from kernel_containers.runner import notebook_file
from kernel_containers.runner.figures import show_figures
from kernel_containers.runner.outputs import Outputs, keep_locally, to_json
from kernel_containers.runner.report import facts_of, latest_pointer, parameter_texts
from kernel_containers.runner.scraps import split_scraps
from kernel_containers.runner.spill import FilePieces, Spill

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kernel_containers.core.contract import Contract
    from kernel_containers.core.scraps import ScrapFile
    from kernel_containers.core.uris import Uri
    from kernel_containers.runner.arguments import Arguments
    from kernel_containers.runner.events import Events
    from kernel_containers.runner.places import Content
    from kernel_containers.runner.shelf import Shelf


def placeholder(title: str) -> bytes:
    """Return a page that says that the run has begun."""
    text = html.escape(title)
    return (
        f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>{text}</title>'
        f"<p>The run of {text} has started. This page is replaced when it ends.</p></html>\n"
    ).encode()


def finish(
    outputs: Outputs,
    report: RunReport,
    notebook: Any,
    events: Events,
    *,
    shelf: Shelf,
    spill: Spill,
    kept: Path,
    log_folder: Path,
    contract: Contract,
    arguments: Arguments,
    end_kernel: Callable[[], int | None],
) -> RunReport:
    """Write all outputs and return the final report.

    `notebook` has its secrets masked and may be changed. What a place refuses is saved in `kept`.
    """
    ipynb = notebook_file.to_document(notebook, shelf)
    outputs.finish_checkpoint()
    failures = _write(outputs, "ipynb", ipynb)
    page, references = _page(report, notebook, events, contract, arguments)
    html_page = shelf.in_page(page)
    failures += _write(outputs, "html", html_page)
    beside = spill.finish()
    failures += _bring(outputs, spill)
    if arguments.pdf:
        name = f"{outputs.destination.beside()[1]}notebook.pdf"
        beside[name] = outputs.destination.beside()[0].join(name)
        failures += _write_pdf(outputs, beside[name], html_page, log_folder)
    scraps, files = split_scraps(notebook)
    failures += _write_scraps(outputs, files)
    report = replace(
        report,
        peak_memory=end_kernel(),
        external_references=references,
        scraps=scraps,
        scrap_files=tuple(files),
        outputs={**report.outputs, **{name: str(uri) for name, uri in beside.items()}},
        warnings=tuple(events.warnings),
    )
    last = write_last(outputs, _with_failures(report, failures), events, log_folder)
    report = _with_failures(report, [*failures, *last])
    if report.cause == "outputs":
        contents: dict[str, Content] = {NOTEBOOK: ipynb, PAGE: html_page}
        contents |= {path.name: FilePieces(path) for _, path in spill.to_bring()}
        contents |= {file.path: [data] for file, data in files.items()}
        contents[REPORT] = [to_json(report_to_json(report))]
        where = keep_locally(kept, contents)
        report = replace(report, message=f"{report.message}\n{_where(where)}")
    return report


def _write_pdf(outputs: Outputs, uri: Uri, page: Content, folder: Path) -> list[OutputsNotWritten]:
    from kernel_containers.runner.pdf import print_page  # noqa: PLC0415

    try:
        file = FilePieces(print_page(page, folder))
        outputs.write_to(uri, file, "application/pdf")
    except OutputsNotWritten as error:
        return [error]
    return []


def _bring(outputs: Outputs, spill: Spill) -> list[OutputsNotWritten]:
    failures = []
    for uri, path in spill.to_bring():
        try:
            outputs.write_to(uri, FilePieces(path), "application/octet-stream")
        except OutputsNotWritten as error:
            failures.append(error)
    return failures


def write_last(
    outputs: Outputs, report: RunReport, events: Events, folder: Path
) -> list[OutputsNotWritten]:
    """Write the report, the log and, when those are there and a cell began, the pointer to them."""
    failures = _write(outputs, "report", [to_json(report_to_json(report))])
    events.end(report, only_file=True)
    events.close()
    failures += _write(outputs, "log", FilePieces(folder / LOG))
    if not failures and (report.exit_code == 0 or any(cell.started for cell in report.cells)):
        failures = _write(outputs, "latest", [to_json(latest_pointer(report))])
    return failures


def _write(outputs: Outputs, kind: str, data: Content) -> list[OutputsNotWritten]:
    try:
        outputs.write(kind, data)
    except OutputsNotWritten as error:
        return [error]
    return []


def _write_scraps(outputs: Outputs, files: Mapping[ScrapFile, bytes]) -> list[OutputsNotWritten]:
    for file, data in files.items():
        try:
            outputs.write_beside(file.path, [data], file.media_type)
        except OutputsNotWritten as error:
            return [error]  # the others would say the same
    return []


def _with_failures(report: RunReport, failures: list[OutputsNotWritten]) -> RunReport:
    if not failures:
        return report
    words = [] if report.cause == "completed" else [report.message]
    told = set()
    for failure in failures:
        reason = failure.why, failure.todo
        words.append(failure.what if reason in told else str(failure))
        told.add(reason)
    return replace(
        report,
        status="failed",
        cause="outputs",
        exit_code=EXIT_CODES["outputs"],
        message="\n".join(words),
    )


def _where(folder: Path | None) -> str:
    if folder is None:
        return "This container has no room for a copy either."
    return f"A copy is in {folder} of this container; `docker cp` gets it."


def _page(
    report: RunReport, notebook: Any, events: Events, contract: Contract, arguments: Arguments
) -> tuple[str, tuple[str, ...]]:
    from kernel_containers.runner import render  # noqa: PLC0415 - 0.3 s, while the kernel is silent

    failing = next(
        (cell for cell in report.cells if cell.status not in ("succeeded", "skipped", "not-run")),
        None,
    )
    number = [cell.index for cell in report.cells].index(failing.index) + 1 if failing else 0
    anchors = [f"cell-id={name}" for name in render.anchors(notebook["cells"])]
    facts = render.Facts(
        title=Path(report.notebook).stem,
        status=report.status,
        facts=facts_of(report),
        parameters=parameter_texts(report.parameters),
        message=report.message.partition("\n")[0],
        warnings=tuple(events.warnings),
        unrun=tuple(
            (anchors[cell.index], cell.status.replace("-", " "))
            for cell in report.cells
            if cell.status in ("not-run", "skipped")
        ),
        failing=None if failing is None else {"anchor": anchors[failing.index], "number": number},
    )
    try:
        show_figures(notebook, contract)
        page = render.render(
            notebook,
            facts,
            Path(contract.working_directory),
            hide_input=arguments.hide_input,
            template=arguments.html_template,
        )
    except Exception as error:  # noqa: BLE001 - a page must not cost the run its other outputs
        events.warn(f"The page could not be rendered: {error!r}")
        page = _plain_page(facts.title, report.message, traceback.format_exc())
    return page, render.external_references(page)


def _plain_page(title: str, message: str, why: str) -> str:
    return (
        f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<p>{html.escape(message)}</p><p>The notebook could not be rendered:</p>"
        f"<pre>{html.escape(why)}</pre></html>\n"
    )
