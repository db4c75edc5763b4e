"""`kernel-containers`: the commands, and how each failure becomes an exit code."""

from __future__ import annotations

import errno
import gc
import importlib
import logging
import os
import signal
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kernel_containers._version import __version__
from kernel_containers.cli.output import Output
from kernel_containers.errors import (
    CannotWrite,
    Defect,
    Interrupted,
    KernelContainersError,
    NotFound,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)

# A command's module is imported when it is used: `--help` should not load boto3 and docker.
COMMANDS = {
    "kernel": "Install, fetch, list and remove kernels that run in containers.",
    "check": "Say how fit a notebook is to be run unattended.",
    "containerize": "Make a container image of a notebook and its environment.",
    "push": "Bring an image from the engine to a registry.",
    "describe": "Show an image's parameters as JSON Schema.",
    "run": "Run an image with parameters.",
    "runs": "List and open the results of runs.",
    "repositories": "List and create repositories of a registry.",
    "doctor": "Check what this machine needs, with advice.",
    "clean": "Remove leftovers and cached data.",
}

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"kernel_containers.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kernel-containers")
def cli() -> None:
    """Run Jupyter kernels in Docker containers, and make container images of notebooks."""


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    output = Output(as_json="--json" in arguments)
    try:
        code = cli.main(args=list(arguments), prog_name="kernel-containers", standalone_mode=False)
    except KernelContainersError as error:
        output.error(error)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        output.error(Interrupted("Interrupted."))
        return Interrupted.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        output.line(error.format_message())
        return UsageError.exit_code
    except click.ClickException as error:
        output.error(UsageError(error.format_message(), todo=_help(error, arguments)))
        return UsageError.exit_code
    except Exception as error:
        failure = _machine(error)
        if failure is None:
            logger.exception("unexpected error")
            failure = Defect(
                f"Unexpected {type(error).__name__}: {error}",
                why="a mistake in kernel-containers",
                todo="report it with the lines above",
            )
        output.error(failure)
        return failure.exit_code
    return code if isinstance(code, int) else 0


def _machine(error: Exception) -> KernelContainersError | None:
    """Return what any command may meet anywhere: no room to write, and no folder to be in."""
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        where = f" {error.filename}" if error.filename else ""
        return CannotWrite(
            f"This machine can't write{where or ' what it should'}.",
            why=error.strerror,
            todo="make room, or choose another place",
        )
    try:
        Path.cwd()
    except FileNotFoundError:
        return NotFound("The current folder does not exist any more.", todo="`cd` to another")
    return None


def _help(error: click.ClickException, arguments: Sequence[str]) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    # An option that lacks its value comes without a context.
    words = ["kernel-containers", *(word for word in arguments[:1] if word in COMMANDS)]
    return f"`{context.command_path if context else ' '.join(words)} --help`"


def main() -> None:
    """Run the command line of this process."""
    _open_streams()
    _end_in_order()
    # Imports and plans make much and drop little: looking for cycles took a sixth of the time.
    gc.set_threshold(100_000)
    # httpx imports its own command line where it can, and with it rich and pygments: 0.1 s.
    sys.modules["httpx._main"] = None  # type: ignore[assignment]
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    streams = [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, TextIOWrapper)]
    for stream in streams:
        stream.reconfigure(errors="backslashreplace")  # names of files may be any bytes
    code = run(sys.argv[1:])
    for stream in streams:
        _let_go(stream)
    sys.exit(code)


def _open_streams() -> None:
    """Give a process that was started without standard streams some that lead nowhere.

    Otherwise the first files and sockets that it opens would be its output.
    """
    modes = {"stdin": "r", "stdout": "w", "stderr": "w"}
    for name, mode in modes.items():
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(nowhere, mode))


def _end_in_order() -> None:
    """Make the end of a terminal, a service or a job of CI what Ctrl-C is: it cleans up."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # under nohup, SIGHUP is ignored
            signal.signal(number, signal.default_int_handler)


def _let_go(stream: TextIOWrapper) -> None:
    """Keep Python from failing at its end with what a reader that has gone left unread."""
    try:
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
