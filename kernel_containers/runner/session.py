"""One run from its request to its report."""

from __future__ import annotations

import hashlib
import os
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel_containers.core.contract import IMAGE_VARIABLE
from kernel_containers.core.json_values import strict_json
from kernel_containers.core.runs import EXIT_CODES, CellReport, RunReport
from kernel_containers.core.uris import LOG
from kernel_containers.errors import InvalidInput, OutputsNotWritten
from kernel_containers.runner import notebook_file, papermill
from kernel_containers.runner.death import Deaths
from kernel_containers.runner.events import Events, describe_output, utc_text
from kernel_containers.runner.imports import Imports
from kernel_containers.runner.inject import apply_values
from kernel_containers.runner.kernel import KernelProcess, start_kernel
from kernel_containers.runner.masking import SHORTEST, Masker, secrets_in
from kernel_containers.runner.memory import find_memory_files
from kernel_containers.runner.outputs import Outputs, find_destination
from kernel_containers.runner.patience import Patience
from kernel_containers.runner.report import shown_parameters, status_for, without_cells
from kernel_containers.runner.request import Given, gather, read_sources
from kernel_containers.runner.shelf import Shelf
from kernel_containers.runner.spill import Spill
from kernel_containers.runner.stopping import Reaper
from kernel_containers.runner.verdict import Ended
from kernel_containers.runner.watch import limits_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.core.contract import Contract
    from kernel_containers.core.runs import Cause
    from kernel_containers.runner.arguments import Arguments
    from kernel_containers.runner.execute import Execution
    from kernel_containers.runner.inject import SetValue
    from kernel_containers.runner.shelf import Document
    from kernel_containers.runner.stopping import Stop
    from kernel_containers.runner.verdict import Outcome


class Session:
    """A run; used once."""

    def __init__(
        self,
        arguments: Arguments,
        contract: Contract,
        manifest: bytes,
        *,
        folder: Path,
        stop: Stop,
        environ: Mapping[str, str],
    ) -> None:
        self._arguments = arguments
        self._contract = contract
        self._manifest_sha256 = hashlib.sha256(manifest).hexdigest()
        self._folder = folder
        self._stop = stop
        self._environ = environ
        self._begin = time.monotonic()
        self._started = time.time()
        self._patience = Patience(
            stop,
            grace=arguments.grace,
            deadline=None if arguments.timeout is None else self._begin + arguments.timeout,
        )
        as_text = arguments.log_format == "text" or (
            arguments.log_format is None and sys.stdout.isatty()
        )
        self._events = Events(sys.stdout.buffer, as_text=as_text)
        self._events.keep(folder / LOG)
        self._deaths = Deaths(find_memory_files())
        self._masker = Masker(())
        self._given = Given(values={})
        self._notebook: Any = None
        self._set_values: Mapping[str, SetValue] = {}
        self._outputs: Outputs
        self._shelf: Shelf
        self._spill: Spill
        self._execution: Execution | None = None
        self._reaper = Reaper()
        self._was_stopped = False

    def run(self) -> int:
        """Run to the end and return the exit code.

        Raises:
            KernelContainersError: nothing could be begun, and nobody but the caller can be told.
        """
        if self._arguments.pdf:
            from kernel_containers.runner.pdf import find_chromium  # noqa: PLC0415

            find_chromium()
        if self._arguments.html_template is not None:
            from kernel_containers.runner.render import check_template  # noqa: PLC0415 - 0.5 s

            check_template(self._arguments.html_template)
        sources = read_sources(Path(self._arguments.root), self._environ)
        destination = find_destination(self._arguments, sources, self._contract.notebook)
        self._outputs = Outputs(destination, self._events.warn, self._folder, self._patience)
        self._events.event(
            "run-start",
            run_id=destination.run_id,
            notebook=self._contract.notebook,
            image=self._environ.get(IMAGE_VARIABLE),
        )
        try:
            self._given = gather(self._arguments, sources, self._contract.parameters)
            self._hide_secrets()
            self._notebook = notebook_file.read_notebook(Path(self._contract.notebook))
            applied = apply_values(self._notebook, self._contract, self._given.values)
            self._set_values = applied.values
        except InvalidInput as error:
            return self._conclude_early("parameters", str(error))
        for warning in (*self._given.warnings, *applied.warnings):
            self._events.warn(warning)
        notebook_file.set_kernel(self._notebook, self._contract.kernel)
        self._describe_in_notebook({})
        try:
            kernel = start_kernel(self._contract, self._folder, applied.environment, self._environ)
        except OSError as error:
            return self._conclude_early("kernel-start", f"The kernel could not be started: {error}")
        try:
            return self._run_kernel(kernel)
        finally:
            kernel.end(0.0)

    def _hide_secrets(self) -> None:
        self._masker = Masker([*self._given.secrets, *secrets_in(self._environ)])
        self._events.hide(self._masker)
        if any(0 < len(secret) < SHORTEST for secret in self._given.secrets):
            self._events.warn(f"Secrets under {SHORTEST} characters are not masked in outputs.")

    def _run_kernel(self, kernel: KernelProcess) -> int:
        kernel.read_output(lambda line: self._events.event("kernel-output", text=line))
        # The kernel starts meanwhile.
        from kernel_containers.runner.collector import Collector  # noqa: PLC0415
        from kernel_containers.runner.execute import Execution  # noqa: PLC0415
        from kernel_containers.runner.finish import placeholder  # noqa: PLC0415
        from kernel_containers.runner.held_values import HeldValues  # noqa: PLC0415
        from kernel_containers.runner.nodes import to_nodes  # noqa: PLC0415

        self._notebook = to_nodes(self._notebook)
        self._shelf = Shelf(self._folder / "shelf", self._masker)
        beside, stem = self._outputs.destination.beside()
        local = self._folder / "spilled"
        self._spill = Spill(beside, stem, local, self._masker, self._events.warn)
        title = Path(self._contract.notebook).name
        try:
            self._outputs.check(self._document(), placeholder(title))
        except OutputsNotWritten as error:
            if self._stop.requested:
                return self._conclude_early("terminated", "The run was stopped.")
            return self._conclude_early("outputs", str(error))
        limit = self._arguments.max_output
        collector = Collector(self._notebook, self._on_output, limit, self._shelf, self._spill)
        self._execution = Execution(
            self._notebook,
            kernel,
            limits=limits_of(self._arguments, self._begin),
            stop=self._stop,
            events=self._events,
            deaths=self._deaths,
            collector=collector,
            held=HeldValues(self._notebook, self._set_values, self._events.warn),
            tick=lambda: self._tick(kernel),
            idle=Imports().make_one,
        )
        outcome = self._run_cells(self._execution)
        return self._conclude(outcome, kernel)

    def _run_cells(self, execution: Execution) -> Outcome:
        try:
            outcome = execution.run()
            if outcome.cause == "completed":
                execution.look_at_values()
            execution.hear_out()
            return outcome
        except Exception as error:  # noqa: BLE001 - what the cells said so far is still written
            sys.stderr.write(self._masker.text(traceback.format_exc()))
            words = f"The runner failed: {error!r}. This is a defect of it, not of the notebook."
            return Ended("defect", words).outcome

    def _tick(self, kernel: KernelProcess) -> None:
        self._events.tick()
        self._reaper.tick(kernel.pid)
        # The first signal is followed by SIGKILL, nobody knows when.
        at_once = self._stop.requested and not self._was_stopped
        self._was_stopped = self._stop.requested
        self._outputs.checkpoint(self._document, now=at_once)

    def _on_output(self, index: int, output: Any) -> None:
        number = self._execution.number(index) if self._execution else 0
        if output.output_type == "stream":
            self._events.stream(number, output.name, output.text)
        else:
            self._events.event("output", number=number, **describe_output(output))

    # The end

    def _conclude_early(self, cause: Cause, message: str) -> int:
        """Report a run without a single cell; its report is best effort."""
        self._outputs.begin_end()
        report = without_cells(self._report(cause, EXIT_CODES[cause], message, ()))
        from kernel_containers.runner.finish import write_last  # noqa: PLC0415

        if cause != "outputs":
            write_last(self._outputs, report, self._events, self._folder)
        self._events.end(report)
        return report.exit_code

    def _conclude(self, outcome: Outcome, kernel: KernelProcess) -> int:
        from kernel_containers.runner.finish import finish  # noqa: PLC0415

        assert self._execution is not None  # noqa: S101 - it has just run
        self._outputs.begin_end()
        cells = self._execution.reports()
        papermill.describe_cells(self._notebook, cells)
        report = self._report(outcome.cause, outcome.exit_code, outcome.message, cells)
        names = ("status", "exit_code", "finished", "seconds")
        self._describe_in_notebook({name: getattr(report, name) for name in names})
        shown = notebook_file.masked_copy(self._notebook, self._masker)
        report = finish(
            self._outputs,
            report,
            shown,
            self._events,
            shelf=self._shelf,
            spill=self._spill,
            kept=Path(os.environ.get("TMPDIR", "/tmp")) / f"kernel-containers-{report.run_id}",  # noqa: S108
            log_folder=self._folder,
            contract=self._contract,
            arguments=self._arguments,
            end_kernel=lambda: self._end_kernel(kernel),
        )
        self._events.end(report)
        return report.exit_code

    def _end_kernel(self, kernel: KernelProcess) -> int | None:
        """End the kernel and return the peak of memory."""
        if self._execution:
            self._execution.shutdown()
        kernel.end(0.0)
        return self._deaths.memory.peak_bytes()

    def _report(
        self, cause: Cause, exit_code: int, message: str, cells: tuple[CellReport, ...]
    ) -> RunReport:
        finished = time.time()
        destination = self._outputs.destination
        return RunReport(
            status=status_for(cause, exit_code),
            cause=cause,
            exit_code=exit_code,
            message=self._masker.text(message),
            run_id=destination.run_id,
            image=self._environ.get(IMAGE_VARIABLE),
            manifest_sha256=self._manifest_sha256,
            notebook=self._contract.notebook,
            started=utc_text(self._started),
            finished=utc_text(finished),
            seconds=round(time.monotonic() - self._begin, 3),
            parameters=self._masker.value(shown_parameters(self._contract, self._given.values)),
            cells=tuple(self._masked_cell(cell) for cell in cells),
            outputs=destination.names(),
            warnings=tuple(self._events.warnings),
        )

    def _masked_cell(self, cell: CellReport) -> CellReport:
        return replace(cell, error=self._masker.text(cell.error)) if cell.error else cell

    def _describe_in_notebook(self, end: Mapping[str, Any]) -> None:
        destination = self._outputs.destination
        facts = {
            "run_id": destination.run_id,
            "notebook": self._contract.notebook,
            "image": self._environ.get(IMAGE_VARIABLE),
            "started": utc_text(self._started),
            "parameters": strict_json(shown_parameters(self._contract, self._given.values)),
            **end,
        }
        self._notebook["metadata"]["kernel_containers"] = facts
        papermill.describe_run(self._notebook, facts, destination.names().get("ipynb"))

    def _document(self) -> Document:
        reports = self._execution.reports() if self._execution else ()
        papermill.describe_cells(self._notebook, reports)
        shown = notebook_file.masked_copy(self._notebook, self._masker)
        return notebook_file.to_document(shown, self._shelf)
