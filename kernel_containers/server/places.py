"""Files that requests may name: below the server's root folder, or folders its admin added.

Hidden ones only where Jupyter shows them too.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kernel_containers.core.reference import Destination, ToLayout, parse_destination
from kernel_containers.core.uris import Uri
from kernel_containers.errors import InvalidInput, NotFound, Refused

_DRIVE = "RTC:"  # what jupyter-collaboration puts before a path


@dataclass(frozen=True, slots=True)
class Places:
    """Turns what a request names into paths. Links are followed before it is decided."""

    root: Path
    folders: tuple[Path, ...] = ()
    hidden: bool = True

    def file(self, text: str) -> Path:
        """Return the absolute path of a file or folder, which need not exist.

        Raises:
            Refused: it is elsewhere.
            NotFound: it is hidden.
            InvalidInput: no file can have this name.
        """
        path = Path(os.path.normpath(self.root / text.removeprefix(_DRIVE)))
        try:
            real = path.resolve()
            _check_name(path)
            allowed = [folder.resolve() for folder in (self.root, *self.folders)]
        except (OSError, ValueError, RuntimeError) as error:
            raise InvalidInput(f"{text!r} is not a path.", why=str(error)) from error
        if not any(real.is_relative_to(folder) for folder in allowed):
            raise Refused(
                f"{text!r} is not below the server's root folder.",
                todo="choose a place below it, or let your administrator add the folder to "
                "KernelContainersApp.folders",
            )
        if not self.hidden and self._is_hidden(path):
            raise NotFound(
                f"{text!r} is hidden.", todo="set ContentsManager.allow_hidden to use such files"
            )
        return path

    def _is_hidden(self, path: Path) -> bool:
        """Whether a name below each of the folders that allow it begins with a dot."""
        below = [
            path.relative_to(folder)
            for folder in (self.root, *self.folders)
            if path.is_relative_to(folder)
        ]
        return bool(below) and all(
            any(part.startswith(".") for part in rest.parts) for rest in below
        )

    def relative(self, path: str) -> str | None:
        """Return a path as Jupyter's contents have it; None for one outside of the root."""
        try:
            return Path(path).relative_to(self.root).as_posix()
        except ValueError:
            return None

    def uri(self, text: str) -> Uri:
        """Return a place for results: `s3://…`, `file://…` or a folder.

        Raises:
            Refused, InvalidInput: as from `file`.
        """
        if "://" not in text and not text.startswith("file:"):
            return self.check(Uri.parse(str(self.file(text))))
        return self.check(Uri.parse(text))

    def check(self, uri: Uri) -> Uri:
        """Return the place, if requests may name it.

        Raises:
            Refused: a file elsewhere.
        """
        if uri.scheme == "file":
            self.file(uri.path)
        return uri

    def destination(self, text: str) -> Destination:
        """Return where an image goes.

        Raises:
            Refused, InvalidInput: as from `file` and `parse_destination`.
        """
        if text.startswith("oci:") and text != "oci:":
            return ToLayout(self.file(text.removeprefix("oci:")))
        return parse_destination(text)


def _check_name(path: Path) -> None:
    """Raise what the system says of a name that no file can have, such as one too long."""
    with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        path.lstat()
