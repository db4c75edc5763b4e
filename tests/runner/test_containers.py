"""The runner as process 1 of real containers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.containers import Resources
from kernel_containers.engine import containers
from tests.runner.image import code
from tests.runner.test_failures import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runner.container import Containers
    from tests.runner.image import Image

MEMORY = 200 * 1024**2  # bytes


def test_a_stranger_without_home_network_or_writable_root_runs_the_notebook(
    make_image: Callable[..., Image], in_containers: Containers, open_folder: Path
) -> None:
    image = make_image(
        "import getpass, os, pathlib, sys\nprint(getpass.getuser(), os.getuid())",
        "home = pathlib.Path.home(); (home / 'x').touch(); print('ё')",
        "assert not any('kernel-containers' in path for path in sys.path), sys.path",
        # An orphan whose parent is gone belongs to process 1.
        "import subprocess, time\n"
        "subprocess.run(['sh', '-c', 'sleep 0.1 & exit'])\n"
        "time.sleep(0.5)\nfor _ in range(50):\n    time.sleep(0.1)\n"
        "    states = [pathlib.Path(f'/proc/{p}/stat').read_text().rsplit(')')[1].split()[0]\n"
        "              for p in os.listdir('/proc') if p.isdigit()]\n"
        "    if 'Z' not in states: break\nprint('zombies', states.count('Z'))",
        "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()",
        # The notebook has nothing of ours installed.
        "from kernel_containers import scrap; scrap('rows', 5)",
        "import importlib.util; assert not importlib.util.find_spec('kernel_containers.runner')\n"
        "assert not importlib.util.find_spec('nbclient')",
    )

    run = in_containers.run(
        image,
        user="12345:0",
        network="none",
        read_only=True,
        tmpfs={"/tmp": "rw"},
        environment={"LANG": "C", "HOME": "/"},
        drop_capabilities=True,
    )

    assert run.code == 0, run.stdout + run.stderr
    assert run.text(0) == "notebook 12345\n"
    assert run.text(1) == "ё\n"
    assert run.text(3) == "zombies 0\n"
    assert "data:image/png" in run.html
    assert run.report["scraps"] == {"rows": 5}
    assert run.stderr == ""


def test_without_a_folder_for_temporary_files_shared_memory_serves(
    make_image: Callable[..., Image], in_containers: Containers, open_folder: Path
) -> None:
    image = make_image("print('ran')", "import tempfile; print(tempfile.TemporaryFile().tell())")

    # Python would take the notebook's folder, if this user could write to it.
    run = in_containers.run(image, read_only=True, user="12345:0")

    assert run.code == 0, run.stdout + run.stderr
    assert run.text(0) == "ran\n"
    assert run.text(1) == "0\n"


def test_a_kernel_that_needs_too_much_memory_is_told_from_a_dead_one(
    make_image: Callable[..., Image], in_containers: Containers
) -> None:
    image = make_image("print('before', flush=True)", "x = bytearray(10 ** 9)", "2")

    run = in_containers.run(image, resources=Resources(memory=MEMORY))

    assert run.code == 137, run.stdout + run.stderr
    assert run.report["cause"] == "out-of-memory"
    assert run.statuses == ["succeeded", "failed", "not-run"]
    assert "200 MiB" in run.report["message"]
    assert run.report["peak_memory"] > MEMORY * 0.9
    assert "before" in run.html


def test_a_kernel_that_needs_too_much_memory_to_start_is_told_so(
    make_image: Callable[..., Image], in_containers: Containers
) -> None:
    image = make_image("1")
    early = image.place("/early/sitecustomize.py", "bytearray(10 ** 9)").parent

    run = in_containers.run(
        image, resources=Resources(memory=MEMORY), environment={"PYTHONPATH": str(early)}
    )

    assert run.code == 137, run.stdout + run.stderr
    assert run.report["cause"] == "out-of-memory"
    words = "The kernel did not start: the container ran out of its memory of 200 MiB."
    assert run.report["message"] == words


@pytest.mark.full
def test_a_notebook_that_leaves_no_process_to_anybody_has_its_outputs(
    make_image: Callable[..., Image], in_containers: Containers
) -> None:
    image = make_image(
        "import subprocess, time\nleft = []\ntry:\n"
        "    while True: left.append(subprocess.Popen(['sleep', '600']))\n"
        "except OSError as error: print(type(error).__name__)\n"
        "time.sleep(6)",  # the first checkpoint is due after 5 s
    )

    run = in_containers.run(image, resources=Resources(pids=60))

    assert run.code == 0, run.stdout + run.stderr
    assert run.text(0) == "BlockingIOError\n"
    assert "A checkpoint was not written: can't start new thread" in run.report["warnings"]


def test_a_stopped_container_lets_the_notebook_clean_up_and_writes_its_outputs(
    make_image: Callable[..., Image], in_containers: Containers, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    image = make_image(
        f"import pathlib, time\ntry:\n    pathlib.Path({str(begun)!r}).touch()\n"
        "    time.sleep(60)\nfinally:\n    print('cleaned up')"
    )
    container = in_containers.start(image)
    wait_for(begun)

    before = time.monotonic()
    containers.stop(in_containers.engine, container, grace=10.0)
    run = in_containers.finish(image, container)

    assert run.code == 143
    assert time.monotonic() - before < 9
    assert run.statuses == ["cancelled"]
    assert run.text(0) == "cleaned up\n"


def test_a_full_disk_is_told_and_does_not_hang(
    make_image: Callable[..., Image], in_containers: Containers
) -> None:
    image = make_image("print('x' * 3_000_000)")

    run = in_containers.run(image, "--output", "file:///out", tmpfs={"/out": "rw,size=2m"})

    assert run.code == 74
    end = run.events[-1]
    assert end["cause"] == "outputs"
    assert "No space left" in end["message"]
    assert "A copy is in /tmp/kernel-containers-" in end["message"]


def test_a_file_that_fills_the_disk_does_not_cost_the_run_its_outputs(
    make_image: Callable[..., Image], in_containers: Containers
) -> None:
    image = make_image("for i in range(20): print('x' * 1_000_000)")
    arguments = ("--output", "file:///out", "--max-output", "1")

    run = in_containers.run(image, *arguments, tmpfs={"/out": "rw,size=8m"})

    assert run.code == 0, run.stdout[-2000:]
    told = [event["message"] for event in run.events if event["event"] == "warning"]
    assert "cell-1-stdout.txt was dropped: No space left on device." in told
    assert "cell-1-stdout.txt" not in run.events[-1]["outputs"]


def test_a_notebook_that_fills_the_place_of_the_log_costs_only_its_end(
    make_image: Callable[..., Image], in_containers: Containers
) -> None:
    fill = (
        "with open('/tmp/all', 'wb', buffering=0) as file:\n    while True: file.write(bytes(4096))"
    )
    image = make_image(code(fill, "raises-exception"), "print('x' * 100_000)", "1 / 0")

    run = in_containers.run(image, tmpfs={"/tmp": "rw,size=4m"})

    assert run.code == 1, run.stdout[-2000:] + run.stderr
    assert run.text(1) == "x" * 100_000 + "\n"
    assert run.events[-1]["cause"] == "cell-failed"
    told = [event["message"] for event in run.events if event["event"] == "warning"]
    assert "log.jsonl is not whole: No space left on device." in told


def test_a_container_that_is_killed_after_its_grace_leaves_the_last_checkpoint(
    make_image: Callable[..., Image], in_containers: Containers, tmp_path: Path
) -> None:
    begun, interrupted = tmp_path / "begun", tmp_path / "interrupted"
    image = make_image(
        "print('finished cell')",
        f"import pathlib, time\npathlib.Path({str(begun)!r}).touch()\nwhile True:\n    try:\n"
        "        time.sleep(60)\n    except KeyboardInterrupt:\n"
        f"        pathlib.Path({str(interrupted)!r}).touch()",
    )
    arguments = ("--output", f"file://{image.output}", "--grace", "60")
    container = in_containers.start(image, *arguments)
    wait_for(begun)
    containers.kill(in_containers.engine, container, "SIGTERM")
    wait_for(interrupted)
    (notebook,) = image.output.glob("*/*/notebook.ipynb")
    wait_for(notebook, "finished cell\\n")

    containers.kill(in_containers.engine, container)
    run = in_containers.finish(image, container)

    assert run.code == 137
    assert run.text(0) == "finished cell\n"


@pytest.mark.full
def test_twenty_containers_at_once_do_not_meet(
    make_image: Callable[..., Image], in_containers: Containers
) -> None:
    image = make_image("import os; print(os.getpid())")
    started = [in_containers.start(image, network="host") for _ in range(20)]

    runs = [in_containers.finish(image, container) for container in started]

    assert [run.code for run in runs] == [0] * 20
