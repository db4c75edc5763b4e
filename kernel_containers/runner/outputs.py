"""Where a run's outputs go, and that they get there."""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel_containers.core.contract import OUTPUT_VARIABLE, RUN_ID_VARIABLE
from kernel_containers.core.reference import slug
from kernel_containers.core.runs import new_run_id
from kernel_containers.core.uris import OutputUris, Uri
from kernel_containers.errors import InvalidInput, OutputsNotWritten, UsageError
from kernel_containers.runner.places import PlaceRefused, Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kernel_containers.runner.arguments import Arguments
    from kernel_containers.runner.patience import Patience
    from kernel_containers.runner.places import Content
    from kernel_containers.runner.request import Sources

CONTENT_TYPES = {
    "ipynb": "application/x-ipynb+json",
    "html": "text/html; charset=utf-8",
    "report": "application/json",
    "log": "application/x-ndjson",
    "latest": "application/json",
}
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_FIRST_CHECKPOINT = 5.0  # seconds after the one before
_CHECKPOINT_SHARE = 10.0  # a checkpoint may take a tenth of the time
_CHECKPOINT_WAIT = 10.0  # seconds at most
_RETRY_DELAYS = (1.0, 2.0, 4.0, 8.0, 15.0)


@dataclass(frozen=True, slots=True)
class Destination:
    """The places of one run's outputs."""

    run_id: str
    uris: OutputUris

    def beside(self) -> tuple[Uri, str]:
        """Return the folder for files beside the report, and how their names begin."""
        uri = self.uris.report or self.uris.ipynb or self.uris.html
        assert uri is not None  # noqa: S101 - nothing runs without a place
        folder, _, name = uri.path.rpartition("/")
        stem = "" if self.uris.report else f"{name.partition('.')[0]}-"
        return replace(uri, path=folder or "/"[: uri.scheme == "file"]), stem

    def names(self) -> dict[str, str]:
        """Return the places by kind, without those that are not written."""
        found = {item.name: getattr(self.uris, item.name) for item in fields(self.uris)}
        return {name: str(uri) for name, uri in found.items() if uri is not None}


def find_destination(arguments: Arguments, sources: Sources, notebook: str) -> Destination:
    """Return where the outputs go.

    Raises:
        UsageError: nobody said where, or it is no place.
    """
    run_id = sources.request.get("run_id") or sources.environ.get(RUN_ID_VARIABLE) or new_run_id()
    if not isinstance(run_id, str) or not _RUN_ID.fullmatch(run_id):
        raise UsageError(
            f"{run_id!r} can't be a run's id.",
            todo="give at most 100 of the characters A-Z a-z 0-9 . _ -, first a letter or digit",
        )
    uris_2019 = (sources.file_2019.get("Context") or {}).get("OutputUris") or {}
    prefix = (
        arguments.output
        or sources.request.get("output")
        or (None if arguments.ipynb or arguments.html else sources.environ.get(OUTPUT_VARIABLE))
    )
    explicit = {"ipynb": arguments.ipynb, "html": arguments.html}
    if not prefix and not any(explicit.values()):
        explicit = {name: uris_2019.get(name) for name in explicit}
    if not prefix and not any(explicit.values()):
        raise UsageError(
            "Nobody said where the outputs go.",
            todo=f"give --output s3://BUCKET/PREFIX or file:///FOLDER, or set {OUTPUT_VARIABLE}",
        )
    places = {name: _uri(text) for name, text in explicit.items() if text}
    for uri in places.values():
        if not uri.name:
            raise UsageError(f"{uri} names no file.", todo="add a name to it")
    if not prefix:
        return Destination(run_id, OutputUris(**places))
    below = OutputUris.below(_uri(prefix), slug(Path(notebook).name), run_id)
    every = {item.name: getattr(below, item.name) for item in fields(below)}
    return Destination(run_id, OutputUris(**{**every, **places}))


def _uri(text: Any) -> Uri:
    try:
        return Uri.parse(str(text))
    except InvalidInput as error:
        raise UsageError(error.what, why=error.why, todo=error.todo) from error


class Outputs:
    """Writes one run's outputs. Checkpoints are best effort; the end is not."""

    def __init__(
        self,
        destination: Destination,
        warn: Callable[[str], None],
        folder: Path,
        patience: Patience,
    ) -> None:
        self.destination = destination
        self._uris = destination.uris
        self._warn = warn
        self._writer = Writer(folder, patience.heard)
        self._patience = patience
        self._silent: set[tuple[str, str]] = set()  # scheme and bucket
        self._thread: threading.Thread | None = None
        self._next = 0.0

    def check(self, ipynb: Content, placeholder: bytes) -> None:
        """Write the notebook before it runs, and so prove that outputs can be written.

        Raises:
            OutputsNotWritten: a place refused, or did not answer.
        """
        uris = self._uris
        self._patience.begin()
        if uris.ipynb:
            self._write_once(uris.ipynb, ipynb, CONTENT_TYPES["ipynb"])
        if uris.html and (uris.ipynb is None or _folder(uris.html) != _folder(uris.ipynb)):
            self._write_once(uris.html, [placeholder], CONTENT_TYPES["html"])
        self._next = time.monotonic() + _FIRST_CHECKPOINT

    def checkpoint(self, make: Callable[[], Content], *, now: bool = False) -> None:
        """Write the notebook as it is, in a thread, if the last time is long enough ago."""
        if self._uris.ipynb is None or (self._thread and self._thread.is_alive()):
            return
        begin = time.monotonic()
        if begin < self._next and not now:
            return
        thread = threading.Thread(target=self._save, args=(make(), begin), daemon=True)
        self._next = begin + _FIRST_CHECKPOINT
        try:
            thread.start()
        except RuntimeError as error:  # the notebook has all the processes that there may be
            self._warn(f"A checkpoint was not written: {error}")
        else:
            self._thread = thread

    def _save(self, data: Content, begin: float) -> None:
        uri = self._uris.ipynb
        assert uri is not None  # noqa: S101 - the caller looked
        try:
            self._writer.write(uri, data, CONTENT_TYPES["ipynb"])
        except OutputsNotWritten as error:
            self._warn(f"A checkpoint was not written: {error.why or error.what}")
        end = time.monotonic()
        self._next = end + max(_FIRST_CHECKPOINT, (end - begin) * _CHECKPOINT_SHARE)

    def begin_end(self) -> None:
        """From now on outputs are tried again, until patience ends."""
        self._patience.begin()

    def finish_checkpoint(self) -> None:
        """Wait for a checkpoint that is being written, so that it does not come after the end."""
        if self._thread:
            self._thread.join(max(0.0, min(_CHECKPOINT_WAIT, self._patience.left() / 2)))

    def write(self, kind: str, data: Content) -> None:
        """Write one output; tried again as long as patience lasts.

        Raises:
            OutputsNotWritten: it was refused, or time is over.
        """
        uri = getattr(self._uris, kind)
        if uri is not None:
            self.write_to(uri, data, CONTENT_TYPES[kind])

    def write_beside(self, path: str, data: Content, content_type: str) -> None:
        """Write a file at a path relative to the report; where there is no report, do nothing.

        Raises:
            OutputsNotWritten: as from `write`.
        """
        report = self._uris.report
        if report is not None:
            folder, _ = self.destination.beside()
            self.write_to(folder.join(path), data, content_type)

    def write_to(self, uri: Uri, data: Content, content_type: str) -> None:
        """Write to any place, as `write` does."""
        for delay in (*_RETRY_DELAYS, None):
            try:
                self._write_once(uri, data, content_type)
            except PlaceRefused:
                raise
            except OutputsNotWritten as error:
                if delay is None or not self._patience.has(delay):
                    raise
                self._warn(f"{error.what} Trying again: {error.why}")
                self._patience.pause(delay)
            else:
                return

    def _write_once(self, uri: Uri, data: Content, content_type: str) -> None:
        place = (uri.scheme, uri.bucket)
        if place in self._silent:
            raise PlaceRefused(f"{uri} was not written.", why="its place did not answer before")
        try:
            self._patience.wait_for(lambda: self._writer.write(uri, data, content_type))
        except TimeoutError as error:
            self._silent.add(place)
            raise PlaceRefused(
                f"{uri} was not written.",
                why=f"its place does not answer: {error}",
                todo="look whether this container can reach it",
            ) from error


def keep_locally(folder: Path, contents: Mapping[str, Content]) -> Path | None:
    """Save outputs that their place refused, by relative path.

    Return None where this container has no room either.
    """
    try:
        for name, data in contents.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.writelines(data)
    except OSError:
        return None
    return folder


def _folder(uri: Uri) -> tuple[str, str, str]:
    return uri.scheme, uri.bucket, uri.path.rpartition("/")[0]


def to_json(value: Any) -> bytes:
    """Return a JSON document; undecodable characters are escaped."""
    return (json.dumps(value, indent=2) + "\n").encode()
