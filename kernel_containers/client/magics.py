"""`%load_ext kernel_containers` gives `%containerize` and `%run_image`.

Both return at once. The front end, which may talk to the server, does what they ask for and tells
how it goes; where nobody can be asked, the equivalent command is shown.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import sys
from typing import Any

from kernel_containers.client.jobs import FINAL, Job, ask

_PROGRAM = "kernel-containers"
_VALUES = (("-p", "--parameter"), ("-r", "--raw"))


def load_ipython_extension(shell: Any) -> None:
    """Add the magics; IPython calls this."""
    shell.register_magic_function(containerize, "line", "containerize")
    shell.register_magic_function(run_image, "line", "run_image")


def unload_ipython_extension(shell: Any) -> None:
    """Take the magics away; IPython calls this."""
    for name in ("containerize", "run_image"):
        shell.magics_manager.magics["line"].pop(name, None)


def containerize(line: str) -> Job | None:
    """Make a container image of this notebook, in the background.

    %containerize [--to WHERE | --local] [--parameter NAME]... [--secret NAME]...

    WHERE is HOST/REPOSITORY:TAG, docker:NAME:TAG or oci:FOLDER. The notebook is saved first.
    """
    parser = _Parser("%containerize")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--to", metavar="WHERE")
    place.add_argument("--local", action="store_true")
    parser.add_argument("--parameter", metavar="NAME", action="append", default=[])
    parser.add_argument("--secret", metavar="NAME", action="append", default=[])
    given = parser.read(parser.words(line))
    if given is not None and given.to == "":
        raise parser.refusal("--to needs a place")
    return None if given is None else _start_containerize(given)


def run_image(line: str) -> Job | None:
    """Run an image with parameters, in the background; the report and scraps come back.

    %run_image IMAGE [-p NAME VALUE]... [-r NAME TEXT]...
    %run_image --local [-p NAME VALUE]... [-r NAME TEXT]...

    A VALUE is read as JSON where it is JSON, else it is a text; -r is always a text. With --local
    an image of this notebook is made first, in this machine's engine and without a push.
    """
    parser = _Parser("%run_image")
    parser.add_argument("image", nargs="?")
    for names in _VALUES:  # for the usage only: argparse takes no "-x" for a value
        parser.add_argument(*names, nargs=2, metavar=("NAME", "VALUE"))
    parser.add_argument("--local", action="store_true")
    words, values, options = _take_values(parser, parser.words(line))
    given = parser.read(words)
    if given is None:
        return None
    if bool(given.image) == given.local:
        raise parser.refusal("give either an image or --local")
    if given.image:
        return _start_run(given.image, values, options)
    return _make_and_run(values, options)


class _Parser(argparse.ArgumentParser):
    def __init__(self, name: str) -> None:
        super().__init__(prog=name, add_help=False, allow_abbrev=False)
        self.add_argument("-h", "--help", action="store_true")

    def refusal(self, message: str) -> Exception:
        """Return IPython's error for a wrong line, which it shows without a traceback."""
        kind: Any = sys.modules["IPython.core.error"]
        made: Exception = kind.UsageError(f"{self.prog}: {message}\n{self.format_usage().strip()}")
        return made

    def error(self, message: str) -> Any:
        raise self.refusal(message)

    def words(self, line: str) -> list[str]:
        """Return the words of a line, as a shell has them."""
        try:
            return shlex.split(line)
        except ValueError as error:
            raise self.refusal(str(error)) from None

    def read(self, words: list[str]) -> argparse.Namespace | None:
        """Return what words ask for; None where that is help, which is shown."""
        given = self.parse_args(words)
        if given.help:
            sys.stdout.write(self.format_help())
            return None
        return given


def _take_values(parser: _Parser, words: list[str]) -> tuple[list[str], dict[str, Any], list[str]]:
    """Return the words without those of -p and -r, the values, and their words."""
    rest: list[str] = []
    values: dict[str, Any] = {}
    taken: list[str] = []
    left = iter(words)
    for word in left:
        if word not in _VALUES[0] + _VALUES[1]:
            rest.append(word)
            continue
        name, text = next(left, ""), next(left, None)
        if not name or text is None:
            raise parser.refusal(f"{word} needs a NAME and a VALUE")
        if name in values:
            raise parser.refusal(f"{name} is given twice")
        values[name] = text if word in _VALUES[1] else _value(text)
        taken += [word, name, text]
    return rest, values, taken


def _start_containerize(given: argparse.Namespace) -> Job:
    to = None if given.local else given.to
    options = ["--to", to] if to else []
    for name in ("parameter", "secret"):
        options += [word for value in getattr(given, name) for word in (f"--{name}", value)]
    job = Job("containerize", _command("containerize", _notebook(), *options))
    asked = {"kind": "containerize", "to": to, "parameters": given.parameter or None}
    return _start(job, {**asked, "secrets": given.secret})


def _start_run(image: str, values: dict[str, Any], options: list[str]) -> Job:
    job = Job(f"run {image}", _command("run", image, *options))
    return _start(job, {"kind": "run", "image": image, "parameters": values})


def _make_and_run(values: dict[str, Any], options: list[str]) -> Job:
    """Start a job that makes an image, and the run of it when that has succeeded."""
    command = _command("containerize", _notebook()), _command("run", "IMAGE", *options)
    made = Job("containerize", " && ".join(command))
    run = Job("run of this notebook", command[1])

    def go_on() -> None:
        if run.image or run.error:
            return  # it was asked for, or never will be
        if made.state == "succeeded" and made.image:
            run.image, run.title = made.image, f"run {made.image}"
            ask(run, {"kind": "run", "image": made.image, "parameters": values})
        elif made.state in FINAL:
            run.take({"error": made.error or {"what": f"The image: {made.state}."}})

    made.on_change(go_on)
    _start(made, {"kind": "containerize", "to": None, "parameters": None, "secrets": []})
    if not run.error:
        run.show()
    return run


def _start(job: Job, data: dict[str, Any]) -> Job:
    if ask(job, data):
        job.show()
    else:
        job.take({"error": {"what": "No front end can be asked here.", "todo": job.command}})
        sys.stdout.write(f"{job!r}\n")
    return job


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError):
        return text


def _finite(text: str) -> float:
    # JSON has neither NaN nor Infinity, nor a number that would become one.
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _notebook() -> str:
    return os.environ.get("JPY_SESSION_NAME") or "NOTEBOOK"


def _command(*words: str) -> str:
    return " ".join(shlex.quote(word) for word in (_PROGRAM, *words))
