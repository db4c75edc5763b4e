"""The supervisor as a child process: what it does does not need a container."""

from __future__ import annotations

import ast
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.kernels import boot, door, link, process, supervisor, surroundings
from kernel_containers.kernels.boot import supervisor_boot
from kernel_containers.kernels.door import SocketStream
from kernel_containers.kernels.link import Link

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# A kernel that answers on its first port what it is sent, in upper case.
ECHO = """
import json, socket, sys
place = json.load(open(sys.argv[1]))
server = socket.socket(socket.AF_UNIX)
server.bind("{ip}-{shell_port}".format(**place))
server.listen()
while True:
    connection = server.accept()[0]
    while data := connection.recv(65536):
        connection.sendall(data.upper())
"""
# A kernel that writes many bytes to whoever connects, and ends.
FLOOD = """
import json, socket, sys
place = json.load(open(sys.argv[1]))
server = socket.socket(socket.AF_UNIX)
server.bind("{ip}-{shell_port}".format(**place))
server.listen()
connection = server.accept()[0]
for _ in range(64):
    connection.sendall(b"x" * 1_000_000)
"""


class _Pipes:
    """The other ends of a child's stdin and stdout."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stdin
        assert child.stdout
        self.reader, self.writer = child.stdout.fileno(), child.stdin.fileno()
        os.set_blocking(self.reader, False)
        os.set_blocking(self.writer, False)

    def read(self) -> bytes:
        data = os.read(self.reader, 262144)
        if not data:
            raise EOFError
        return data

    def write(self, data: bytes) -> int:
        return os.write(self.writer, data)


WORKER = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]


class Supervised:
    """A supervisor in a child process, and the host's end of its link."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "run"
        start = supervisor_boot(sys.executable)
        self.process = subprocess.Popen(
            start.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self.process.stdin
        self.process.stdin.write(start.payload)
        self.process.stdin.flush()
        self.messages: list[dict[str, Any]] = []
        self.connections: list[socket.socket] = []
        self.link = Link(_Pipes(self.process), self.messages.append, lambda *_: None)

    def start(self, script: str, **more: Any) -> None:
        """Start a Python script as the kernel."""
        message = {
            "do": "start",
            "argv": [sys.executable, "-c", script, "{connection_file}"],
            "folder": str(self.folder),
            "transport": "ipc",
            "connection": {"key": "secret"},
            "environment": {},
        }
        self.link.send({**message, **more})

    def until(self, condition: Callable[[], bool], seconds: float = 10) -> None:
        """Carry bytes until something holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain; heard {self.messages}"
            self.link.step(0.02)

    def heard(self, event: str) -> dict[str, Any]:
        """Carry bytes until there is a message of this kind; forget those up to it."""
        self.until(lambda: any(message["event"] == event for message in self.messages))
        while True:
            message = self.messages.pop(0)
            if message["event"] == event:
                return message

    def connect(self, port: int = 1) -> socket.socket:
        """Return a connection to a port of the kernel."""
        ours, carried = socket.socketpair()
        self.link.open(port, carried)
        ours.settimeout(0)
        self.connections.append(ours)
        return ours

    def end(self) -> None:
        """End the stream."""
        if self.process.stdin:
            self.process.stdin.close()
            self.process.stdin = None

    def stderr(self) -> str:
        """What the kernel wrote, once the supervisor has ended."""
        assert self.process.stderr
        text = self.process.stderr.read().decode()
        self.process.wait(10)
        return text

    def close(self) -> None:
        """Let go of everything."""
        self.end()  # ends the kernel too, which a SIGKILL would not
        self.process.wait(10)
        assert self.process.stdout
        assert self.process.stderr
        self.process.stdout.close()
        self.process.stderr.close()
        for connection in self.connections:
            connection.close()
        self.link.close_all()
        self.link.selector.close()


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    """A supervisor without a kernel."""
    running = Supervised(tmp_path)
    yield running
    running.close()


def _is_gone(pid: int) -> bool:
    """Whether a process ends within two seconds: its new parent collects it a moment later."""
    deadline = time.monotonic() + 2
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return not Path(f"/proc/{pid}").exists()


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except BlockingIOError:
        return b""


@pytest.mark.parametrize("module", [door, link, process, supervisor, surroundings])
def test_what_runs_in_the_container_is_python_3_8_and_stands_alone(module: Any) -> None:
    source = Path(module.__file__).read_text("utf-8")

    tree = ast.parse(source, feature_version=(3, 8))

    imports = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imports - {"kernel_containers"} <= sys.stdlib_module_names
    assert module.__name__.rpartition(".")[2] in boot._MODULES


def test_the_boot_program_is_python_3_8() -> None:
    ast.parse(boot._BOOT, feature_version=(3, 8))


def test_a_connection_that_comes_before_the_kernel_waits_for_it(supervised: Supervised) -> None:
    supervised.start(f"import time; time.sleep(0.3)\n{ECHO}")
    connection = supervised.connect()
    connection.send(b"hello")

    answer: list[bytes] = []
    supervised.until(lambda: bool(answer.append(_received(connection)) or answer[-1]))

    assert answer[-1] == b"HELLO"


def test_a_connection_without_a_kernel_is_closed(supervised: Supervised) -> None:
    connection = supervised.connect()

    supervised.until(lambda: not supervised.link.channels)

    assert connection.recv(1) == b""


def test_a_reader_that_stands_still_keeps_one_window_and_blocks_nobody(
    supervised: Supervised,
) -> None:
    supervised.start(FLOOD)
    supervised.connect()
    supervised.heard("started")
    supervised.until(lambda: bool(supervised.link.channels[1].queue))

    for _ in range(50):
        supervised.link.step(0.01)
    kept = len(supervised.link.channels[1].queue)
    supervised.link.send({"do": "signal", "number": signal.SIGTERM})
    exited = supervised.heard("exited")

    assert 0 < kept <= link.WINDOW
    assert exited["code"] == -signal.SIGTERM


def test_no_byte_is_lost_when_the_kernel_ends(supervised: Supervised) -> None:
    supervised.start(FLOOD)
    connection = supervised.connect()
    supervised.heard("started")

    total, ended = 0, False
    deadline = time.monotonic() + 30
    while not ended and time.monotonic() < deadline:
        supervised.link.step(0.001)
        try:
            while data := connection.recv(1 << 20):
                total += len(data)
            ended = True
        except BlockingIOError:
            pass

    assert (total, ended) == (64_000_000, True)
    told = supervised.heard("exited")
    assert (told["code"], told["out_of_memory"], told["stopped"]) == (0, False, False)


def test_a_megabyte_may_wait_for_the_engine(supervised: Supervised) -> None:
    supervised.start(ECHO)
    supervised.heard("started")

    assert supervised.process.stdout
    allowed = int(Path("/proc/sys/fs/pipe-max-size").read_text())
    assert fcntl.fcntl(supervised.process.stdout, fcntl.F_GETPIPE_SZ) == min(door.PIPE, allowed)


def test_the_kernel_leads_a_session_of_its_own(supervised: Supervised) -> None:
    supervised.start("import os, sys; sys.exit(os.getpid() == os.getsid(0) == os.getpgrp())")

    assert supervised.heard("exited")["code"] == 1


def test_a_signal_reaches_the_kernels_children(supervised: Supervised, tmp_path: Path) -> None:
    child = f"import pathlib, time; pathlib.Path({str(tmp_path / 'up')!r}).touch(); time.sleep(60)"
    supervised.start(
        "import subprocess, sys\n"
        f"sys.exit(subprocess.run([sys.executable, '-c', {child!r}]).returncode + 100)"
    )
    supervised.until((tmp_path / "up").exists)

    supervised.link.send({"do": "signal", "number": signal.SIGINT})
    exited = supervised.heard("exited")

    # The child's death reaches the parent, or the parent's own KeyboardInterrupt ends it.
    assert exited["code"] in (-signal.SIGINT, 100 - signal.SIGINT)


def test_a_program_that_does_not_exist_fails_with_its_name(supervised: Supervised) -> None:
    supervised.start("", argv=["no-such-python"])

    assert "no-such-python" in supervised.heard("failed")["why"]


@pytest.mark.parametrize("more", [{}, {"argv": WORKER, "program": "pass"}])
def test_a_folder_that_does_not_exist_fails_with_its_name(
    supervised: Supervised, more: dict[str, Any]
) -> None:
    supervised.start("", directory="/no/such/folder", **more)

    assert "directory: '/no/such/folder'" in supervised.heard("failed")["why"]


def test_a_second_kernel_takes_the_place_of_the_first(supervised: Supervised) -> None:
    supervised.start(ECHO)
    first = supervised.heard("started")
    old = supervised.connect()
    supervised.until(lambda: supervised.link.channels[1].credit > 0)

    supervised.start(ECHO)
    second = supervised.heard("started")
    connection = supervised.connect()
    connection.send(b"again")
    answer: list[bytes] = []
    supervised.until(lambda: bool(answer.append(_received(connection)) or answer[-1]))

    assert answer[-1] == b"AGAIN"
    assert first["pid"] != second["pid"]
    assert _is_gone(first["pid"])
    assert old.recv(1) == b""


def test_ports_of_the_loopback_serve_kernels_that_know_only_tcp(supervised: Supervised) -> None:
    tcp = ECHO.replace("socket.AF_UNIX", "socket.AF_INET").replace(
        '"{ip}-{shell_port}".format(**place)', "(place['ip'], place['shell_port'])"
    )
    supervised.start(tcp, transport="tcp")
    connection = supervised.connect()
    connection.send(b"hello")

    answer: list[bytes] = []
    supervised.until(lambda: bool(answer.append(_received(connection)) or answer[-1]))

    assert answer[-1] == b"HELLO"


def test_a_folder_that_the_last_kernel_has_closed_is_opened_again(
    supervised: Supervised, tmp_path: Path
) -> None:
    supervised.folder.mkdir(mode=0)
    tmp_path.chmod(0o055)

    supervised.start("import time; time.sleep(60)")

    supervised.heard("started")
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path, supervised.folder)]
    assert modes == [0o755, 0o700]


def test_the_connection_file_is_for_its_user_only(supervised: Supervised) -> None:
    supervised.start("import os, stat, sys; sys.exit(stat.S_IMODE(os.stat(sys.argv[1]).st_mode))")

    assert supervised.heard("exited")["code"] == 0o600 % 256


def test_what_the_kernel_writes_itself_goes_to_stderr(supervised: Supervised) -> None:
    supervised.start("import os; os.write(1, b'to stdout\\n'); os.write(2, b'to stderr\\n')")
    supervised.heard("exited")

    supervised.end()

    assert supervised.stderr() == "to stdout\nto stderr\n"


def test_the_end_of_the_stream_ends_kernel_and_supervisor(supervised: Supervised) -> None:
    supervised.start("import time; time.sleep(60)")
    pid = supervised.heard("started")["pid"]

    supervised.end()

    assert supervised.process.wait(timeout=5) == 0
    assert _is_gone(pid)


def test_a_kernel_that_ignores_sigterm_is_killed_when_the_stream_ends(
    supervised: Supervised, tmp_path: Path
) -> None:
    supervised.start(
        "import pathlib, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"pathlib.Path({str(tmp_path / 'up')!r}).touch(); time.sleep(60)"
    )
    pid = supervised.heard("started")["pid"]
    supervised.until((tmp_path / "up").exists)

    supervised.end()

    assert supervised.process.wait(timeout=5) == 0
    assert _is_gone(pid)


def _through_the_door(supervised: Supervised) -> None:
    door = socket.socket(socket.AF_UNIX)
    door.connect(str(supervised.folder.parent / "door"))
    supervised.link.close_all()
    supervised.link.selector.close()
    supervised.link = Link(SocketStream(door), supervised.messages.append, lambda *_: None)
    supervised.connections.append(door)


def test_a_kernel_that_may_outlive_its_stream_is_reached_again_through_a_door(
    supervised: Supervised,
) -> None:
    supervised.start(ECHO, outlive=60)
    supervised.heard("started")
    supervised.end()

    _through_the_door(supervised)
    supervised.heard("attached")
    connection = supervised.connect()
    connection.send(b"again")
    answer: list[bytes] = []
    supervised.until(lambda: bool(answer or answer.extend(filter(None, [_received(connection)]))))
    supervised.link.send({"do": "end"})
    supervised.heard("exited")

    assert answer == [b"AGAIN"]
    assert supervised.process.wait(10) == 0


def test_a_kernel_that_nobody_returns_to_ends(supervised: Supervised) -> None:
    supervised.start(ECHO, outlive=0.1)
    supervised.heard("started")

    supervised.end()

    assert supervised.process.wait(10) == 0


def test_sigterm_ends_the_kernel_and_tells_so(supervised: Supervised) -> None:
    supervised.start("import time; time.sleep(60)")
    supervised.heard("started")

    supervised.process.terminate()

    told = supervised.heard("exited")
    assert (told["code"], told["stopped"]) == (-signal.SIGTERM, True)
    assert supervised.process.wait(timeout=5) == 128 + signal.SIGTERM


def test_home_and_packages_are_given_where_the_own_ones_are_read_only(
    supervised: Supervised, tmp_path: Path
) -> None:
    python = tmp_path / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    supervised.start(
        "",
        argv=[
            str(python),
            "-c",
            "import os\nfor name in ('HOME', 'PIP_TARGET', 'PYTHONPATH'): print(os.environ[name])",
        ],
        environment={"HOME": "/no/such/home", "PYTHONPATH": "/mine"},
        home=str(tmp_path),
        packages="/packages",
    )
    supervised.heard("exited")

    supervised.end()

    assert supervised.stderr().split() == [str(tmp_path), "/packages", "/packages:/mine"]


def test_pip_installs_in_place_where_it_can(supervised: Supervised, tmp_path: Path) -> None:
    python = tmp_path / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    (tmp_path / "env/lib/python3.11/site-packages").mkdir(parents=True)
    supervised.start(
        "",
        argv=[str(python), "-c", "import os, sys; sys.exit('PIP_TARGET' in os.environ)"],
        packages="/packages",
    )

    assert supervised.heard("exited")["code"] == 0
