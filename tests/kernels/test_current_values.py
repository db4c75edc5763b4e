"""What a kernel tells of its variables, and how it is asked."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.manager import start_new_kernel

from kernel_containers.kernels.ask import RunningKernel, Silent, current_values
from kernel_containers.kernels.current_values import LONGEST, MOST_MEMBERS, current

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_client.blocking.client import BlockingKernelClient


@pytest.mark.parametrize(
    ("value", "kind", "told"),
    [
        (True, "bool", True),
        (3, "int", 3),
        (0.5, "float", 0.5),
        ("é'\n", "str", "é'\n"),
        (None, "json", None),
        ((1, [2]), "list", [1, [2]]),
        ({"a": {1}}, "dict", {"a": [1]}),
        (datetime.date(2024, 1, 31), "date", "2024-01-31"),
        (
            datetime.datetime(2024, 1, 31, tzinfo=datetime.UTC),
            "datetime",
            "2024-01-31T00:00:00+00:00",
        ),
        (Path("/data"), "str", "/data"),
        (Decimal("1.10"), "str", "1.10"),
    ],
)
def test_plain_values_are_told_in_json_terms(value: Any, kind: str, told: Any) -> None:
    assert json.loads(current({"x": value}, ["x", "absent"])) == {
        "x": {"type": kind, "value": told}
    }


class Hostile(str):
    """A text that must not be asked anything."""

    __slots__ = ()

    def __repr__(self) -> str:
        raise AssertionError

    __len__ = __str__ = __hash__ = __repr__  # type: ignore[assignment]


@pytest.mark.parametrize(
    "value",
    [
        Hostile("x"),
        object(),
        {1: 2},
        "x" * (LONGEST + 1),
        [0] * (MOST_MEMBERS + 1),
        10**400,
        [[[[object()]]]],
    ],
    ids=lambda value: type(value).__name__,
)
def test_objects_and_what_is_large_are_not(value: Any) -> None:
    assert json.loads(current({"a": 1, "x": value}, ["a", "x"])) == {
        "a": {"type": "int", "value": 1}
    }


def test_a_list_that_holds_itself_is_not() -> None:
    endless: list[Any] = []
    endless.append(endless)

    assert current({"x": endless}, ["x"]) == "{}"


@pytest.fixture(scope="module")
def kernel() -> Iterator[tuple[RunningKernel, BlockingKernelClient]]:
    """A kernel of this machine."""
    manager, client = start_new_kernel()
    connection = manager.get_connection_info()
    yield RunningKernel(connection=connection, language="python", state="idle"), client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run(client: BlockingKernelClient, code: str) -> str:
    """Return what code prints."""
    printed: list[str] = []
    reply = client.execute_interactive(
        code,
        timeout=60,
        output_hook=lambda message: printed.append(message["content"].get("text", "")),
    )
    assert reply["content"]["status"] == "ok", reply
    return "".join(printed)


TRACES = "import json; print(json.dumps([sorted(globals()), len(In)]))"


def test_a_kernel_notices_nothing(kernel: tuple[RunningKernel, BlockingKernelClient]) -> None:
    running, client = kernel
    # Names that code in a kernel usually relies on may be anything.
    run(client, "n, day = 7, __import__('datetime').date(2024, 1, 31)\nstr = exec = type = None")
    run(client, TRACES)
    names, count = json.loads(run(client, TRACES))

    found = current_values(running, ["n", "day", "absent"], wait=60)
    names_after, count_after = json.loads(run(client, TRACES))

    assert found == {
        "n": {"type": "int", "value": 7},
        "day": {"type": "date", "value": "2024-01-31"},
    }
    assert set(names_after) - set(names) == {f"_i{count}"}  # of the last cell itself
    assert count_after == count + 1


def test_a_busy_kernel_is_not_waited_for(
    kernel: tuple[RunningKernel, BlockingKernelClient], tmp_path: Path
) -> None:
    running, client = kernel
    gate = tmp_path / "gate"
    waiting = client.execute(
        f"import pathlib, time\nwhile not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.02)"
    )

    with pytest.raises(Silent, match="busy"):
        current_values(running, ["n"], wait=0.2)
    gate.touch()
    while client.get_shell_msg(timeout=60)["parent_header"]["msg_id"] != waiting:
        pass


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        (RunningKernel(connection={}, language="R", state="idle"), "other languages"),
        (RunningKernel(connection={}, language="python", state="starting"), "is starting"),
        (RunningKernel(connection={}, language="python", state="idle"), "runs elsewhere"),
    ],
)
def test_a_kernel_that_can_not_be_asked_is_told(kernel: RunningKernel, words: str) -> None:
    with pytest.raises(Silent, match=words):
        current_values(kernel, ["n"])
