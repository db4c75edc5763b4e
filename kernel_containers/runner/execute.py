"""Runs the cells, and says the truth about each."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kernel_containers.core.cells import ALLOW_TAG, SKIP_TAG, tags_of
from kernel_containers.core.runs import CellReport, CellStatus
from kernel_containers.runner.client import KernelClient, Meter
from kernel_containers.runner.death import Deaths, last_words
from kernel_containers.runner.events import utc_text
from kernel_containers.runner.notebook_file import cell_id, numbers_of
from kernel_containers.runner.starting import wait_for_kernel
from kernel_containers.runner.verdict import (
    Ended,
    Outcome,
    error_of,
    exit_code_of,
    exit_request,
    words_for,
)
from kernel_containers.runner.watch import Limits, Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_containers.runner.collector import Collector
    from kernel_containers.runner.events import Events
    from kernel_containers.runner.held_values import HeldValues
    from kernel_containers.runner.kernel import KernelProcess
    from kernel_containers.runner.stopping import Stop

POLL = 0.1  # seconds; how soon a dead kernel or a signal is seen
_POLL_AT_END = 0.02  # seconds
_SHUTDOWN_TIME = 5.0  # seconds for the kernel's own clean-up at exit
_SHORT_SHUTDOWN_TIME = 1.0  # seconds, where the run is out of time
_STILL_RAN = f"A thread or an exit handler still ran {_SHUTDOWN_TIME:g} s after the last cell."
_ON_THE_WAY = 0.2  # seconds in which more comes from a kernel that has ended
SILENCE = 60.0  # seconds waited without a message until a finished cell's output counts as lost
NO_REPLY = 5.0  # seconds waited without a message until a finished cell's reply counts as lost


@dataclass(slots=True)
class _State:
    status: CellStatus = "not-run"
    started: float | None = None
    seconds: float | None = None
    error: str | None = None


class Execution:
    """One pass through a notebook's cells.

    `tick` is called several times a second, `idle` whenever the kernel says nothing for a moment.
    """

    def __init__(
        self,
        notebook: Any,
        kernel: KernelProcess,
        *,
        limits: Limits,
        stop: Stop,
        events: Events,
        deaths: Deaths,
        collector: Collector,
        held: HeldValues,
        tick: Callable[[], None],
        idle: Callable[[], None],
    ) -> None:
        self._notebook = notebook
        self._kernel = kernel
        self._limits = limits
        self._stop = stop
        self._events = events
        self._deaths = deaths
        self._tick = tick
        self._idle = idle
        self._collector = collector
        self._held = held
        self._client = KernelClient(kernel.connection, collector, Meter(kernel.flow))
        self._numbers = numbers_of(notebook)
        self._states = {index: _State() for index in self._numbers}
        self.kernel_answered = False
        self._watch = Watch(limits, stop, kernel, self._client)

    def number(self, index: int) -> int:
        """Return a cell's number for people, counting executable ones from 1."""
        return self._numbers.get(index, 0)

    def reports(self) -> tuple[CellReport, ...]:
        """Return how each executable cell went."""
        return tuple(
            CellReport(
                index=index,
                cell_id=cell_id(self._notebook.cells[index], index),
                status=state.status,
                started=None if state.started is None else utc_text(state.started),
                seconds=None if state.seconds is None else round(state.seconds, 3),
                error=state.error,
            )
            for index, state in self._states.items()
        )

    def run(self) -> Outcome:
        """Execute all cells; the kernel still lives afterwards, unless it died."""
        try:
            self._start()
            for index in self._states:
                self._run_cell(index)
        except Ended as end:
            return end.outcome
        return self._conclude()

    def _start(self) -> None:
        reply = wait_for_kernel(
            self._kernel,
            self._client,
            self._watch,
            self._deaths,
            seconds=self._limits.start,
            tick=self._tick,
            idle=self._idle,
        )
        self.kernel_answered = True
        self._notebook.metadata["language_info"] = reply.get("language_info", {})

    def _conclude(self) -> Outcome:
        failed = [index for index, state in self._states.items() if state.status == "failed"]
        if failed:
            first = self._states[failed[0]].error
            message = f"Cell {self.number(failed[0])} failed: {first}"
            return Ended("cell-failed", message).outcome
        return Ended("completed", "All cells ran.").outcome

    def look_at_values(self) -> None:
        """Ask once more what the parameters are, for 5 s at most."""
        expressions = self._held.at_end()
        if expressions and self._kernel.exit_code() is None:
            self._held.take_last(self._client.evaluate(expressions, 5.0))

    def hear_out(self) -> None:
        """Let the kernel end, and take what its threads and exit handlers still say."""
        if self._kernel.exit_code() is None:
            self._client.shutdown()
        end = time.monotonic() + _SHUTDOWN_TIME
        while self._is_ending():
            if time.monotonic() > end:
                self._events.warn(_STILL_RAN)
                self._kernel.end(0.0)
            if not self._client.receive(_POLL_AT_END):
                self._idle()
            self._tick()
        if self._kernel.exit_code() is not None:
            self._take_rest()
        self._collector.set_widgets_metadata()

    def _take_rest(self) -> None:
        while not self._client.said_all and self._client.receive(_ON_THE_WAY):
            continue

    def _is_ending(self) -> bool:
        """Whether the kernel may have something to say, and there is time to wait for it."""
        lives = self._kernel.exit_code() is None and not self._client.said_all
        return lives and self.kernel_answered and self._watch.has_time()

    def shutdown(self) -> None:
        """End the kernel."""
        has_time = self.kernel_answered and self._watch.has_time()
        self._kernel.end(_SHUTDOWN_TIME if has_time else _SHORT_SHUTDOWN_TIME)
        self._client.close()

    # One cell

    def _run_cell(self, index: int) -> None:
        cell = self._notebook.cells[index]
        state = self._states[index]
        if SKIP_TAG in tags_of(cell):
            state.status = "skipped"
            return
        self._watch.check()
        state.started = time.time()
        begin = time.monotonic()
        number, count = self.number(index), len(self._states)
        self._events.event("cell-start", number=number, count=count, index=index)
        cell.metadata["execution"] = {}
        try:
            self._execute(index, cell, state, begin)
        finally:
            state.seconds = time.monotonic() - begin
            self._events.event(
                "cell-end",
                number=number,
                count=count,
                index=index,
                status=state.status,
                seconds=round(state.seconds, 3),
                error=state.error,
            )
            self._tick()

    def _execute(self, index: int, cell: Any, state: _State, begin: float) -> None:
        allowed = self._limits.allow_errors or ALLOW_TAG in tags_of(cell)
        request = self._client.execute(
            index, cell.source, self._held.after(index), stop_on_error=not allowed
        )
        reply = self._wait_for_reply(request, state, begin)
        files = self._collector.files_of(index)
        if files:
            shown = f"{', '.join(files[:3])}{', …' if len(files) > 3 else ''}"
            self._events.warn(f"The output of cell {self.number(index)} was cut, see {shown}.")
        self._end_if_interrupted(state)
        error = error_of(reply, cell)
        if error is None:
            state.status = "succeeded"
            self._held.take(self.number(index), reply.get("user_expressions"))
            asked = exit_request(reply)
            if asked:
                self._end_itself(state, *asked, error=asked[0])
            return
        name, value = error
        if name == "SystemExit" and not allowed:
            self._exit(cell, state, value)
        state.error = words_for(name, value)
        if ALLOW_TAG in tags_of(cell):
            state.status = "succeeded"
            return
        state.status = "failed"
        if not allowed:
            message = f"Cell {self.number(index)} failed: {state.error}"
            raise Ended("cell-failed", message)

    def _wait_for_reply(self, request: str, state: _State, begin: float) -> Any:
        silent = 0.0
        while True:
            if self._client.receive(POLL):
                silent = 0.0
            else:
                # Not by the clock: what this program does itself is no silence of the kernel's.
                silent += POLL
                self._idle()
            self._tick()
            reply = self._client.reply(request)
            if reply and self._client.is_idle(request):
                return reply
            if self._kernel.exit_code() is not None:
                return self._after_death(request, state)
            if not reply and self._client.is_idle(request) and silent > NO_REPLY:
                state.status = "failed"
                state.error = "the kernel did not answer"
                words = f"The kernel did not answer. {last_words(self._kernel)}"
                raise Ended("kernel-died", words.rstrip())
            if reply and silent > SILENCE:
                self._events.warn("The kernel never said that a cell's output is complete.")
                return reply
            self._watch.look(begin)

    def _after_death(self, request: str, state: _State) -> Any:
        self._take_rest()
        reply = self._client.reply(request)
        if reply:
            return reply  # it ended after the cell did, as with exit()
        self._end_if_interrupted(state)
        state.status = "failed"
        state.error = f"the kernel died: {self._deaths.words(self._kernel)}"
        raise self._deaths.end(self._kernel, "kernel-died", "The kernel died")

    def _end_if_interrupted(self, state: _State) -> None:
        interrupt = self._watch.interrupt
        if interrupt is None:
            return
        state.status = "cancelled" if interrupt.cause == "terminated" else "timed-out"
        state.error = interrupt.message
        if interrupt.killed:
            state.error += " It did not stop when interrupted, and the kernel was killed."
        raise Ended(interrupt.cause, interrupt.message)

    # Ends that a notebook asks for

    def _exit(self, cell: Any, state: _State, value: str) -> None:
        code = exit_code_of(value)
        if code == 0:
            cell.outputs[:] = [item for item in cell.outputs if item.output_type != "error"]
        self._end_itself(state, f"sys.exit({value if code else 0})", code, f"SystemExit: {value}")

    def _end_itself(self, state: _State, words: str, code: int, error: str) -> None:
        if code:
            state.status, state.error = "failed", error
        else:
            state.status = "succeeded"
            self._skip_rest()
        raise Ended("exit", f"The notebook ended itself with {words}.", code)

    def _skip_rest(self) -> None:
        for state in self._states.values():
            if state.status == "not-run":
                state.status = "skipped"
