"""Why a kernel's process ended."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from kernel_containers.runner.verdict import Ended

if TYPE_CHECKING:
    from kernel_containers.core.runs import Cause
    from kernel_containers.runner.kernel import KernelProcess
    from kernel_containers.runner.memory import MemoryFiles


class Deaths:
    """Tells why a kernel ended; made before it starts, so that only what comes later counts."""

    def __init__(self, memory: MemoryFiles) -> None:
        self.memory = memory
        self._kills_before = memory.oom_kills()

    def words(self, kernel: KernelProcess) -> str:
        """Return why, to follow "the kernel died: "."""
        if self._is_of_memory():
            limit = self.memory.limit_bytes()
            of = f" of {limit // 1024**2} MiB" if limit else ""
            return f"the container ran out of its memory{of}"
        return f"its process {_words_for(kernel.exit_code() or 0)}"

    def end(self, kernel: KernelProcess, cause: Cause, what: str) -> Ended:
        """Return the end of the run, of that cause where memory is not to blame."""
        words = f"{what}: {self.words(kernel)}."
        if self._is_of_memory():
            return Ended("out-of-memory", words)
        return Ended(cause, f"{words} {last_words(kernel)}".rstrip())

    def _is_of_memory(self) -> bool:
        return self.memory.oom_kills() > self._kills_before


def last_words(kernel: KernelProcess) -> str:
    """Return what a process said besides Jupyter's messages; nothing for nothing."""
    said = kernel.said().strip()
    return f"It said:\n{said}" if said else ""


def _words_for(code: int) -> str:
    """Return how a process ended, to follow its name; `code` is as in subprocess."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"was ended by signal {-code}"
