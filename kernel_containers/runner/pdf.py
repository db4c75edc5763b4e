"""The page as PDF, printed by the image's own Chromium."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from kernel_containers.errors import OutputsNotWritten, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_OPTIONS = (
    "--headless",
    "--no-sandbox",  # a container is one, and gives no rights to make another
    "--disable-gpu",
    "--disable-dev-shm-usage",  # Docker gives 64 MB of it
    "--disable-background-networking",
    "--no-first-run",
    "--no-pdf-header-footer",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # the page is whole without a network
)
_SECONDS = 120.0


def find_chromium() -> str:
    """Return the program that prints.

    Raises:
        UsageError: the image has none.
    """
    for name in _PROGRAMS:
        found = shutil.which(name)
        if found:
            return found
    raise UsageError(
        "--pdf needs Chromium in the image.",
        why=f"none of {', '.join(_PROGRAMS)} is on the PATH",
        todo="containerize with a base image that has it, or print the HTML elsewhere",
    )


def print_page(page: Iterable[bytes], folder: Path) -> Path:
    """Return a file with the page as PDF, below a folder of ours.

    Raises:
        OutputsNotWritten: Chromium failed; its words are the cause.
    """
    source, target = folder / "page.html", folder / "page.pdf"
    command = [find_chromium(), *_OPTIONS, f"--user-data-dir={folder / 'chromium'}"]
    command += [f"--print-to-pdf={target}", source.as_uri()]
    try:
        with source.open("wb") as file:
            file.writelines(page)
        done = subprocess.run(
            command,
            env={**os.environ, "HOME": str(folder)},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OutputsNotWritten("The PDF was not made.", why=str(error)) from error
    if done.returncode or not target.is_file():
        words = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise OutputsNotWritten("The PDF was not made.", why=f"Chromium: {words[0]}")
    return target
