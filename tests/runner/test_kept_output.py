"""Whatever a notebook says is in its outputs, or the run says that it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runner.image import Image


@pytest.mark.parametrize("count", [20_000, pytest.param(60_000, marks=pytest.mark.full)])
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


def test_output_beyond_the_limit_is_cut_and_told(make_image: Callable[..., Image]) -> None:
    run = make_image(
        "for i in range(30):\n    print('x' * 100_000)\n1 / 0",
    ).run("--max-output", "2")

    assert run.code == 1
    assert len(run.text(0)) == 2_000_000
    assert "Output cut" in run.text(0, "stderr")
    assert "The output of cell 1 was cut." in run.report["warnings"]
    assert run.notebook["cells"][0]["outputs"][-1]["ename"] == "ZeroDivisionError"


@pytest.mark.full
def test_two_hundred_thousand_prints_are_all_kept(make_image: Callable[..., Image]) -> None:
    run = make_image("for i in range(200_000): print(i)").run()

    assert run.text(0).split() == [str(number) for number in range(200_000)]


@pytest.mark.full
def test_a_gigabyte_of_output_does_not_end_the_run(make_image: Callable[..., Image]) -> None:
    run = make_image(
        "line = 'x' * 999_999\nfor i in range(1000): print(line)", "print('after')"
    ).run()

    assert run.code == 0
    assert len(run.text(0)) <= 100_000_000
    assert run.text(1) == "after\n"


def test_undecodable_and_foreign_text_survives_a_c_locale(
    make_image: Callable[..., Image],
) -> None:
    image = make_image(
        "print('пока 😀 \\u202e')\nprint('half', repr('\\ud800'))\n{'\\ud800': 'é'}",
        environment={"LANG": "C", "LC_ALL": "C"},
    )

    run = image.run("--log-format", "json")

    assert run.code == 0, run.stderr
    assert "пока 😀" in run.text(0)
    assert "пока 😀" in run.html
