"""How a run ended, in words, and which failure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_containers.errors import (
    Defect,
    InvalidInput,
    KernelContainersError,
    OutputsNotWritten,
    RunFailed,
    UsageError,
)

if TYPE_CHECKING:
    from kernel_containers.workflow.runs.submit import Outcome

REASONS = {
    123: "a cell took longer than its time limit",
    124: "the run took longer than its deadline",
    138: "the kernel died or did not start",
    143: "it was told to stop",
}
# What an image's exit code means that ended without a last word.
BY_CODE = {64: "usage", 65: "parameters", 70: "defect", 74: "outputs"}


def failure(outcome: Outcome) -> KernelContainersError:
    """Return what a run that did not succeed ended with; `sys.exit(65)` is none of ours."""
    cause = outcome.end.get("cause") or BY_CODE.get(outcome.code, "")
    why, todo = words(outcome)
    if cause == "parameters":
        return InvalidInput("The run did not start.", why=why, todo=todo)
    if cause == "usage":
        return UsageError("The image does not take these arguments.", why=why, todo=todo)
    if cause == "outputs":
        return OutputsNotWritten("The run's outputs were not written.", why=why, todo=todo)
    if cause == "defect":
        return Defect("The run's own program failed.", why=why, todo=todo or "report it")
    html = (outcome.end.get("outputs") or {}).get("html")
    return RunFailed(
        f"The run failed with exit code {outcome.code}.",
        why=why,
        todo=todo or (f"open {html}" if html else None),
    )


def words(outcome: Outcome) -> tuple[str | None, str | None]:
    """Return the cause and the advice in a run's last word, which may hold both."""
    message = str(outcome.end.get("message") or REASONS.get(outcome.code, ""))
    if outcome.out_of_memory:
        message = message or "the kernel needed more memory than the container has"
    causes: list[str] = []
    advice: list[str] = []
    for line in message.splitlines():
        if line.startswith("A copy is in "):
            continue  # said below: the container it names may be gone
        if line.startswith("Try: "):
            advice.append(line.removeprefix("Try: "))
        else:
            causes.append(line.removeprefix("Cause: "))
    if outcome.kept and outcome.kept.startswith("/"):
        advice.append(f"find the only copy of the outputs in {outcome.kept}")
    elif outcome.kept:
        advice.append(f"get the only copy of the outputs with `docker cp {outcome.kept} .`")
    return " ".join(causes) or None, "; ".join(advice) or None
