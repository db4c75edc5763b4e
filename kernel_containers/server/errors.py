"""Which HTTP status each class of error is; nothing else decides on one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_containers import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

STATUSES: Mapping[type[errors.KernelContainersError], int] = {
    errors.UsageError: 400,
    errors.Unauthorized: 403,
    errors.Refused: 403,
    errors.NotFound: 404,
    errors.TryAgain: 409,
    errors.Interrupted: 409,
    errors.RunFailed: 409,
    errors.InvalidInput: 422,
    errors.Unavailable: 503,
    errors.CannotWrite: 507,
    errors.OutputsNotWritten: 507,
    errors.Defect: 500,
}

# What Jupyter and tornado answer themselves, before an operation is asked.
_OTHERS: Mapping[int, tuple[type[errors.KernelContainersError], str, str | None]] = {
    400: (errors.UsageError, "The request is malformed.", None),
    401: (errors.Unauthorized, "Nobody is signed in.", "sign in to Jupyter again"),
    403: (errors.Unauthorized, "This user may not do that here.", "sign in to Jupyter again"),
    404: (errors.NotFound, "There is nothing here.", None),
    405: (errors.UsageError, "This can't be done here.", None),
    413: (errors.UsageError, "The request is too large.", None),
    416: (errors.UsageError, "The file ends before what was asked for.", None),
}


def status_of(error: errors.KernelContainersError) -> int:
    """Return the HTTP status for an error, by its class or the nearest above it."""
    return next(STATUSES[cls] for cls in type(error).__mro__ if cls in STATUSES)


def error_of(status: int) -> errors.KernelContainersError:
    """Return the error to tell where only a status is known."""
    kind, what, todo = _OTHERS.get(
        status, (errors.Defect, "The server made a mistake.", "look into the server's log")
    )
    return kind(what, todo=todo)
