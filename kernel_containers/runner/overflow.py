"""What of an output beyond the limit stays in its cell: a mark that says where the rest is."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from kernel_containers.core.sizes import size_text
from kernel_containers.runner.nodes import to_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kernel_containers.runner.shelf import Shelf
    from kernel_containers.runner.spill import Spill

_MARKED = 100  # displays of a cell that have a mark each


class Overflow:
    """Sends outputs that don't fit into files, by cell; `numbers` are those for people."""

    def __init__(self, spill: Spill, shelf: Shelf, numbers: Mapping[int, int]) -> None:
        self._spill = spill
        self._shelf = shelf
        self._numbers = numbers
        self._streams: dict[tuple[int, str], str] = {}  # cell and stream → its file
        self._displays: dict[int, int] = {}
        self._files: dict[int, dict[str, None]] = {}

    def files_of(self, index: int) -> list[str]:
        """Return the files of a cell."""
        return list(self._files.get(index, ()))

    def is_cut(self, index: int) -> bool:
        """Whether a stream of this cell was cut; what it says later has no place after that."""
        return any(cell == index for cell, _ in self._streams)

    def forget(self, index: int) -> None:
        """Begin anew with a cell whose outputs were cleared."""
        self._streams = {key: name for key, name in self._streams.items() if key[0] != index}

    def take(self, outs: Any, output: Any, index: int, room: int) -> list[Any]:
        """Put an output into a file; return what the cell has of it, `room` bytes and a mark."""
        if output.output_type == "stream":
            return self._take_text(outs, output, index, room)
        number = self._displays[index] = self._displays.get(index, 0) + 1
        file = self._spill.add_display(self._numbers.get(index, 0), number, output)
        self._files.setdefault(index, {})[file] = None
        if number > _MARKED + 1:
            return []
        if number > _MARKED:
            return [_mark("The further outputs of this cell are in", file)]
        size = sum(len(str(value)) for value in output.get("data", {}).values())
        return [_mark(f"Output of {size_text(size)} left out: it is in", file)]

    def _take_text(self, outs: Any, output: Any, index: int, room: int) -> list[Any]:
        was_cut = self.is_cut(index)
        known = (index, output.name) in self._streams
        before = () if known else self._said(outs, output.name)
        file = f"cell-{self._numbers.get(index, 0)}-{output.name}.txt"
        name = self._spill.add(file, (*before, output.text))
        self._streams[index, output.name] = name
        self._files.setdefault(index, {})[name] = None
        if was_cut:
            return []
        kept = output.text.encode(errors="replace")[:room].decode(errors="ignore")
        begin = to_nodes({"output_type": "stream", "name": output.name, "text": kept})
        return [*([begin] if kept else []), _mark("Output cut here: all of it is in", name)]

    def _said(self, outs: Any, name: str) -> Iterator[str]:
        for output in outs:
            if output.output_type == "stream" and output.name == name:
                yield from self._shelf.expand("".join(output["text"]))


def text_size(text: str) -> int:
    """Return the bytes of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode(errors="replace"))


def _mark(words: str, file: str) -> Any:
    link = f'<a href="{html.escape(file)}">{html.escape(file)}</a>'
    data = {
        "text/plain": f"[{words} {file}, beside the report]",
        "text/html": f"<p><em>{words} {link}, beside the report</em></p>",
    }
    return to_nodes({"output_type": "display_data", "data": data, "metadata": {}})
