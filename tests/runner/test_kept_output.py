"""Whatever a notebook says is in its outputs, or the run says that it is not."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.runner.image import Finished, code

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runner.image import Image


@pytest.mark.parametrize("count", [5_000, pytest.param(60_000, marks=pytest.mark.full)])
def test_every_flushed_write_is_kept(make_image: Callable[..., Image], count: int) -> None:
    run = make_image(
        f"import sys\nfor i in range({count}):\n"
        "    sys.stdout.write(f'{i}\\n')\n    sys.stdout.flush()"
    ).run()

    assert run.code == 0, run.report["message"]
    assert run.text(0).split() == [str(number) for number in range(count)]
    logged = "".join(event["text"] for event in run.events if event["event"] == "output")
    assert logged == run.text(0)
    assert len(run.events) < 1000


def test_displays_streams_and_widgets_are_as_a_front_end_shows_them(
    make_image: Callable[..., Image],
) -> None:
    run = make_image(
        "import sys; print('a'); print('b', flush=True)\nprint('e', file=sys.stderr, flush=True)\n"
        "print('c')",
        "from IPython.display import display, clear_output\n"
        "handle = display('first', display_id='x')",
        "handle.update('second')\nprint('gone'); clear_output(); print('stays')",
        "for i in range(1000):\n    print(f'{i:4d} of 1000', end='\\r', flush=True)\nprint('done')",
        "import threading, time\n"
        "def late():\n    time.sleep(0.3)\n    print('from the thread', flush=True)\n"
        "thread = threading.Thread(target=late); thread.start()",
        "thread.join(); print('next cell')",
        "from comm import create_comm\n"
        "state = {'_model_name': 'IntSliderModel', '_model_module': 'm', 'value': 7}\n"
        "comm = create_comm(target_name='jupyter.widget', data={'state': state})\n"
        "1 / 0",
    ).run()

    assert run.code == 1
    streams = [
        (output["name"], "".join(output["text"])) for output in run.notebook["cells"][0]["outputs"]
    ]
    assert streams == [("stdout", "a\nb\n"), ("stderr", "e\n"), ("stdout", "c\n")]
    (shown,) = run.notebook["cells"][1]["outputs"]
    assert shown["data"]["text/plain"] == ["'second'"]
    assert run.text(2) == "stays\n"
    assert run.text(3) == "done of 1000\n"
    both = run.text(4) + run.text(5)
    assert sorted(both.splitlines()) == ["from the thread", "next cell"]
    widgets = run.notebook["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]
    assert [model["state"]["value"] for model in widgets["state"].values()] == [7]


# What comes first was dealt with when what comes next has been read.
FOLLOW = """
import fcntl, os, struct, subprocess, sys, termios, time
def follow(stream):
    for words in (b'', b'\\n'):
        os.write(stream, words)
        while struct.unpack('i', fcntl.ioctl(stream, termios.FIONREAD, bytes(4)))[0]:
            time.sleep(0.01)
"""


def test_what_a_child_process_writes_is_told_once_and_whole(
    make_image: Callable[..., Image],
) -> None:
    run = make_image(
        FOLLOW,
        "subprocess.run(['printf', 'ё' * 50_000])\nfollow(1)\nsys.stdout.flush()",
        "os.write(2, b'last words\\n')\nfollow(2)\nos.abort()",
    ).run()

    assert run.statuses == ["succeeded", "succeeded", "failed"]
    assert run.text(1).rstrip("\n") == "ё" * 50_000
    kernel_said = [event["text"] for event in run.events if event["event"] == "kernel-output"]
    assert not any("ё" in text for text in kernel_said)
    assert "last words" in run.report["message"]
    assert len(run.report["message"]) < 5_000
    assert "\x1e" not in run.stdout


def test_what_child_processes_of_the_last_cell_write_is_in_it(
    make_image: Callable[..., Image],
) -> None:
    run = make_image(
        "import os, subprocess\nsubprocess.run(['printf', r'\\377abc'])",
        "os.write(1, b'\\xe2\\x82'); os.write(1, b'\\xac' * 1)\n"
        "subprocess.run('seq 20000; echo e >&2', shell=True)\nNone",
    ).run()

    assert run.code == 0, run.stdout
    assert run.text(0) == "\ufffdabc"
    numbers = "".join(f"{number}\n" for number in range(1, 20_001))
    assert run.text(1) == f"€{numbers}"
    assert run.text(1, "stderr") == "e\n"


def test_what_is_said_while_the_kernel_ends_is_in_the_last_cell(
    make_image: Callable[..., Image],
) -> None:
    late = (
        "import atexit, threading, time\n"
        "def late():\n    time.sleep(0.3)\n    print('a thread')\n"
        "threading.Thread(target=late).start()\n"
        "atexit.register(print, 'a handler')\nprint('the cell')"
    )

    run = make_image("1", late).run()

    assert run.code == 0, run.stdout + run.stderr
    assert run.text(1) == "the cell\na thread\na handler\n"
    assert run.report["warnings"] == []


@pytest.mark.full
def test_a_thread_that_does_not_end_is_told(make_image: Callable[..., Image]) -> None:
    endless = "import threading\nthreading.Thread(target=threading.Event().wait).start()"

    run = make_image(endless).run()

    assert run.code == 0, run.stdout + run.stderr
    (warning,) = run.report["warnings"]
    assert warning == "A thread or an exit handler still ran 5 s after the last cell."


def test_the_end_does_not_wait_for_what_ends_with_the_kernel(
    make_image: Callable[..., Image],
) -> None:
    run = make_image(
        "from multiprocessing import resource_tracker\n"
        "resource_tracker.ensure_running()\nprint(resource_tracker._resource_tracker._pid > 0)\n"
        "import subprocess\nleft = subprocess.Popen(['sleep', '600'])"
    ).run()

    assert run.text(0) == "True\n"
    assert run.report["warnings"] == []


def test_a_notebook_that_makes_errors_of_warnings_ends_as_any_other(
    make_image: Callable[..., Image],
) -> None:
    run = make_image("import warnings\nwarnings.simplefilter('error')").run()

    assert (run.code, run.report["warnings"]) == (0, [])


def test_text_beyond_the_limit_is_whole_in_a_file_beside_the_report(
    make_image: Callable[..., Image],
) -> None:
    image = make_image(
        "import sys\nfor i in range(30):\n    print(f'{i:05d}' + 'ё' * 50_000)\n"
        "sys.stdout.flush()\nprint('also', file=sys.stderr)\n1 / 0"
    )

    run = image.run("--max-output", "2")

    assert run.code == 1
    said = "".join(f"{number:05d}{'ё' * 50_000}\n" for number in range(30))
    assert said.startswith(run.text(0))
    assert 1_999_998 <= len(run.text(0).encode()) <= 2_000_000
    assert (run.run_folder / "cell-1-stdout.txt").read_text(encoding="utf-8") == said
    assert (run.run_folder / "cell-1-stderr.txt").read_text() == "also\n"
    mark = "[Output cut here: all of it is in cell-1-stdout.txt, beside the report]"
    assert mark in [event.get("text", "").strip() for event in run.events]
    assert '<a href="cell-1-stdout.txt">' in run.html
    assert run.report["warnings"] == [
        "The output of cell 1 was cut, see cell-1-stdout.txt, cell-1-stderr.txt."
    ]
    assert run.report["outputs"]["cell-1-stdout.txt"].endswith("/cell-1-stdout.txt")
    assert run.notebook["cells"][0]["outputs"][-1]["ename"] == "ZeroDivisionError"


def test_a_display_beyond_the_limit_leaves_a_link_and_room_for_what_follows(
    make_image: Callable[..., Image],
) -> None:
    image = make_image(
        "from IPython.display import HTML, display\n"
        "display(HTML('<p>' + 'y' * 3_000_000 + '</p>'))\nprint('after')\n"
        "for i in range(150): display(HTML('z' * 1_000_001))"
    )

    run = image.run("--max-output", "1")

    assert run.code == 0
    assert run.text(0) == "after\n"
    file = run.run_folder / "cell-1-output-1.html"
    assert file.read_text() == f"<p>{'y' * 3_000_000}</p>"
    assert '<a href="cell-1-output-1.html">' in run.html
    assert "y" * 100 not in run.html
    assert len(list(run.run_folder.glob("cell-1-output-*.html"))) == 100
    lines = (run.run_folder / "cell-1-outputs.jsonl").read_text().splitlines()
    assert [len(json.loads(line)["data"]["text/html"]) for line in lines] == [1_000_001] * 51


def test_long_outputs_are_in_the_notebook_and_on_the_page_as_they_were(
    make_image: Callable[..., Image],
) -> None:
    image = make_image(
        "import os, sys\nfor i in range(100):\n    print(i, '<b>\"\\\\\\t😀' * 1_000)\n"
        "    print(os.environ['A_TOKEN'], flush=True)\n"
        "    print('e' * 9_000, file=sys.stderr, flush=True)\n"
        "print('50%\\r99%', end='')",
        "from IPython.display import HTML, display\n"
        "display({'application/x+json': {'a': ['ё' * 20_000]}, 'text/plain': 'j'}, raw=True)\n"
        "display(HTML('<i>' + 'h' * 9_000_000 + '</i>'))",
        environment={"A_TOKEN": "0123456789abcdef"},
    )

    run = image.run()

    assert run.code == 0, run.stdout[-1000:]
    piece = '<b>"\\\t😀' * 1_000
    masked = "********"
    assert run.text(0) == "".join(f"{number} {piece}\n{masked}\n" for number in range(100)) + "99%"
    assert run.text(0, "stderr") == ("e" * 9_000 + "\n") * 100
    second, first = run.notebook["cells"][1]["outputs"]
    assert "".join(first["data"]["text/html"]) == f"<i>{'h' * 9_000_000}</i>"
    assert second["data"]["application/x+json"] == {"a": ["ё" * 20_000]}
    page = run.html
    assert f"<i>{'h' * 9_000_000}</i>" in page
    assert page.count("&lt;b&gt;&#34;\\\t😀") == 100_000
    assert "0123456789abcdef" not in page
    assert not any(0xE000 <= ord(character) <= 0xF8FF for character in set(page))


# Linux counts to a process's peak what the one it was forked from held: a small one stands between.
_WATCHER = (
    "import resource, subprocess, sys\n"
    "code = subprocess.call(sys.argv[1:])\n"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)\n"
    "sys.exit(code)"
)


def peak_of(image: Image, *arguments: str) -> int:
    """Run to the end and return the bytes of the larger of runner and kernel."""
    image.write()
    with (image.root / "stdout").open("wb") as stdout:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _WATCHER, *image.command(*arguments)],
            env=image.environ(),
            stdout=stdout,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return int(done.stderr.split()[-1]) * 1024


@pytest.mark.parametrize("lines", [250, pytest.param(1000, marks=pytest.mark.full)])
def test_a_flood_of_output_is_kept_in_little_memory(
    make_image: Callable[..., Image], lines: int
) -> None:
    image = make_image(f"for i in range({lines}): print(f'{{i:06d}}' + 'x' * 999_993)")

    assert peak_of(image) < 300_000_000

    (file,) = image.output.glob("*/*/cell-1-stdout.txt")
    with file.open("rb") as stream:
        assert [int(line[:6]) for line in stream] == list(range(lines))
    assert file.stat().st_size == lines * 1_000_000


@pytest.mark.full
def test_a_hundred_thousand_displays_are_kept_in_little_memory(
    make_image: Callable[..., Image],
) -> None:
    image = make_image("from IPython.display import display\nfor i in range(100_000): display(i)")

    assert peak_of(image) < 400_000_000

    run = Finished(code=0, stdout="", stderr="", folder=image.output)
    shown = [output["data"]["text/plain"] for output in run.notebook["cells"][0]["outputs"]]
    assert shown == [[str(number)] for number in range(100_000)]
    assert "[98000 more outputs of this cell are in the notebook]" in run.html


@pytest.mark.full
def test_ten_thousand_cells_are_all_run(make_image: Callable[..., Image]) -> None:
    run = make_image("x = 0", *["x += 1"] * 9_998, "print(x)").run()

    assert run.text(9_999) == "9998\n"
    assert set(run.statuses) == {"succeeded"}


@pytest.mark.full
def test_two_hundred_thousand_prints_are_all_kept(make_image: Callable[..., Image]) -> None:
    run = make_image("for i in range(200_000): print(i)").run()

    assert run.text(0).split() == [str(number) for number in range(200_000)]


def test_undecodable_and_foreign_text_survives_a_c_locale(
    make_image: Callable[..., Image],
) -> None:
    image = make_image(
        "print('пока 😀 \\u202e')\nprint('half', repr('\\ud800'))\n{'\\ud800': 'é'}",
        "print('name of a file: \\udcff.csv', '\\ud83d')\nprint('after')",
        code("raise ValueError('\\ud800 \\x00')", "raises-exception"),
        environment={"LANG": "C", "LC_ALL": "C"},
    )

    run = image.run("--log-format", "json")

    assert run.code == 0, run.stderr
    assert "пока 😀" in run.text(0)
    assert "пока 😀" in run.html
    assert run.text(1) == "name of a file: \udcff.csv \ud83d\nafter\n"
    (error,) = run.notebook["cells"][2]["outputs"]
    assert (error["ename"], error["evalue"]) == ("ValueError", "\ud800 \x00")
    assert "&#55357;" in run.html


def test_a_fork_says_nothing_twice_and_what_goes_around_the_kernel_is_not_late(
    make_image: Callable[..., Image],
) -> None:
    run = make_image(
        FOLLOW,
        "print('parent')\npid = os.fork()\n"
        "if not pid:\n    print('child', flush=True)\n    os._exit(0)\n"
        "os.waitpid(pid, 0)\nprint('done')",
        "sys.__stdout__.write('around\\n')\nfollow(1)\nsys.stdout.flush()",
        "sys.exit(0)",
    ).run()

    assert run.code == 0
    said = run.text(1) + run.text(2)
    assert sorted(said.split()) == ["around", "child", "done", "parent"]
    assert "To exit" not in run.stdout
