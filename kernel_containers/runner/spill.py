"""What a cell said beyond what its notebook can hold: files beside the report."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from kernel_containers.runner.masking import StreamMasker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kernel_containers.core.uris import Uri
    from kernel_containers.runner.masking import Masker

_PIECE = 1_000_000  # bytes
_MOST_FILES = 100  # of one cell's displays; more of them go into one file as JSON
# Which of a display's forms is kept, best first, and the end of its file's name.
_FORMS = {
    "text/html": "html",
    "image/svg+xml": "svg",
    "image/png": "png",
    "image/jpeg": "jpeg",
    "text/markdown": "md",
    "text/plain": "txt",
}
_ENCODED = ("image/png", "image/jpeg")


class _File:
    def __init__(self, file: IO[bytes], masker: Masker) -> None:
        self._file = file
        self._masker = StreamMasker(masker)

    def write(self, piece: str | bytes) -> None:
        if isinstance(piece, str):
            piece = _encode(self._masker.feed(piece))
        self._file.write(piece)

    def close(self) -> None:
        if not self._file.closed:
            self._file.write(_encode(self._masker.finish()))
            self._file.close()


class Spill:
    """Writes files into the outputs' folder at once where that is one, else into `local`.

    A file that its disk has no room for is dropped, and that is told.
    """

    def __init__(
        self, folder: Uri, stem: str, local: Path, masker: Masker, warn: Callable[[str], None]
    ) -> None:
        self._folder = folder
        self._stem = stem
        self._is_there = folder.scheme == "file"
        self._local = Path(folder.path) if self._is_there else local
        self._masker = masker
        self._warn = warn
        self._files: dict[str, _File | None] = {}

    def add(self, name: str, pieces: Iterable[str | bytes]) -> str:
        """Write more into a file; return the file's name."""
        name = f"{self._stem}{name}"
        try:
            if name not in self._files:
                self._local.mkdir(parents=True, exist_ok=True)
                opened = (self._local / name).open("wb")
                self._files[name] = _File(opened, self._masker)
            file = self._files[name]
            if file:
                for piece in pieces:
                    file.write(piece)
        except OSError as error:
            self._give_up(name, error)
        return name

    def add_display(self, number: int, count: int, output: Any) -> str:
        """Write a cell's display number `count`; return the file's name."""
        data = output.get("data", {})
        form = next((form for form in _FORMS if isinstance(data.get(form), str)), None)
        if form is None or count > _MOST_FILES:
            return self.add(f"cell-{number}-outputs.jsonl", [json.dumps(output), "\n"])
        value = data[form]
        if form in _ENCODED:
            with contextlib.suppress(ValueError):
                value = base64.b64decode(value)
        name = self.add(f"cell-{number}-output-{count}.{_FORMS[form]}", [value])
        self._close(name)
        return name

    def _close(self, name: str) -> None:
        file = self._files[name]
        if file:
            try:
                file.close()
            except OSError as error:
                self._give_up(name, error)

    def _give_up(self, name: str, error: OSError) -> None:
        # What there is of it would take the room that the run's other outputs need.
        self._files[name] = None
        with contextlib.suppress(OSError):
            (self._local / name).unlink()
        self._warn(f"{name} was dropped: {error.strerror}.")

    def finish(self) -> dict[str, Uri]:
        """Write what waits; return where each file is, or has to be brought."""
        for name in list(self._files):
            self._close(name)
        return {name: self._folder.join(name) for name, file in self._files.items() if file}

    def to_bring(self) -> Iterator[tuple[Uri, Path]]:
        """Yield the files that are not at their place yet."""
        if not self._is_there:
            for name in (name for name, file in self._files.items() if file):
                yield self._folder.join(name), self._local / name


class FilePieces:
    """A file's bytes in pieces, as often as they are asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece


def _encode(text: str) -> bytes:
    return text.encode(errors="backslashreplace")
