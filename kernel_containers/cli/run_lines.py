"""A run's own lines for people: what the image writes as JSON, said in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kernel_containers.workflow.runs.watch import parse_event

if TYPE_CHECKING:
    from kernel_containers.cli.output import Output


class RunLines:
    """Called with each line of a run's output; anything but an event is shown as it is."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def __call__(self, stream: str, line: str) -> None:
        """Show one line."""
        if self._output.as_json:
            # The command's own result is the one document on stdout.
            self._output.line(line)
            return
        event = parse_event(line) if stream == "stdout" else None
        text = line if event is None else _text(event)
        if text:
            self._output.note(text)


def _text(event: dict[str, Any]) -> str:
    match event["event"]:
        case "run-start":
            return f"Run {event.get('run_id', '')} of {event.get('notebook', '')}"
        case "cell-start":
            return f"── cell {event.get('number')} of {event.get('count')}"
        case "cell-end" if event.get("status") != "succeeded":
            return f"── cell {event.get('number')} {event.get('status')}: {event.get('error')}"
        case "output" | "kernel-output":
            return str(event.get("text", "")).rstrip("\n")
        case "warning":
            return f"Warning: {event.get('message', '')}"
        case _:
            return ""
