"""The command line without an engine: usage, help, exit codes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

from kernel_containers import errors
from kernel_containers.cli.main import COMMANDS, cli, run
from kernel_containers.cli.output import Lines, Output, table
from kernel_containers.core.progress import Progress
from kernel_containers.core.sizes import size_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = (sys.executable, "-c", "from kernel_containers.cli import main; main.main()")


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0

    assert "Usage:" in capsys.readouterr().out


def every_command() -> Iterator[click.Context]:
    """Yield a context of each command, those of groups included."""
    waiting = [click.Context(cli, info_name="kernel-containers")]
    while waiting:
        context = waiting.pop()
        yield context
        if isinstance(context.command, click.Group):
            for name in context.command.list_commands(context):
                command = context.command.get_command(context, name)
                assert command
                waiting.append(click.Context(command, info_name=name, parent=context))


def test_every_command_and_option_says_what_it_does() -> None:
    silent = [
        f"{context.command_path} {option.name}"
        for context in every_command()
        for option in context.command.params
        if isinstance(option, click.Option) and not option.help
    ]
    silent += [context.command_path for context in every_command() if not context.command.help]

    assert silent == []


def test_help_loads_neither_docker_nor_boto3() -> None:
    script = (
        "import sys; from kernel_containers.cli.main import run; run(['--help']);"
        "print(sorted({'docker', 'boto3', 'nbformat', 'httpx'} & set(sys.modules)))"
    )

    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert answer.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--nope"], 64),
        (["nope"], 64),
        (["run"], 64),
        (["kernel", "add", "x"], 64),
        (["kernel", "add", "x", "--image", "a", "--prefix", "/b"], 64),
        (["describe", "UPPER"], 65),
        (["containerize", "n.ipynb", "--to", "no-host"], 65),
        (["run", "x", "--memory", "lots"], 65),
        (["run", "x", "--output", ""], 64),
        (["runs", "--prefix", "ftp://x/y"], 65),
        (["runs", "--prefix", "/no/such/folder"], 66),
        (["kernel", "remove", "never-installed"], 66),
        (["repositories", "create", "no-host"], 65),
        (["describe", "oci:/no/such/folder"], 66),
    ],
)
def test_wrong_input_has_its_exit_code_and_advice(
    arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == code

    told = capsys.readouterr()
    assert told.err.startswith("Error: ")
    assert "Traceback" not in told.err
    assert told.out == ""


def test_errors_are_json_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runs", "--prefix", "/no/such/folder", "--json"]) == 66

    told = json.loads(capsys.readouterr().err)
    assert told["error"] == "NotFound"
    assert told["exit_code"] == 66


def test_each_error_class_has_an_exit_code_of_the_table() -> None:
    codes = {
        error.__name__: error.exit_code
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.KernelContainersError)
    }

    assert set(codes.values()) == {1, 64, 65, 66, 69, 70, 73, 74, 75, 77, 130}
    assert codes["Unauthorized"] == codes["Refused"] == 77


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_500, "1.5 kB"), (2_500_000_000, "2.5 GB")],
)
def test_sizes_for_people(size: float, text: str) -> None:
    assert size_text(size) == text


def test_a_table_aligns_its_columns() -> None:
    assert table([("a", "bb"), ("ccc", "d")], ("X", "Y")) == "X    Y\na    bb\nccc  d"


def test_progress_without_a_terminal_is_a_line_for_each_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Output().progress() as report:
        for _ in range(100):
            report(Progress(stage="layer", message="one", done=5, total=10, unit="bytes"))
        for message in ("one", "one", "two"):
            report(Progress(stage="layer", message=message, done=10, total=10, unit="bytes"))

    assert capsys.readouterr().err.splitlines() == [
        "layer: one, 5 bytes of 10 bytes",
        "layer: one, 10 bytes of 10 bytes",
        "layer: two, 10 bytes of 10 bytes",
    ]


def test_progress_without_a_terminal_says_nothing_twice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = Lines(as_json=True, interval=0.0)

    for done in (1, 1, 1, 2, 2):
        lines.report(Progress(stage="runner", message="packages", done=done))

    written = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["done"] for line in written] == [1, 2]


def test_an_option_without_its_value_leads_to_the_help_of_its_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["run", "image", "-p", "weeks"]) == 64

    assert "Try: `kernel-containers run --help`" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["kernel"], ["repositories"]])
def test_a_command_that_is_not_complete_shows_its_help(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 64

    assert capsys.readouterr().err.startswith("Usage: ")


def test_results_and_notes_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()

    output.result(None, "docker:link:latest\ta [bold]b[/bold]")
    output.note("docker:link:latest\ta [bold]b[/bold]")

    told = capsys.readouterr()
    assert told.out == told.err == "docker:link:latest\ta [bold]b[/bold]\n"


WRITER = """
from kernel_containers.cli.main import run
from kernel_containers.cli import main
from kernel_containers.cli.output import Output
output = Output()
for _ in range(20_000):
    output.note("x" * 80)
    output.result([], "x" * 80)
main.main()
"""


def test_a_reader_that_goes_away_stops_nothing() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, "kernel", "remove", "never-installed"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stderr.close()

    assert process.returncode == 66


def test_names_that_are_no_text_are_printed_all_the_same() -> None:
    arguments = ["kernel", "remove", os.fsdecode(b"caf\xe9")]

    answer = subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, check=False)

    assert answer.returncode == 66
    assert r"caf\udce9" in answer.stderr


def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    leave = f'cd "{tmp_path}/gone" && rmdir "{tmp_path}/gone" && exec "$@"'

    answer = subprocess.run(
        ["sh", "-c", leave, "sh", *PROGRAM, "runs"], capture_output=True, text=True, check=False
    )

    assert answer.returncode == 66
    assert answer.stderr.startswith("Error: The current folder does not exist any more.")


def test_a_result_that_finds_no_room_is_an_error() -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        answer = subprocess.run(
            [*PROGRAM, "kernel", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert answer.returncode == 73
    assert "No space left on device" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_process_without_standard_streams_ends_as_others_do(closed: str) -> None:
    missing, found = (
        subprocess.run(
            ["sh", "-c", f'"$@" {closed}', "sh", *PROGRAM, "kernel", *words],
            capture_output=True,
            text=True,
            check=False,
        )
        for words in (["remove", "never-installed"], ["list"])
    )

    assert (missing.returncode, found.returncode) == (66, 0)
    assert "Traceback" not in missing.stderr + found.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_told_to_stop_ends_in_order(
    number: signal.Signals, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(tmp_path / "docker.sock"))
        engine.listen()
        environment = {**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/docker.sock"}
        # Whoever started the tests may have had signals ignored, as nohup does.
        command = ["env", "--default-signal", *PROGRAM, "run", "x"]
        with subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env=environment
        ) as process:
            engine.accept()[0].close()  # it knocks
            asked, _ = engine.accept()  # and is never answered
            with asked:
                process.send_signal(number)
                _, told = process.communicate(timeout=60)

    assert process.returncode == 130
    assert told.strip() == "Error: Interrupted."


def test_the_cache_is_cleaned_without_an_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    monkeypatch.setenv("KERNEL_CONTAINERS_CACHE", str(tmp_path / "cache"))

    assert run(["clean"]) == 69
    assert run(["clean", "--cache"]) == 0

    assert "0 bytes of cached data" in capsys.readouterr().out
