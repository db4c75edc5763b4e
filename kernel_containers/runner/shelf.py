"""Long texts of outputs in one file; the notebook holds marks, and its documents the texts again.

What a notebook says may be longer than this container's memory, so neither the notebook nor a
document made of it is ever whole in there.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from kernel_containers.runner.masking import Masker

Kind = Literal["text", "raw", "json"]  # on the page text is escaped, JSON stands in scripts

_NEEDED = (
    "application/papermill.",
    "application/scrapbook.",
    "application/vnd.jupyter.",
    "application/vnd.kernel-containers.",
)
_SCRAPS = {"scrapbook", "papermill"}  # in the metadata of a named display
_PIECE = 200_000  # characters
# Marks are of characters that Unicode gives to nobody, so no secret's mask can match in them.
_DIGITS = {ord(str(digit)): chr(0xE100 + digit) for digit in range(10)}
_PLAIN = {new: chr(old) for old, new in ((key, ord(value)) for key, value in _DIGITS.items())}


@dataclass(slots=True)
class _Text:
    kind: Kind
    segments: list[tuple[int, int]] = field(default_factory=list)  # offset, bytes


class Shelf:
    """Texts in a file, masked. `is_full` once the disk takes no more."""

    def __init__(self, path: Path, masker: Masker) -> None:
        self._path = path
        self._masker = masker
        self._file: IO[bytes] | None = None
        self._end = 0
        self._texts: list[_Text] = []
        self._start = "".join(chr(0xE200 + secrets.randbelow(5000)) for _ in range(8))
        digits = f"([{chr(0xE100)}-{chr(0xE109)}]+)"
        self._mark = re.compile(f"{self._start}{digits}\n")
        self._json_mark = re.compile(f'"{self._start}{digits}\\\\n"')
        self.is_full = False

    def put(self, text: str, kind: Kind) -> str:
        """Store a text and return its mark; the text itself where there is no room."""
        entry = _Text(kind)
        if not self._add(entry, self._masker.text(text)):
            return text
        self._texts.append(entry)
        return f"{self._start}{str(len(self._texts) - 1).translate(_DIGITS)}\n"

    def put_lines(self, text: str) -> str:
        """Store the lines of a stream's text; return a mark and what no line end follows.

        `text` may begin with the mark of what came before.
        """
        match = self._mark.match(text)
        said, newline, last = text[match.end() if match else 0 :].rpartition("\n")
        said += newline
        # A secret may go on in what comes next.
        held = self._masker.open_end(said)
        said, last = said[: len(said) - held], said[len(said) - held :] + last
        if not match:
            return self.put(said, "text") + last if said else text
        added = self._add(self._texts[_number(match)], self._masker.text(said))
        return match[0] + last if added else text

    def expand(self, text: str) -> Iterator[str]:
        """Yield a text in pieces, with what its marks stand for."""
        for part in self._parts(text, self._mark):
            yield from (part,) if isinstance(part, str) else self.read(part)

    def in_json(self, document: str) -> Document:
        """Return a notebook's JSON with the texts in it as they are now."""
        return Document(self, self._parts(document, self._json_mark), as_json=True)

    def in_page(self, page: str) -> Document:
        """Return a page with the texts in it."""
        return Document(self, self._parts(page, self._mark), as_json=False)

    def read(self, entry: _Text) -> Iterator[str]:
        """Yield a text in pieces; from any thread."""
        assert self._file is not None  # noqa: S101 - it has this entry
        for offset, size in entry.segments:
            yield os.pread(self._file.fileno(), size, offset).decode(errors="surrogatepass")

    def _parts(self, document: str, mark: re.Pattern[str]) -> list[str | _Text]:
        parts: list[str | _Text] = []
        end = 0
        for match in mark.finditer(document):
            entry = self._texts[_number(match)]
            parts += [document[end : match.start()], _Text(entry.kind, [*entry.segments])]
            end = match.end()
        return [*parts, document[end:]]

    def _add(self, entry: _Text, text: str) -> bool:
        segments, end = [], self._end
        try:
            if self._file is None:
                self._file = self._path.open("w+b", buffering=0)
            for start in range(0, len(text), _PIECE):
                data = text[start : start + _PIECE].encode(errors="surrogatepass")
                _write(self._file.fileno(), data, end)
                segments.append((end, len(data)))
                end += len(data)
        except OSError:
            self.is_full = True
            return False
        self._end = end
        entry.segments += segments
        return True


class Document:
    """A document in pieces of bytes, as often as it is asked for."""

    def __init__(self, shelf: Shelf, parts: list[str | _Text], *, as_json: bool) -> None:
        self._shelf = shelf
        self._parts = parts
        self._as_json = as_json

    def __iter__(self) -> Iterator[bytes]:
        encode = _as_json if self._as_json else _as_html
        for part in self._parts:
            if isinstance(part, str):
                for start in range(0, len(part), _PIECE):
                    yield encode(None, part[start : start + _PIECE])
                continue
            quote = b'"' if self._as_json and part.kind != "json" else b""
            yield quote
            for piece in self._shelf.read(part):
                yield encode(part, piece)
            yield quote


def shelve_output(output: Any, shelf: Shelf, longest: int) -> None:
    """Put what is longer than `longest` characters of an output on the shelf."""
    if output["output_type"] == "stream":
        text = "".join(output["text"])
        if len(text) > longest:
            output["text"] = [shelf.put_lines(text)]
        return
    data = output.get("data", {})
    if _SCRAPS & output.get("metadata", {}).keys() or any(map(_is_read_again, data)):
        return
    for name, value in data.items():
        kind = _kind_of(name)
        if kind == "json" and not isinstance(value, str):
            with contextlib.suppress(ValueError, RecursionError):
                text = json.dumps(value, ensure_ascii=False)
                if len(text) > longest:
                    data[name] = shelf.put(text, kind)
        elif kind in ("text", "raw") and isinstance(value, str) and len(value) > longest:
            data[name] = shelf.put(value, kind)


def _kind_of(name: str) -> Kind | None:
    if name in ("text/html", "image/png", "image/jpeg"):
        return "raw"
    if name == "text/plain":
        return "text"
    return "json" if name.endswith(("/json", "+json")) else None


def _is_read_again(name: str) -> bool:
    """Whether this is a widget or a named result, which the end of the run looks at."""
    return name.startswith(_NEEDED)


def _number(match: re.Match[str]) -> int:
    return int(match[1].translate(_PLAIN))


def _as_json(text: _Text | None, piece: str) -> bytes:
    if text and text.kind != "json":
        piece = json.dumps(piece, ensure_ascii=False)[1:-1]
    # Half a surrogate pair becomes \\udc80, which is what JSON calls it too.
    return piece.encode(errors="backslashreplace")


def _as_html(text: _Text | None, piece: str) -> bytes:
    from nbconvert.filters.ansi import ansi2html  # noqa: PLC0415 - 0.3 s, while the kernel is silent

    if text and text.kind == "text":
        to_html: Any = ansi2html
        piece = str(to_html(piece))
    elif text and text.kind == "json":
        piece = piece.replace("<", "\\u003c")  # it must not end the script around it
    return piece.encode(errors="xmlcharrefreplace")


def _write(handle: int, data: bytes, offset: int) -> None:
    while data:
        count = os.pwrite(handle, data, offset)
        data, offset = data[count:], offset + count
