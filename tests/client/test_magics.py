"""The magics in a real kernel; the test is the front end at the other end of the comm."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jupyter_client.manager import KernelManager

from tests.client.front_end import FrontEnd, job, watch_a_job

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_client.blocking.client import BlockingKernelClient

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlockingKernelClient]:
    manager = KernelManager(kernel_name="python3")
    environment = {"PYTHONPATH": str(ROOT), "JPY_SESSION_NAME": "/srv/my report.ipynb"}
    manager.start_kernel(
        cwd=str(tmp_path_factory.mktemp("kernel")),
        env={"PATH": str(Path(sys.executable).parent), **environment},
    )
    found = manager.client()
    found.start_channels()
    found.wait_for_ready(timeout=60)
    found.execute("%load_ext kernel_containers", reply=True, timeout=60)
    yield found
    found.stop_channels()
    manager.shutdown_kernel(now=True)
    manager.context.destroy(linger=0)


@pytest.fixture
def front_end(client: BlockingKernelClient) -> FrontEnd:
    client.execute("import sys; sys.modules['ipywidgets'] = None", reply=True, timeout=60)
    return FrontEnd(client)


def test_containerize_asks_the_front_end_and_shows_how_it_goes(front_end: FrontEnd) -> None:
    shown = front_end.execute("made = %containerize --to host/team/report:1 --secret token")

    assert front_end.opened[0]["target_name"] == "kernel-containers"
    assert front_end.opened[0]["data"] == {
        "version": 1,
        "kind": "containerize",
        "to": "host/team/report:1",
        "parameters": None,
        "secrets": ["token"],
    }
    command = "containerize '/srv/my report.ipynb' --to host/team/report:1 --secret token"
    assert f"The same by the command line: kernel-containers {command}" in shown

    stage = {"name": "layers", "message": "pandas", "ended": False}
    shown = front_end.send(0, job=job("running", fraction=0.45, stages=[stage]))
    assert shown == "containerize: running, layers pandas 45%"
    shown = front_end.send(0, job=job("succeeded", result={"reference": "host/team/report@sha"}))
    assert shown == "containerize: succeeded\nImage: host/team/report@sha"
    front_end.send(0, kind="comm_close")
    assert front_end.execute("made.state, made.image") == "('succeeded', 'host/team/report@sha')"


def test_run_image_brings_back_the_report_and_its_scraps(front_end: FrontEnd) -> None:
    front_end.execute(
        "run = %run_image host/report:1 -p weeks 13 -p region north -p id 0012 -r code 12 "
        "-p names '[\"a\"]' -p far NaN"
    )

    parameters = {"weeks": 13, "region": "north", "id": "0012", "code": "12", "names": ["a"]}
    assert front_end.opened[0]["data"] == {
        "version": 1,
        "kind": "run",
        "image": "host/report:1",
        "parameters": {**parameters, "far": "NaN"},
    }
    cell = {"number": 2, "count": 5, "index": 3, "status": "running", "error": None}
    shown = front_end.send(0, job=job("running", cell=cell))
    assert shown == "run host/report:1: running, cell 2 of 5"
    report = {"run_id": "r", "status": "succeeded", "scraps": {"rows": 5}, "parameters": {"n": 1}}
    front_end.send(0, report={**report, "outputs": {"html": "file:///x.html"}})
    shown = front_end.send(0, job=job("succeeded"))
    assert shown.splitlines()[1:] == ["  rows = 5", "Page: file:///x.html"]
    code = "print(run.scraps); frame = run.frame; print(frame['scraps.rows'][0], frame.shape)"
    assert front_end.execute(code) == "{'rows': 5}\n5 (1, 6)\n"


def test_a_value_is_json_or_a_text_and_may_look_like_an_option(front_end: FrontEnd) -> None:
    front_end.execute(
        "%run_image x -p a -5 -p b --c -r d -e -p f '[1, \"2\"]' -p g '{h' -p i 1e999 -p j NaN"
    )

    values = {"a": -5, "b": "--c", "d": "-e", "f": [1, "2"], "g": "{h", "i": "1e999", "j": "NaN"}
    assert front_end.opened[0]["data"]["parameters"] == values


def test_a_widget_shows_how_it_goes_where_there_are_widgets(front_end: FrontEnd) -> None:
    front_end.execute("del sys.modules['ipywidgets']\nimport ipywidgets")

    watch_a_job(front_end)


def test_a_front_end_without_the_extension_leads_to_the_command(front_end: FrontEnd) -> None:
    front_end.execute("%run_image host/report:1 -p n 1")

    shown = front_end.send(0, kind="comm_close")

    assert "This front end does not know what was asked for." in shown
    assert "or run: kernel-containers run host/report:1 -p n 1" in shown


def test_a_refusal_and_a_lost_front_end_are_told(front_end: FrontEnd) -> None:
    front_end.execute("one = %containerize\ntwo = %containerize")

    error = {"what": "The tag exists.", "why": None, "todo": "choose another"}
    assert front_end.send(0, error=error) == "containerize: failed\nThe tag exists.\nchoose another"
    front_end.send(1, job=job("running"))
    assert front_end.send(1, kind="comm_close").startswith("containerize: lost")
    assert front_end.execute("one.error['what'], two.state") == "('The tag exists.', 'lost')"


def test_a_job_can_be_cancelled(front_end: FrontEnd) -> None:
    front_end.execute("made = %containerize --local")
    assert front_end.opened[0]["data"]["to"] is None
    front_end.send(0, job=job("running"))

    front_end.execute("made.cancel()")
    assert front_end.said == [{"cancel": True}]
    front_end.send(0, job=job("cancelled"))
    front_end.execute("made.cancel()")
    assert len(front_end.said) == 1


def test_a_local_run_makes_the_image_first(front_end: FrontEnd) -> None:
    front_end.execute("run = %run_image --local -p n 2")
    assert [opened["data"]["kind"] for opened in front_end.opened] == ["containerize"]

    front_end.send(0, job=job("running"))
    front_end.send(0, job=job("succeeded", result={"reference": "report:latest"}))

    assert front_end.opened[1]["data"]["image"] == "report:latest"
    assert front_end.opened[1]["data"]["parameters"] == {"n": 2}
    front_end.send(1, job=job("succeeded"))
    assert front_end.execute("run.state") == "'succeeded'"


def test_a_local_run_ends_with_an_image_that_can_not_be_made(front_end: FrontEnd) -> None:
    front_end.execute("run = %run_image --local")

    front_end.send(0, job=job("failed", error={"what": "No space.", "why": None, "todo": None}))

    assert front_end.execute("run.state, run.error['what']") == "('failed', 'No space.')"
    assert len(front_end.opened) == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("%run_image", "give either an image or --local"),
        ("%run_image x --local", "give either an image or --local"),
        ("%run_image x -p n", "-p needs a NAME and a VALUE"),
        ("%run_image x -p '' 1", "-p needs a NAME and a VALUE"),
        ("%run_image x -p n 1 --raw n 2", "n is given twice"),
        ("%run_image x --parameters n 1", "unrecognized arguments"),
        ("%containerize --to ''", "--to needs a place"),
        ("%containerize --to x:1 --local", "not allowed with"),
        ("%containerize --loc", "unrecognized arguments"),
        ("%containerize --too x", "unrecognized arguments"),
        ("%containerize --to 'x", "No closing quotation"),
    ],
)
def test_a_wrong_line_is_said_with_the_right_one(
    line: str, words: str, front_end: FrontEnd
) -> None:
    said = front_end.execute(line)

    assert words in said
    assert "usage: %" in said
    assert "Traceback" not in said
    assert front_end.opened == []
