"""A Docker Engine of a test's own, to be starved, stopped and killed.

It has its own network, mounts, processes and control group, so that nothing of it reaches the
machine's engine, and all of it goes with the process that holds them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from docker import DockerClient
from docker.errors import DockerException

if TYPE_CHECKING:
    from collections.abc import Iterator

# Only root has what it takes.
IMPOSSIBLE = os.getuid() != 0 or not all(map(shutil.which, ("dockerd", "ip", "nsenter")))
# As process 1 it has to reap what a killed daemon leaves; ignoring SIGCHLD does that.
_HOLD = (
    "ip link set lo up && mount -t proc proc /proc && mount -t tmpfs -o size={size} none {data} "
    "&& echo ready && exec env --ignore-signal=CHLD sleep infinity"
)


class PrivateEngine:
    """It keeps everything in memory, below a folder with a short path, and never more than `size`
    bytes."""

    def __init__(self, folder: Path, size: int) -> None:
        self.socket = folder / "docker.sock"
        self.address = f"unix://{self.socket}"
        self.data = folder / "data"
        self.data.mkdir()
        self._folder = folder
        self._cgroup = f"/private-{folder.name}"
        script = _HOLD.format(size=size, data=self.data)
        spaces = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child"]
        self._holder = subprocess.Popen([*spaces, "sh", "-c", script], stdout=subprocess.PIPE)
        assert self._holder.stdout
        assert self._holder.stdout.readline() == b"ready\n"
        children = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children")
        self._inside = children.read_text().strip()
        self._daemon: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Start it, and return when it answers."""
        command = [
            *(*self.entrance, "--mount", "--pid", "dockerd"),
            *("--host", self.address, "--data-root", str(self.data)),
            *("--exec-root", str(self._folder / "exec"), "--pidfile", str(self._folder / "pid")),
            *("--bridge=none", "--iptables=false", "--cgroup-parent", self._cgroup),
            *options,
        ]
        (self._folder / "pid").unlink(missing_ok=True)
        log = (self._folder / "log").open("ab")
        with log:
            self._daemon = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self._daemon.poll() is None, (self._folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            with contextlib.closing(DockerClient(self.address, timeout=5)):
                return True
        except DockerException:
            return False

    def signal(self, number: signal.Signals) -> None:
        """Send the daemon a signal, and wait for an end that it asks for."""
        assert self._daemon is not None
        os.kill(self.pid, number)
        if number == signal.SIGCONT:
            self._daemon.send_signal(number)  # nsenter stops with its child
        if number in {signal.SIGTERM, signal.SIGKILL}:
            self._daemon.wait(30)

    @property
    def entrance(self) -> tuple[str, ...]:
        """What a command begins with that is to be on the engine's own loopback."""
        return "nsenter", "--target", self._inside, "--net"

    @property
    def pid(self) -> int:
        """The daemon's process, a child of nsenter's as it is in a namespace of processes."""
        assert self._daemon is not None
        children = Path(f"/proc/{self._daemon.pid}/task/{self._daemon.pid}/children")
        return int(children.read_text())

    @contextlib.contextmanager
    def full(self, free: int) -> Iterator[None]:
        """Leave it `free` bytes."""
        inside = Path(f"/proc/{self._inside}/root", str(self.data).lstrip("/"))
        filling = inside / "filling"
        state = os.statvfs(inside)
        with filling.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, state.f_bavail * state.f_frsize - free)
        yield
        filling.unlink()

    def load(self, image: str) -> None:
        """Bring along an image of the machine's engine."""
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saved:
            command = ["docker", "--host", self.address, "load", "--quiet"]
            subprocess.run(command, stdin=saved.stdout, check=True, stdout=subprocess.DEVNULL)

    def close(self) -> None:
        """End it, and all that it has started."""
        self._holder.kill()
        self._holder.wait()
        assert self._holder.stdout
        self._holder.stdout.close()
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait(30)
        for controller in Path("/sys/fs/cgroup").glob(f"*{self._cgroup}"):
            _remove_groups(controller)
        shutil.rmtree(self._folder, ignore_errors=True)


def _remove_groups(group: Path) -> None:
    for inner in [path for path in group.iterdir() if path.is_dir()]:
        _remove_groups(inner)
    with contextlib.suppress(OSError):
        group.rmdir()


@contextlib.contextmanager
def private_engine(folder: Path, size: int) -> Iterator[PrivateEngine]:
    """Start one in an empty folder, and end it."""
    engine = PrivateEngine(folder, size)
    try:
        engine.start()
        yield engine
    finally:
        engine.close()
