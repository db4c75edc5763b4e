"""Outputs on their way into the notebook's cells.

nbclient knows what displays, updates and widgets do to a notebook; waiting, timeouts and losses
are not left to it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete

from kernel_containers.runner import streams
from kernel_containers.runner.nodes import to_nodes

# Called with a cell's index and an output that was added to it.
OnOutput = Callable[[int, Any], None]
_CELLS = 4  # that may say as much as one may
_MEMBERS = {
    "stream": ("name", "text"),
    "display_data": ("data", "metadata"),
    "execute_result": ("data", "metadata", "execution_count"),
    "error": ("ename", "evalue", "traceback"),
}


class Collector(NotebookClient):
    """Puts outputs into cells. A stream's text is a list of parts until it is written.

    What a cell says beyond `max_output` characters is dropped, and the cell says so; the same
    holds for all cells together beyond four times as much.
    """

    def __init__(self, notebook: Any, on_output: OnOutput, max_output: int) -> None:
        super().__init__(notebook, record_timing=False)
        self._on_output = on_output
        self._max_output = max_output
        self._sizes: dict[int, int] = {}
        self._cut: set[int] = set()
        self._clear_next: set[int] = set()

    @property
    def cut_cells(self) -> frozenset[int]:
        """Cells that said more than is kept."""
        return frozenset(self._cut)

    def take(self, message: Any, index: int) -> None:
        """Do what a message says to a cell."""
        cell = self.nb.cells[index]
        self._note_time(message, cell)
        # The index of a display, or a widget, that was dropped and is changed now.
        with contextlib.suppress(CellExecutionComplete, IndexError, KeyError):
            self.process_message(message, cell, index)

    def _note_time(self, message: Any, cell: Any) -> None:
        times = cell.metadata.get("execution")
        if times is not None and message["msg_type"] in ("status", "execute_input"):
            kind = message["content"].get("execution_state")
            name = f"iopub.status.{kind}" if kind else "iopub.execute_input"
            times[name] = message["header"].get("date")

    def output(self, outs: Any, msg: Any, display_id: Any, cell_index: int) -> Any:
        """Add one output to a cell."""
        if self.output_hook_stack[msg["parent_header"].get("msg_id")]:
            return super().output(outs, msg, display_id, cell_index)
        output = _output(msg)
        if output is None:
            return None
        if cell_index in self._clear_next:
            self._clear(outs, cell_index)
        output = self._within_limit(outs, output, cell_index)
        if output is None:
            return None
        if display_id:
            places = self._display_id_map.setdefault(display_id, {})
            places.setdefault(cell_index, []).append(len(outs))
        self._on_output(cell_index, output)
        if output.output_type == "stream":
            self._add_stream(outs, output, cell_index)
        else:
            outs.append(output)
            self._sizes[cell_index] = self._sizes.get(cell_index, 0) + _size(output)
        return output

    def _add_stream(self, outs: Any, output: Any, index: int) -> None:
        last = outs[-1] if outs else None
        if last is None or last.output_type != "stream" or last.name != output.name:
            last = to_nodes({"output_type": "stream", "name": output.name})
            last["text"] = []
            outs.append(last)
        parts: list[str] = last["text"]
        size = len(output.text)
        if "\r" in output.text or "\b" in output.text:
            size = -sum(map(len, parts))
            streams.append(parts, output.text)
            size += sum(map(len, parts))
        else:
            streams.append(parts, output.text)
        self._sizes[index] = self._sizes.get(index, 0) + size

    def _within_limit(self, outs: Any, output: Any, index: int) -> Any | None:
        """Return what of an output is kept."""
        if output.output_type == "error":
            return output
        if index in self._cut:
            return None
        everything = sum(self._sizes.values())
        room = self._max_output - self._sizes.get(index, 0)
        room = max(0, min(room, _CELLS * self._max_output - everything))
        if _size(output) <= room:
            return output
        self._cut.add(index)
        if output.output_type == "stream":
            kept = to_nodes({**output, "text": output.text[:room]})
            self._on_output(index, kept)
            self._add_stream(outs, kept, index)
        words = f"\n[Output cut: more than {self._max_output // 1000**2} MB, see --max-output]\n"
        note = to_nodes({"output_type": "stream", "name": "stderr", "text": words})
        self._on_output(index, note)
        self._add_stream(outs, note, index)
        return None

    def clear_output(self, outs: Any, msg: Any, cell_index: int) -> None:
        """Forget a cell's outputs, now or before the next one."""
        if self.output_hook_stack[msg["parent_header"].get("msg_id")]:
            super().clear_output(outs, msg, cell_index)
        elif msg["content"].get("wait"):
            self._clear_next.add(cell_index)
        else:
            self._clear(outs, cell_index)

    def _clear(self, outs: Any, index: int) -> None:
        outs[:] = []
        self._clear_next.discard(index)
        self._sizes[index] = 0
        self._cut.discard(index)
        self.clear_display_id_mapping(index)


def _output(message: Any) -> Any | None:
    """Return the output of a message. nbformat's own function validates each against a schema,
    which takes longer than all the rest.
    """
    kind, content = message["msg_type"], message["content"]
    if kind not in _MEMBERS:
        return None
    try:
        return to_nodes({"output_type": kind, **{name: content[name] for name in _MEMBERS[kind]}})
    except KeyError:
        return None


def _size(output: Any) -> int:
    if output.output_type == "stream":
        return len(output.text)
    return sum(len(part) for part in output.get("data", {}).values() if isinstance(part, str))
