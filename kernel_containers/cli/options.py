"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from kernel_containers.core.containers import Resources, parse_size

Command = TypeVar("Command", bound=Callable[..., Any])


class _Given(click.types.StringParamType):
    """A text that says something: an empty one is a variable that a shell did not have."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not str(value).strip():
            self.fail("it is empty", param, ctx)
        return str(value)


class _GivenPath(_Given):
    """A path that is not empty, which would be the current folder."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return Path(super().convert(value, param, ctx))


GIVEN = _Given()
GIVEN_PATH = _GivenPath()
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
yes_option = click.option("--yes", "-y", is_flag=True, help="Answer yes to every question.")


def limits(command: Command) -> Command:
    """Add --memory, --cpus, --pids, --shm-size and --gpus."""
    for option in reversed(
        (
            click.option("--memory", metavar="SIZE", help="Limit, such as 4g; swap included."),
            click.option("--cpus", type=float, metavar="NUMBER", help="Limit, such as 1.5."),
            click.option("--pids", type=int, metavar="NUMBER", help="Most processes at once."),
            click.option("--shm-size", metavar="SIZE", help="Size of /dev/shm."),
            click.option("--gpus", metavar="all|NUMBER|IDS", help="Which of the engine's GPUs."),
        )
    ):
        command = option(command)
    return command


def resources_from(options: Mapping[str, Any]) -> Resources:
    """Return the limits of the options that `limits` added.

    Raises:
        InvalidInput: a size is malformed.
    """
    return Resources(
        memory=parse_size(options["memory"]) if options["memory"] else None,
        cpus=options["cpus"],
        pids=options["pids"],
        shm_size=parse_size(options["shm_size"]) if options["shm_size"] else None,
        gpus=options["gpus"],
    )
