"""The kernel's process: its sockets are files of a private folder, and it ends with its group."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING

from kernel_containers.core.contract import PARAMETERS_VARIABLE
from kernel_containers.errors import CannotWrite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jupyter_client.connect import KernelConnectionInfo

    from kernel_containers.core.contract import Contract, KernelCommand

_FLOW = "flow"  # in the private folder: how many bytes of outputs were read, see launcher.py
_LAUNCHER = Path(__file__).with_name("launcher.py")
_MODULES = ("ipykernel_launcher", "ipykernel")
_LONGEST_SOCKET_PATH = 100  # bytes; Linux allows 107
_TEMPORARY = ("/tmp", "/dev/shm", "/run", "/var/tmp")  # noqa: S108 - mkdtemp() makes it safe
_ECHO = "\x1e"  # begins a line that is an output of a cell, too; see launcher.py
_SAID_LINES = 40
_LONGEST_LINE = 10_000  # bytes; more of it is another line
_LONGEST_SAID = 4_000  # characters: it is in the report's message and on the page
# The container's memory limit should end the kernel, not the runner that reports it.
_OOM_SCORE = 500


def private_folder() -> Path:
    """Return a new folder that only this user can read, wherever this container allows one.

    Raises:
        CannotWrite: no usual place is writable.
    """
    for parent in (os.environ.get("TMPDIR"), *_TEMPORARY):
        if parent is None or len(os.fsencode(parent)) > _LONGEST_SOCKET_PATH - 30:
            continue
        with contextlib.suppress(OSError):
            return Path(tempfile.mkdtemp(prefix="kc-", dir=parent))
    raise CannotWrite(
        "There is no writable folder for temporary files.",
        todo="mount one: docker run --tmpfs /tmp",
    )


class KernelProcess:
    """A started kernel. `said` is the end of what it wrote besides Jupyter's messages."""

    def __init__(
        self, process: subprocess.Popen[bytes], connection: KernelConnectionInfo, flow: Path
    ) -> None:
        self._process = process
        self.connection = connection
        self.flow = flow
        self.interrupt_by_message = False
        self._said: collections.deque[str] = collections.deque(maxlen=_SAID_LINES)
        self._reader: threading.Thread | None = None

    @property
    def pid(self) -> int:
        """The process, which leads its own session and group."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """Return how the process ended, negative for a signal; None while it lives."""
        return self._process.poll()

    def said(self) -> str:
        """Return the last lines of its stdout and stderr, waiting shortly for the end of them."""
        if self._reader and self.exit_code() is not None:
            self._reader.join(1.0)
        return "\n".join(self._said)[-_LONGEST_SAID:]

    def read_output(self, on_line: Callable[[str], None]) -> None:
        """Hand every line of the process's own stdout and stderr to `on_line`, from a thread.

        Not what is an output of a cell, too.
        """

        def read(stream: IO[bytes]) -> None:
            begins, known = True, False
            for line in iter(lambda: stream.readline(_LONGEST_LINE), b""):
                text = line.decode(errors="replace").rstrip("\n")
                known = text.startswith(_ECHO) if begins else known
                begins = line.endswith(b"\n")
                self._said.append(text.replace(_ECHO, ""))
                if not known:
                    on_line(text)

        stream = self._process.stdout
        assert stream is not None  # noqa: S101 - a pipe was asked for
        self._reader = threading.Thread(target=read, args=(stream,), daemon=True)
        self._reader.start()

    def signal(self, number: int) -> None:
        """Send a signal to the kernel and what it started in its group."""
        if self.exit_code() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def wait(self, seconds: float) -> int | None:
        """Return the exit code, or None when the process still lives after `seconds`."""
        try:
            return self._process.wait(max(seconds, 0.0))
        except subprocess.TimeoutExpired:
            return None

    def end(self, seconds: float) -> None:
        """Wait for a kernel that was asked to end; after `seconds` kill it and its group."""
        if self.wait(seconds) is None:
            self.signal(signal.SIGTERM)
            if self.wait(min(seconds, 1.0)) is None:
                self.signal(signal.SIGKILL)
                self.wait(5.0)
        # What it left behind in its group would keep the pipe, and the container, open.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def start_kernel(
    contract: Contract, folder: Path, environment: Mapping[str, str], environ: Mapping[str, str]
) -> KernelProcess:
    """Start the kernel; `environment` comes over the kernelspec's own and that of this process.

    Raises:
        OSError: the program or the working folder does not exist, or can't be used.
    """
    connection: KernelConnectionInfo = {
        "transport": "ipc",
        "ip": str(folder / "kernel"),
        "shell_port": 1,
        "iopub_port": 2,
        "stdin_port": 3,
        "control_port": 4,
        "hb_port": 5,
        "key": secrets.token_hex(32),
        "signature_scheme": "hmac-sha256",
        "kernel_name": contract.kernel.name,
    }
    file = folder / "connection.json"
    file.write_text(json.dumps(connection))
    (folder / _FLOW).write_bytes(bytes(8))
    process = subprocess.Popen(
        command_line(contract.kernel, file),
        cwd=contract.working_directory,
        env=kernel_environment(contract.kernel, folder, {**environ, **environment}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    with contextlib.suppress(OSError, ValueError):
        score = int(Path("/proc/self/oom_score_adj").read_text()) + _OOM_SCORE
        Path(f"/proc/{process.pid}/oom_score_adj").write_text(str(min(score, 1000)))
    kernel = KernelProcess(process, connection, folder / _FLOW)
    kernel.interrupt_by_message = contract.kernel.interrupt_mode == "message"
    return kernel


def command_line(kernel: KernelCommand, connection_file: Path) -> list[str]:
    """Return the kernel's arguments; ipykernel's module is replaced by our start of it."""
    argv = [item.replace("{connection_file}", str(connection_file)) for item in kernel.argv]
    for index in range(1, len(argv) - 1):
        if argv[index] == "-m" and argv[index + 1] in _MODULES:
            # A history file would be shared, and written, by all runs.
            history = "--HistoryManager.hist_file=:memory:"
            return [*argv[:index], str(_LAUNCHER), *argv[index + 2 :], history]
    return argv


def kernel_environment(
    kernel: KernelCommand, folder: Path, environ: Mapping[str, str]
) -> dict[str, str]:
    """Return the kernel's variables: a home and a place for temporary files that can be written
    to, and a user with a name.
    """
    found = {**environ, **kernel.environment}
    found.pop(PARAMETERS_VARIABLE, None)
    home = found.get("HOME", "")
    if home in ("", "/") or not _is_writable(home):
        found["HOME"] = str(_own(folder / "home"))
    # Where Python looks; without any, ipykernel can't even name a cell's code.
    if not any(map(_is_writable, (found.get("TMPDIR", ""), "/tmp", "/var/tmp", "/usr/tmp"))):  # noqa: S108
        found["TMPDIR"] = str(_own(folder / "temporary"))
    if not _has_user_name():
        for name in ("LOGNAME", "USER"):
            found.setdefault(name, "notebook")
    found["KERNEL_CONTAINERS_CLIENT"] = str(_client_folder(folder))
    found["KERNEL_CONTAINERS_FLOW"] = str(folder / _FLOW)
    found["JUPYTER_RUNTIME_DIR"] = str(folder)
    # ipykernel ends itself with this process; as PID 1 it would not see it end, nor need to.
    found["JPY_PARENT_PID"] = str(os.getpid())
    return found


def _is_writable(folder: str) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)


def _own(folder: Path) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _client_folder(folder: Path) -> Path:
    """Make a folder from which the notebook can import our client, and nothing else of ours."""
    made = folder / "client"
    package = made / "kernel_containers"
    package.mkdir(parents=True, exist_ok=True)
    client = Path(__file__).parents[1] / "client"
    with contextlib.suppress(FileExistsError):
        (package / "__init__.py").symlink_to(client / "placed.py")
        (package / "client").symlink_to(client)
    return made


def _has_user_name() -> bool:
    import pwd  # noqa: PLC0415 - absent outside Unix

    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        return False
    return True


def remove_folder(folder: Path) -> None:
    """Remove a private folder as far as that is possible."""
    shutil.rmtree(folder, ignore_errors=True)
