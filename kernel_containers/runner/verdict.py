"""What a kernel's answer, or its death, says about a cell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from kernel_containers.core.runs import EXIT_CODES, Cause

_NO_STDIN = "StdinNotImplementedError"
_NOTHING = "NoneType"
_LONGEST_WORDS = 1000  # characters


@dataclass(frozen=True, slots=True)
class Outcome:
    """Why the cells ended."""

    cause: Cause
    exit_code: int
    message: str


class Ended(Exception):
    """No further cell is run."""

    def __init__(self, cause: Cause, message: str, exit_code: int | None = None) -> None:
        super().__init__(message)
        code = EXIT_CODES[cause] if exit_code is None else exit_code
        self.outcome = Outcome(cause, code, message)


def error_of(reply: Any, cell: Any) -> tuple[str, str] | None:
    """Return the name and words of what went wrong; an error output counts like a reply."""
    status = reply.get("status")
    shown = [item for item in cell.outputs if item.output_type == "error"]
    # IPython's reply names nothing where it was the display of a value that failed.
    if status == "error" and not (shown and reply.get("ename") == _NOTHING):
        return str(reply.get("ename", "Error")), str(reply.get("evalue", ""))
    if shown:
        return str(shown[0].get("ename", "Error")), str(shown[0].get("evalue", ""))
    return None if status == "ok" else (f"The kernel's reply was {status!r}", "")


def words_for(name: str, value: str) -> str:
    """Return an error in one line for the report."""
    words = f"{name or 'error'}: {value}" if value else name or "an error without a name"
    if name == _NO_STDIN:
        words = "it asks for input, and nobody is there to answer; make it a parameter"
    return words if len(words) <= _LONGEST_WORDS else f"{words[:_LONGEST_WORDS]}…"


def exit_request(reply: Any) -> tuple[str, int] | None:
    """Return how a cell that ran well ended the notebook, in words and as an exit code.

    None where it did not. IPython's `exit(3)` raises nothing, and takes the 3 for "keep the
    kernel": what Python means by it is told nevertheless.
    """
    payloads = reply.get("payload") or []
    asked = [payload for payload in payloads if payload.get("source") == "ask_exit"]
    if not asked:
        return None
    value = asked[-1].get("keepkernel")
    if value is None or isinstance(value, bool):
        return "exit()", 0
    return f"exit({value!r})", exit_code_of(str(value))


def exit_code_of(value: str) -> int:
    """Return the exit code that `sys.exit()` asked for, given the text of its argument."""
    if value in ("", "0", "None", "False"):
        return 0
    if re.fullmatch(r"-?[0-9]+", value):
        # A process has eight bits; a multiple of 256 is no success.
        return int(value) & 0xFF or 1
    return 1
