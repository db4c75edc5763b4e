"""The image's command line; parameters are given as papermill takes them."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from kernel_containers.core.contract import OUTPUT_VARIABLE
from kernel_containers.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_GRACE = 5.0  # seconds; half of what `docker stop` gives
DEFAULT_START_TIMEOUT = 60.0  # seconds
DEFAULT_MAX_OUTPUT = 100 * 1000**2  # bytes

_PAIRS = {"-p": "parameters", "--parameters": "parameters", "-r": "raw", "--parameters_raw": "raw"}
_SINGLES = {
    "-f": "files",
    "--parameters_file": "files",
    "-y": "yaml",
    "--parameters_yaml": "yaml",
    "-b": "base64",
    "--parameters_base64": "base64",
}
_HELP = """\
parameters:
  -p NAME VALUE         a value, read as the parameter's type; @FILE and @s3://... read a large one
  -r NAME TEXT          the text itself, as a string
  -f FILE|s3://...      a YAML or JSON file of values
  -y YAML, -b BASE64    values in the argument itself, as YAML or JSON
  Later kinds win over earlier ones in the order -b -f -y -p -r.

exit codes:
  0 success, 1 a cell failed, n from sys.exit(n), 64 usage, 65 parameters, 70 defect here,
  74 outputs not written, 123 cell timeout, 124 deadline, 137 out of memory,
  138 kernel died or did not start, 143 terminated
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """What was asked for. Times are seconds; pairs are (name, text)."""

    parameters: tuple[tuple[str, str], ...] = ()
    raw: tuple[tuple[str, str], ...] = ()
    files: tuple[str, ...] = ()
    yaml: tuple[str, ...] = ()
    base64: tuple[str, ...] = ()
    output: str | None = None
    ipynb: str | None = None
    html: str | None = None
    allow_unknown: bool = False
    allow_errors: bool = False
    describe: bool = False
    hide_input: bool = False
    html_template: str | None = None  # a folder, or the name of one of nbconvert's
    pdf: bool = False
    cell_timeout: float | None = None
    timeout: float | None = None
    grace: float = DEFAULT_GRACE
    start_timeout: float = DEFAULT_START_TIMEOUT
    max_output: int = DEFAULT_MAX_OUTPUT  # bytes of one cell
    log_format: str | None = None  # json or text; None: text on a terminal
    root: str = "/"  # below which the contract's own files lie; for tests


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Return the arguments; `--help` prints and raises SystemExit(0).

    Raises:
        UsageError: unknown or malformed arguments.
    """
    values: dict[str, list[Any]] = {
        name: [] for name in ("parameters", "raw", "files", "yaml", "base64")
    }
    rest: list[str] = []
    waiting = iter(argv)
    # Not argparse's work: it takes a value such as -x for another option.
    for argument in waiting:
        name, equals, text = argument.partition("=")
        if argument in _PAIRS:
            pair = (_next(argument, waiting), _next(argument, waiting))
            values[_PAIRS[argument]].append(pair)
        elif argument in _SINGLES:
            values[_SINGLES[argument]].append(_next(argument, waiting))
        elif equals and name in _SINGLES:
            values[_SINGLES[name]].append(text)
        else:
            rest.append(argument)
    given: dict[str, Any] = {name: tuple(items) for name, items in values.items()}
    return Arguments(**vars(_parser().parse_args(rest)), **given)


def _next(flag: str, waiting: Any) -> str:
    try:
        return str(next(waiting))
    except StopIteration:
        count = "a name and a value" if flag in _PAIRS else "a value"
        raise UsageError(f"{flag} needs {count}.", todo="--help lists the arguments") from None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", todo="--help lists the arguments")


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise ValueError
    return value


def _megabytes(text: str) -> int:
    value = int(text)
    if value <= 0:
        raise ValueError
    return value * 1000**2


# argparse says: invalid "number of seconds" value
_seconds.__name__ = "number of seconds"
_megabytes.__name__ = "number of MB"


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="docker run IMAGE",
        description="Run this image's notebook with parameters and write what comes out.",
        epilog=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--allow-unknown", action="store_true", help="accept undeclared names")
    parser.add_argument(
        "--describe", action="store_true", help="print the parameters as JSON Schema and exit"
    )
    parser.add_argument("--root", default="/", help=argparse.SUPPRESS)
    _add_outputs(parser.add_argument_group("outputs"))
    _add_limits(parser.add_argument_group("execution"))
    return parser


def _add_outputs(group: Any) -> None:
    group.add_argument(
        "--output", metavar="URI", help=f"file:// or s3:// prefix [${OUTPUT_VARIABLE}]"
    )
    group.add_argument("--ipynb", metavar="URI", help="where exactly the notebook goes")
    group.add_argument("--html", metavar="URI", help="where exactly the HTML goes")
    group.add_argument(
        "--no-input", dest="hide_input", action="store_true", help="leave code out of the HTML"
    )
    group.add_argument(
        "--html-template",
        metavar="FOLDER|NAME",
        help="an nbconvert template instead of this program's page, such as classic",
    )
    group.add_argument("--pdf", action="store_true", help="also a PDF; needs Chromium in the image")
    group.add_argument(
        "--max-output",
        type=_megabytes,
        default=DEFAULT_MAX_OUTPUT,
        metavar="MB",
        help="most that the notebook holds of one cell's output, and a quarter of all cells'; "
        f"more goes into files beside the report [{DEFAULT_MAX_OUTPUT // 1000**2}]",
    )
    group.add_argument(
        "--log-format", choices=("json", "text"), help="of stdout [text on a terminal]"
    )


def _add_limits(group: Any) -> None:
    group.add_argument("--allow-errors", action="store_true", help="go on after a failed cell")
    limits = (
        ("--cell-timeout", None, "of each cell"),
        ("--timeout", None, "of the whole run, writing of outputs included"),
        ("--start-timeout", DEFAULT_START_TIMEOUT, "of the kernel's start"),
        ("--grace", DEFAULT_GRACE, "for the notebook to clean up when it is stopped"),
    )
    for flag, default, text in limits:
        shown = f" [{default:g}]" if default else ""
        group.add_argument(
            flag, type=_seconds, default=default, metavar="SECONDS", help=text + shown
        )
