"""Outputs on their way into the notebook's cells.

nbclient knows what displays, updates and widgets do to a notebook; waiting, timeouts and losses
are not left to it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete

from kernel_containers.runner import streams
from kernel_containers.runner.nodes import to_nodes
from kernel_containers.runner.notebook_file import numbers_of
from kernel_containers.runner.overflow import Overflow, text_size
from kernel_containers.runner.shelf import shelve_output

if TYPE_CHECKING:
    from kernel_containers.runner.shelf import Shelf
    from kernel_containers.runner.spill import Spill

# Called with a cell's index and an output that was added to it.
OnOutput = Callable[[int, Any], None]
_CELLS = 4  # that may say as much as one may
_LOOSE = 8_000_000  # bytes of outputs in memory; beyond it long ones go to the shelf
_LONG = 10_000  # characters
_MEMBERS = {
    "stream": ("name", "text"),
    "display_data": ("data", "metadata"),
    "execute_result": ("data", "metadata", "execution_count"),
    "error": ("ename", "evalue", "traceback"),
}


class Collector(NotebookClient):
    """Puts outputs into cells. A stream's text is a list of parts until it is written.

    What a cell says beyond `max_output` bytes goes into files, and the cell says so; the same
    holds for all cells together beyond four times as much.
    """

    def __init__(
        self, notebook: Any, on_output: OnOutput, max_output: int, shelf: Shelf, spill: Spill
    ) -> None:
        super().__init__(notebook, record_timing=False)
        self._on_output = on_output
        self._max_output = max_output
        self._shelf = shelf
        self._overflow = Overflow(spill, shelf, numbers_of(notebook))
        self._sizes: dict[int, int] = {}
        self._total = 0
        self._loose = 0  # bytes in memory
        self._next_shelving = _LOOSE
        self._clear_next: set[int] = set()

    def files_of(self, index: int) -> list[str]:
        """Return the files with what a cell said beyond the limit."""
        return self._overflow.files_of(index)

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
        size = _size(msg, output)
        room = self._room(cell_index)
        # Scraps have a limit of their own, and are what a run is about.
        is_kept = output.output_type == "error" or "scrapbook" in output.get("metadata", {})
        if size > room and not is_kept:
            for kept in self._overflow.take(outs, output, cell_index, room):
                self._add(outs, kept, cell_index, 0)
            return None
        if display_id:
            places = self._display_id_map.setdefault(display_id, {})
            places.setdefault(cell_index, []).append(len(outs))
        self._add(outs, output, cell_index, size)
        return output

    def _room(self, index: int) -> int:
        """Return how many bytes of a cell's next output are kept in the notebook."""
        if self._shelf.is_full or self._overflow.is_cut(index):
            return 0
        left = self._max_output - self._sizes.get(index, 0)
        return max(0, min(left, _CELLS * self._max_output - self._total))

    def _add(self, outs: Any, output: Any, index: int, size: int) -> None:
        self._on_output(index, output)
        if output.output_type == "stream":
            size = _add_stream(outs, output)
        else:
            outs.append(output)
        self._count(index, size)
        if self._loose > self._next_shelving:
            self._shelve()

    def _count(self, index: int, size: int) -> None:
        self._sizes[index] = self._sizes.get(index, 0) + size
        self._total += size
        self._loose += size

    def _shelve(self) -> None:
        outputs = [output for cell in self.nb.cells for output in cell.get("outputs", ())]
        for output in outputs:
            shelve_output(output, self._shelf, _LONG)
        self._loose = sum(map(_length, outputs))
        self._next_shelving = self._loose + _LOOSE

    def clear_output(self, outs: Any, msg: Any, cell_index: int) -> None:
        """Forget a cell's outputs, now or before the next one."""
        if self.output_hook_stack[msg["parent_header"].get("msg_id")]:
            super().clear_output(outs, msg, cell_index)
        elif msg["content"].get("wait"):
            self._clear_next.add(cell_index)
        else:
            self._clear(outs, cell_index)

    def _clear(self, outs: Any, index: int) -> None:
        self._loose -= sum(map(_length, outs))
        self._total -= self._sizes.pop(index, 0)
        outs[:] = []
        self._clear_next.discard(index)
        self._overflow.forget(index)
        self.clear_display_id_mapping(index)


def _add_stream(outs: Any, output: Any) -> int:
    """Add text to a cell; return how many bytes longer it has become."""
    last = outs[-1] if outs else None
    if last is None or last.output_type != "stream" or last.name != output.name:
        last = to_nodes({"output_type": "stream", "name": output.name})
        last["text"] = []
        outs.append(last)
    parts: list[str] = last["text"]
    if "\r" not in output.text and "\b" not in output.text:
        streams.append(parts, output.text)
        return text_size(output.text)
    before = sum(map(text_size, parts))
    streams.append(parts, output.text)
    return sum(map(text_size, parts)) - before


def _output(message: Any) -> Any | None:
    """Return the output of a message. nbformat's own function validates each against a schema,
    which takes longer than all the rest.
    """
    kind, content = message["msg_type"], message["content"]
    if kind not in _MEMBERS:
        return None
    # As attributes only where nbclient asks for them so: each node takes as much as its content.
    node = to_nodes({"output_type": kind})
    try:
        dict.update(node, {name: content[name] for name in _MEMBERS[kind]})
    except KeyError:
        return None
    return node


def _size(message: Any, output: Any) -> int:
    return text_size(output.text) if output.output_type == "stream" else int(message["size"])


def _length(output: Any) -> int:
    """Return about how many bytes of texts an output has in memory."""
    if output.output_type == "stream":
        return sum(map(text_size, output.text))
    return sum(text_size(part) for part in output.get("data", {}).values() if isinstance(part, str))
