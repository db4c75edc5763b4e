"""The exception tree: the class says who is to blame and carries the exit code.

Exit codes follow `sysexits.h` where it has one for the case. The command line exits with
`exit_code`; the server maps classes to HTTP statuses. Nothing else decides on either.
"""

from __future__ import annotations

import re
from typing import ClassVar


class KernelContainersError(Exception):
    """What happened, why, and what to do about it; `str()` puts each on its own line."""

    exit_code: ClassVar[int] = 70

    def __init__(self, what: str, *, why: str | None = None, todo: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.todo = todo

    def __str__(self) -> str:
        lines = [self.what]
        if self.why:
            lines.append(f"Cause: {self.why}")
        if self.todo:
            lines.append(f"Try: {self.todo}")
        return "\n".join(lines)


class RunFailed(KernelContainersError):
    """A run or a verification ended, and did not succeed."""

    exit_code = 1


class UsageError(KernelContainersError):
    """The command or request does not make sense as given."""

    exit_code = 64


class InvalidInput(KernelContainersError):
    """A notebook, parameter, reference or file has a wrong value."""

    exit_code = 65


class NotFound(KernelContainersError):
    """A notebook, kernel, image or repository does not exist."""

    exit_code = 66


class Unavailable(KernelContainersError):
    """The engine, registry or store did not do its part."""

    exit_code = 69


class Defect(KernelContainersError):
    """A mistake in this program."""

    exit_code = 70


class CannotWrite(KernelContainersError):
    """This machine could not store a file: disk full, read-only or forbidden."""

    exit_code = 73


class OutputsNotWritten(KernelContainersError):
    """A run's outputs did not reach their destination."""

    exit_code = 74


class TryAgain(KernelContainersError):
    """The peer asks to come back later, or something changed meanwhile."""

    exit_code = 75


class Refused(KernelContainersError):
    """Somebody said no: missing rights, an immutable tag, secrets found."""

    exit_code = 77


class Unauthorized(Refused):
    """The peer does not know who asks, or does not allow it (401, 403)."""


class Interrupted(KernelContainersError):
    """The user stopped it."""

    exit_code = 130


def error_as_json(error: KernelContainersError) -> dict[str, str | None]:
    """Return the error for programs; `code` names its class here: `not-found`, `try-again`."""
    named = next(cls for cls in type(error).__mro__ if cls.__module__ == __name__)
    code = re.sub(r"(?<!^)(?=[A-Z])", "-", named.__name__).lower()
    return {
        "what": error.what,
        "why": error.why,
        "todo": error.todo,
        "code": code.removesuffix("-error"),
    }
