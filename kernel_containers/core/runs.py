"""One execution of an image, from the request to the report. Durations are seconds."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from kernel_containers.core.containers import Resources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.core.parameters import JsonValue
    from kernel_containers.core.scraps import ScrapFile


CellStatus = Literal["succeeded", "failed", "cancelled", "timed-out", "not-run", "skipped"]

# Why a run ended; the exit code follows from it (0, 1, n, 65, 70, 74, 123, 124, 137, 138, 143).
Cause = Literal[
    "completed",
    "cell-failed",
    "exit",
    "parameters",
    "kernel-start",
    "kernel-died",
    "out-of-memory",
    "cell-timeout",
    "deadline",
    "terminated",
    "outputs",
    "defect",
]
EXIT_CODES: Mapping[Cause, int] = {
    "completed": 0,
    "cell-failed": 1,
    "exit": 1,  # the code given to sys.exit() replaces it
    "parameters": 65,
    "kernel-start": 138,
    "kernel-died": 138,
    "out-of-memory": 137,
    "cell-timeout": 123,
    "deadline": 124,
    "terminated": 143,
    "outputs": 74,
    "defect": 70,
}


def new_run_id() -> str:
    """Return the UTC time and six random characters: sortable, and unique on many machines."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(3)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What to run. `image` is a manifest digest reference, or an image id of the engine.

    `secrets` names parameters whose values are passed as files. Parameters are in JSON terms.
    """

    image: str
    parameters: Mapping[str, JsonValue] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()  # further arguments of the image's entrypoint
    output: str | None = None
    # Name → value; only ever written to files.
    secrets: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    # Absolute path in the container → content, readable by the run's user only.
    files: Mapping[str, bytes] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)
    network: str = "bridge"
    run_id: str = ""

    def __repr__(self) -> str:
        # Values may be secret, so a request that ends up in a log shows names only.
        return f"RunRequest(image={self.image!r}, parameters={sorted(self.parameters)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class CellReport:
    """How one cell went; `index` counts all cells from 0."""

    index: int
    cell_id: str
    status: CellStatus
    started: str | None = None  # RFC 3339, UTC
    seconds: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """`report.json`: the truth about a run. Secrets are masked before they get here."""

    status: Literal["succeeded", "failed", "cancelled"]
    cause: Cause
    exit_code: int
    message: str
    run_id: str
    image: str | None
    manifest_sha256: str
    notebook: str
    started: str
    finished: str
    seconds: float
    parameters: Mapping[str, JsonValue]
    cells: tuple[CellReport, ...]
    outputs: Mapping[str, str]
    peak_memory: int | None = None  # bytes
    warnings: tuple[str, ...] = ()
    external_references: tuple[str, ...] = ()
    scraps: Mapping[str, JsonValue] = field(default_factory=dict)  # named values, last ones
    scrap_files: tuple[ScrapFile, ...] = ()  # tables, displays and large values
