"""Helper programs that end with us: pip, compileall."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_POLL = 0.2  # seconds


def run_program(
    command: Sequence[str], environment: Mapping[str, str], waiting: Callable[[], None]
) -> tuple[int, str]:
    """Return a program's exit code and output, both streams in one.

    `waiting` is called a few times per second; what it raises ends the program and all that it
    started.
    """
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd="/",  # `python -m` finds modules in the current folder first
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                waiting()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_POLL)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        output.seek(0)
        return process.returncode, output.read().decode(errors="replace")
