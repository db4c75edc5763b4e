"""What every kernel does, whatever carries its messages; one without a container is the measure.

The first part runs on each transport, the second on one, and with `--full` on all.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbclient
import nbformat
import pytest
from jupyter_client.ioloop import AsyncIOLoopKernelManager
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME
from jupyter_client.manager import AsyncKernelManager
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

from kernel_containers.engine import containers
from kernel_containers.kernels.pool import pool
from tests.client.front_end import FrontEnd, watch_a_job
from tests.kernels.support import Running, kernel_containers, running, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from kernel_containers.engine import Engine

LISTEN = "0A"  # the state of a socket in /proc/net/tcp
VIEW = "application/vnd.jupyter.widget-view+json"
AUTO = pytest.param(
    "auto", marks=pytest.mark.full
)  # one of the others; test_transport.py says which
everywhere = pytest.mark.parametrize(
    "transport", ["local", "ipc", "stdio", "publish", AUTO], scope="module"
)
OTHERS = [pytest.param(name, marks=pytest.mark.full) for name in ("local", "ipc", "publish")]
mostly = pytest.mark.parametrize("transport", ["stdio", *OTHERS, AUTO], scope="module")
published = pytest.mark.parametrize("transport", ["publish"], scope="module")


@pytest.fixture(scope="module")
def name(install: Callable[..., str], transport: str) -> str:
    """The kernelspec of a transport."""
    if transport == "local":
        return NATIVE_KERNEL_NAME
    return install(f"by-{transport}", transport=transport)


@pytest.fixture(scope="module")
def kernel(name: str, workspace: Path) -> Iterator[Running]:
    """A kernel that the tests of one transport share; each leaves it alive and idle."""
    with running(name, workspace) as started:
        yield started


def _touch(path: Path) -> str:
    return f"import pathlib; pathlib.Path({str(path)!r}).touch()"


def _channel_reply(client: Any, channel: str, kind: str, content: dict[str, Any]) -> dict[str, Any]:
    """Send a request and return the reply's content."""
    message = client.session.msg(kind, content)
    getattr(client, f"{channel}_channel").send(message)
    while True:
        reply: dict[str, Any] = getattr(client, f"get_{channel}_msg")(timeout=20)
        if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
            found: dict[str, Any] = reply["content"]
            return found


def _heard(client: Any, matches: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Return the first such message on iopub."""
    while True:
        message: dict[str, Any] = client.get_iopub_msg(timeout=20)
        if matches(message):
            return message


def _move(
    client: Any, model: str, state: dict[str, Any], binary: dict[str, bytes] | None = None
) -> None:
    """Change a widget as its view in the browser does."""
    paths = [[name] for name in binary or ()]
    data = {"method": "update", "state": state, "buffer_paths": paths}
    message = client.session.msg("comm_msg", {"comm_id": model, "data": data})
    client.session.send(client.shell_channel.socket, message, buffers=list((binary or {}).values()))


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait, in an event loop, until something holds."""
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110 - Jupyter tells nobody
            await asyncio.sleep(0.05)


@everywhere
@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("{up}; import time; time.sleep(60)", "KeyboardInterrupt"),
        (
            "import subprocess\n"
            "for i in range(60): subprocess.run(['sh', '-c', 'touch {path}; sleep 1'])",
            "KeyboardInterrupt",
        ),
        ("!touch {path}; sleep 60", ""),  # IPython itself handles it
        ("{up}; import threading; threading.Event().wait(60)", "KeyboardInterrupt"),
    ],
    ids=["sleep", "subprocess", "shell", "event"],
)
def test_an_interrupt_ends_what_runs(
    kernel: Running, workspace: Path, code: str, error: str
) -> None:
    path = workspace / "up"
    path.unlink(missing_ok=True)

    found, seconds = kernel.interrupt_when(path.exists, code.format(up=_touch(path), path=path))

    assert found == error
    assert seconds < 20
    assert kernel.text("print('alive')") == "alive"


@everywhere
def test_input_is_answered(kernel: Running) -> None:
    kernel.answers.append("blue")

    assert kernel.text("print('you like', input('Colour? '))") == "you like blue"


@everywhere
def test_a_password_is_asked_for_and_stdin_is_empty(kernel: Running) -> None:
    kernel.answers.append("secret")

    code = "import getpass, sys; print(len(getpass.getpass('Password? ')), repr(sys.stdin.read()))"
    assert kernel.text(code) == "6 ''"


@everywhere
def test_a_comm_carries_messages_both_ways(kernel: Running) -> None:
    client = kernel.client
    kernel.text(
        "from comm import create_comm\n"
        "carrier = create_comm(target_name='test')\n"
        "carrier.on_msg(lambda message: carrier.send({'got': message['content']['data']}))"
    )
    identity = kernel.text("print(carrier.comm_id)")

    client.shell_channel.send(
        client.session.msg("comm_msg", {"comm_id": identity, "data": {"value": 7}})
    )

    answer = _heard(client, lambda message: message["msg_type"] == "comm_msg")
    assert answer["content"]["data"] == {"got": {"value": 7}}


@everywhere
def test_a_widget_is_moved_from_both_ends(kernel: Running) -> None:
    client = kernel.client
    seen: list[dict[str, Any]] = []
    client.execute_interactive(
        "import ipywidgets\n"
        "slider = ipywidgets.IntSlider(value=3)\n"
        "moved = []\n"
        "slider.observe(lambda change: moved.append(change['new']), 'value')\n"
        "display(slider)",
        timeout=30,
        output_hook=seen.append,
    )
    (shown,) = [one for one in seen if one["msg_type"] == "display_data"]
    model = shown["content"]["data"][VIEW]["model_id"]
    (opened,) = [
        one["content"]
        for one in seen
        if one["msg_type"] == "comm_open" and one["content"]["comm_id"] == model
    ]

    _move(client, model, {"value": 7})
    told = kernel.text("print(moved, slider.value)")
    client.execute("slider.value = 9")
    update = _heard(
        client, lambda one: one["content"].get("data", {}).get("state", {}).get("value") == 9
    )

    assert (opened["target_name"], opened["data"]["state"]["value"]) == ("jupyter.widget", 3)
    assert told == "[7] 7"
    assert (update["content"]["comm_id"], update["content"]["data"]["method"]) == (model, "update")


@everywhere
def test_a_widgets_bytes_go_both_ways(kernel: Running) -> None:
    client, picture = kernel.client, bytes(range(256)) * 1000
    kernel.text("import ipywidgets\npicture = ipywidgets.Image(value=b'')")
    model = kernel.text("print(picture.model_id)")

    _move(client, model, {}, {"value": picture})
    told = kernel.text("import hashlib\nprint(hashlib.sha256(picture.value).hexdigest())")
    client.execute("picture.value = bytes(picture.value)[::-1]")
    update = _heard(client, lambda one: bool(one["buffers"]))

    assert told == hashlib.sha256(picture).hexdigest()
    assert update["content"]["data"]["buffer_paths"] == [["value"]]
    assert bytes(update["buffers"][0]) == picture[::-1]


@mostly
def test_a_magics_progress_is_a_widget(kernel: Running) -> None:
    if kernel.manager.kernel_name == NATIVE_KERNEL_NAME:
        pytest.skip("tests/client has it")
    kernel.text("%load_ext kernel_containers")

    watch_a_job(FrontEnd(kernel.client))


@everywhere
def test_megabytes_arrive_whole(kernel: Running) -> None:
    result = kernel.execute("print('x' * 5_000_000)", timeout=60)

    assert (len(result.text), set(result.text)) == (5_000_001, {"x", "\n"})


@everywhere
def test_a_restart_forgets_values_and_keeps_the_connection(kernel: Running) -> None:
    before = kernel.manager.get_connection_info()
    kernel.text("value = 1")

    kernel.restart()

    assert kernel.text("print('value' in globals())") == "False"
    assert kernel.manager.get_connection_info() == before


@mostly
def test_a_breakpoint_stops_the_kernel(kernel: Running) -> None:
    client = kernel.client
    sequence = 0

    def debug(command: str, **arguments: Any) -> dict[str, Any]:
        nonlocal sequence
        sequence += 1
        content = {
            "type": "request",
            "seq": sequence,
            "command": command,
            "arguments": arguments,
        }
        reply = _channel_reply(client, "control", "debug_request", content)
        assert reply["success"], reply
        body: dict[str, Any] = reply.get("body", {})
        return body

    debug("initialize", clientID="t", adapterID="", pathFormat="path", linesStartAt1=True)
    debug("attach")
    source = debug("dumpCell", code="colour = 'red'\nprint(colour)")["sourcePath"]
    debug("setBreakpoints", source={"path": source}, breakpoints=[{"line": 2}])
    debug("configurationDone")
    message = client.execute("colour = 'red'\nprint(colour)")
    stopped = _heard(client, lambda one: one["content"].get("event") == "stopped")
    thread = stopped["content"]["body"]["threadId"]
    frames = debug("stackTrace", threadId=thread)["stackFrames"]
    debug("continue", threadId=thread)

    assert (frames[0]["line"], frames[0]["source"]["path"]) == (2, source)
    _heard(
        client,
        lambda one: (
            one["parent_header"].get("msg_id") == message
            and one["content"].get("text", "").startswith("red")
        ),
    )
    debug("disconnect", restart=False, terminateDebuggee=False)
    kernel.restart()  # tracing slows what other tests do


@mostly
def test_a_subshell_works_while_the_main_one_is_busy(kernel: Running, workspace: Path) -> None:
    client, go = kernel.client, workspace / "go"
    go.unlink(missing_ok=True)
    subshell = _channel_reply(client, "control", "create_subshell_request", {})["subshell_id"]
    busy = client.execute(
        f"import pathlib, time\nwhile not pathlib.Path({str(go)!r}).exists(): time.sleep(0.05)"
    )

    message = client.session.msg("execute_request", {"code": _touch(go), "silent": False})
    message["header"]["subshell_id"] = subshell
    client.shell_channel.send(message)

    waiting = {busy, message["header"]["msg_id"]}
    while waiting:
        waiting.discard(client.get_shell_msg(timeout=20)["parent_header"].get("msg_id"))
    _channel_reply(client, "control", "delete_subshell_request", {"subshell_id": subshell})


@mostly
def test_a_kernel_that_is_killed_can_be_started_again(
    name: str, transport: str, workspace: Path, engine: Engine
) -> None:
    with running(name, workspace) as started:
        before = started.manager.get_connection_info()
        if transport == "local":
            os.kill(int(started.text("import os; print(os.getpid())")), signal.SIGKILL)
        else:
            containers.kill(engine, started.container)
        until(lambda: not started.manager.is_alive())

        started.restart(now=True)

        assert started.text("print('back')") == "back"
        assert started.manager.get_connection_info() == before


@mostly
@pytest.mark.full
def test_a_kernel_that_is_killed_is_started_again_by_jupyter(
    name: str, transport: str, workspace: Path, engine: Engine
) -> None:
    async def killed() -> str:
        manager = AsyncIOLoopKernelManager(kernel_name=name)
        await manager.start_kernel(cwd=str(workspace))
        begun = asyncio.Event()
        manager.add_restart_callback(begun.set)
        provisioner: Any = manager.provisioner
        if transport == "local":
            os.kill(provisioner.pid, signal.SIGKILL)
        else:
            containers.kill(engine, provisioner._held.container.id)
        await asyncio.wait_for(begun.wait(), 60)
        await _until(manager.is_alive)
        client = manager.client()
        client.start_channels(hb=False)
        await client.wait_for_ready(timeout=30)
        reply = await client.execute("value = 42", reply=True, timeout=30)
        client.stop_channels()
        await manager.shutdown_kernel(now=True)
        manager.context.destroy(linger=0)
        return str(reply["content"]["status"])

    assert asyncio.run(killed()) == "ok"


@mostly
@pytest.mark.full
def test_an_idle_kernel_is_culled(name: str, workspace: Path, engine: Engine) -> None:
    async def culled() -> str:
        manager = AsyncMappingKernelManager(
            root_dir=str(workspace), cull_idle_timeout=1, cull_interval=1
        )
        kernel_id: str = await manager.start_kernel(kernel_name=name)

        async def is_gone() -> bool:
            return kernel_id not in manager

        await _until(is_gone)
        manager.context.destroy(linger=0)
        return kernel_id

    kernel_id = asyncio.run(culled())
    pool().close()  # a server prepares the next one

    assert kernel_containers(engine, kernel_id) == []


@mostly
def test_memory_that_runs_out_ends_the_kernel_alone(
    install: Callable[..., str], transport: str, workspace: Path
) -> None:
    if transport == "local":
        pytest.skip("nothing limits it")
    name = install(f"small-{transport}", transport=transport, memory="256m")
    with running(name, workspace) as started:
        container = started.container
        started.client.execute("data = b'x' * 400_000_000")
        until(lambda: not started.manager.is_alive())
        reason = started.provisioner.reason() or ""
        started.restart(now=True)

        assert "(256m)" in reason
        assert (started.container, started.text("print('back')")) == (container, "back")


@mostly
def test_encryption_can_be_required(name: str, workspace: Path) -> None:
    with running(name, workspace, transport_encryption="required") as started:
        assert "curve_publickey" in started.manager.get_connection_info()
        assert started.text("print('secret')") == "secret"


@mostly
@pytest.mark.full
def test_nbclient_executes_a_notebook(name: str, workspace: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("6 * 7")])

    nbclient.NotebookClient(
        notebook, kernel_name=name, resources={"metadata": {"path": str(workspace)}}
    ).execute()

    assert notebook.cells[0].outputs[0]["data"]["text/plain"] == "42"


@mostly
@pytest.mark.full
def test_six_kernels_start_at_once(name: str, workspace: Path, engine: Engine) -> None:
    async def start() -> AsyncKernelManager:
        manager = AsyncKernelManager(kernel_name=name)
        await manager.start_kernel(cwd=str(workspace))
        return manager

    async def all_at_once() -> list[AsyncKernelManager]:
        managers = await asyncio.gather(*(start() for _ in range(6)))
        assert all([await manager.is_alive() for manager in managers])
        await asyncio.gather(*(manager.shutdown_kernel(now=True) for manager in managers))
        for manager in managers:
            manager.context.destroy(linger=0)
        return list(managers)

    began = time.monotonic()
    managers = asyncio.run(all_at_once())
    assert time.monotonic() - began < 60
    assert not [one for manager in managers for one in kernel_containers(engine, manager.kernel_id)]


@mostly
@pytest.mark.full
def test_the_first_output_after_a_restart_is_never_lost(kernel: Running, transport: str) -> None:
    if transport == "local":
        pytest.skip("Jupyter's own kernels lose it")
    for attempt in range(20):
        kernel.manager.restart_kernel()
        message = kernel.client.execute(f"print('first {attempt}')")
        _heard(
            kernel.client,
            lambda one, message=message, attempt=attempt: (
                one["parent_header"].get("msg_id") == message
                and one["content"].get("text", "").startswith(f"first {attempt}")
            ),
        )


@published
def test_ports_are_published_on_the_loopback_alone(kernel: Running, engine: Engine) -> None:
    kernel.text("1")
    connection = kernel.manager.get_connection_info()
    ports = {connection[f"{name}_port"] for name in ("shell", "iopub", "stdin", "control", "hb")}

    listening = {}  # address in hexadecimal by port, of all sockets of this machine
    for file in ("tcp", "tcp6"):
        for line in Path("/proc/net", file).read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            address, _, port = local.partition(":")
            if state == LISTEN and int(port, 16) in ports:
                listening[int(port, 16)] = address

    assert listening == dict.fromkeys(ports, "0100007F")
    assert connection["ip"] == "127.0.0.1"
