"""Starts ipykernel so that no output is lost; run by the notebook's own Python as a plain file.

ZeroMQ keeps 1,000 messages for a slow reader and drops the rest without a word: of 60,000 flushed
writes a third was lost. So nothing is dropped here, and a writer that is faster than its reader
waits: a gigabyte that is printed at once would else stand in both processes' memory.
Nothing but the standard library and ipykernel may be imported here, and Python 3.6 reads it.
"""

import os
import sys

# This file's folder is not the notebook's business. With -I it is not there.
if sys.path and sys.path[0] == os.path.dirname(os.path.abspath(__file__)):  # noqa: PTH100, PTH120
    del sys.path[0]

# At the end: a package of this name that the notebook has itself comes first.
if os.environ.get("KERNEL_CONTAINERS_CLIENT"):
    sys.path.append(os.environ.pop("KERNEL_CONTAINERS_CLIENT"))

import atexit
import codecs
import contextlib
import fcntl
import json
import mmap
import select
import struct
import termios
import threading
import time
import warnings
from typing import Any

import zmq
from ipykernel.iostream import OutStream
from ipykernel.kernelapp import IPKernelApp

WINDOW = 16 * 1000 * 1000  # bytes that may be on their way to the runner
PIECE = 500 * 1000  # characters of a stream in one message
READ = 65536  # bytes; a pipe holds no more
ECHO = b"\x1e"
A_MOMENT = 1.0  # seconds
PATIENCE = 20.0  # seconds without a sign of the reader, after which nobody waits for it


class Flow:
    """What was sent, and what the runner has counted as read in a file that both have mapped."""

    def __init__(self, path: str) -> None:
        with open(path, "rb") as file:  # noqa: PTH123
            self._map = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
        self._process = os.getpid()
        self._sent = 0
        self._sender: Any = None

    def _read(self) -> int:
        return int(struct.unpack_from("=Q", self._map)[0])

    def is_fork(self) -> bool:
        """Whether this is another process than the one that made this."""
        return os.getpid() != self._process

    def watch(self, thread: Any) -> None:
        """Count what a thread is given to send; other threads wait before they give it more."""
        send = thread.send_multipart

        def counted(parts: Any, *rest: Any, **named: Any) -> Any:
            self._sent += sum(map(len, parts))
            self.wait()
            return send(parts, *rest, **named)

        self._sender = thread.thread
        thread.send_multipart = counted

    def wait(self) -> None:
        """Return when the reader is near; an interrupt ends the wait."""
        read = self._read()
        if self._sent - read <= WINDOW or self._sender in (None, threading.current_thread()):
            return
        if self.is_fork():
            return  # its output goes through its parent
        end = time.monotonic() + PATIENCE
        while self._sent - read > WINDOW:
            time.sleep(0.002)
            before, read = read, self._read()
            if read != before:
                end = time.monotonic() + PATIENCE
            elif time.monotonic() > end:
                self._sent = read
                return


flow = Flow(os.environ.pop("KERNEL_CONTAINERS_FLOW"))


class Stream(OutStream):
    """A stream that sends what was written in pieces. ipykernel sends all of 0.2 s at once."""

    _waiting = 0
    _read_bytes = 0  # of the pipe

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._pipe_lock = threading.RLock()
        super().__init__(*arguments, **named)  # type: ignore[no-untyped-call]

    def _watch_pipe_fd(self) -> None:
        """Read what child processes and libraries write, without a broken character.

        It is an output of the notebook, and kept for the case of death; the runner knows it by
        the first character of each line and does not tell it twice. ipykernel 6 and 7 call this,
        older ones watch nothing; one that keeps its pipe elsewhere reads in its own way.
        """
        pipe = getattr(self, "_fid", None)
        copy = getattr(self, "_original_stdstream_copy", None)
        if not isinstance(pipe, int) or not isinstance(copy, int):
            super()._watch_pipe_fd()  # type: ignore[no-untyped-call]
            return
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        # A writer would wait for ever for room in a pipe that nobody reads: only its end ends this.
        with contextlib.suppress(OSError):
            while select.select([pipe], [], []):
                with self._pipe_lock:
                    data = os.read(pipe, READ)
                    if not data or not getattr(self, "_should_watch", True):
                        return
                    self._read_bytes += len(data)
                    with contextlib.suppress(Exception):
                        self.write(decode(data))
                with contextlib.suppress(OSError):
                    os.write(copy, b"".join(ECHO + line for line in data.splitlines(keepends=True)))

    def _read_pipe(self) -> None:
        """Return when all that child processes have written so far was read."""
        pipe = getattr(self, "_fid", None)
        watcher = getattr(self, "watch_fd_thread", None)
        if not isinstance(pipe, int) or watcher in (None, threading.current_thread()):
            return
        if flow.is_fork():
            return  # its lock may be held by a thread that it does not have
        end = time.monotonic() + A_MOMENT
        with contextlib.suppress(OSError):
            with self._pipe_lock:
                waiting = fcntl.ioctl(pipe, termios.FIONREAD, bytes(4))
                wanted = self._read_bytes + struct.unpack("i", waiting)[0]
            while self._read_bytes < wanted and time.monotonic() < end:
                time.sleep(0.001)
            with self._pipe_lock:
                return

    def flush(self) -> None:
        """Send what was written; the kernel does so before it says that a cell has ended."""
        self._read_pipe()
        super().flush()  # type: ignore[no-untyped-call]

    def write(self, string: Any) -> Any:
        """Write; return the number of characters."""
        flow.wait()
        count = len(string) if isinstance(string, str) else 0
        self._waiting += count
        if self._waiting <= PIECE:
            return super().write(string)
        for start in range(0, count, PIECE):
            super().write(string[start : start + PIECE])
            self.flush()
            flow.wait()
        self._waiting = 0
        return count


class Forgetful(dict):  # type: ignore[type-arg]
    """Lists of which nobody has another. IPython 9 keeps all that was said, for %notebook."""

    def __missing__(self, key: Any) -> Any:
        """Return a list that is not kept."""
        return []

    def setdefault(self, key: Any, default: Any = None) -> Any:  # noqa: ARG002
        """Return a list that is not kept."""
        return []


def tolerant(pack: Any) -> Any:
    """Return a packer that knows half surrogate pairs, as in a file's name that is not UTF-8.

    jupyter_client's own raises and loses the message, or sends bytes that are no UTF-8.
    """
    try:
        from jupyter_client.jsonutil import json_default as default  # noqa: PLC0415
    except ImportError:
        return pack

    def packed(value: Any) -> Any:
        try:
            text = json.dumps(value, default=default, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError):
            return pack(value)
        try:
            return text.encode()
        except UnicodeEncodeError:
            return json.dumps(value, default=default, allow_nan=False).encode()

    return packed


def to_the_end(schedule: Any) -> Any:
    """Return ipykernel's way of handing work to a thread, for callers that live longer than it.

    The thread ends, and its sockets are closed, while others may be handing it work.
    """

    def scheduled(work: Any) -> None:
        try:
            schedule(work)
        except zmq.ZMQError as error:
            if error.errno not in (zmq.ENOTSOCK, zmq.ETERM):
                raise
            work()

    return scheduled


def trackers() -> Any:
    """Return the processes that clean up behind shared memory, of multiprocessing and of joblib."""
    names = ("multiprocessing", "joblib.externals.loky.backend", "loky.backend")
    modules = [sys.modules.get(name + ".resource_tracker") for name in names]
    return {getattr(getattr(item, "_resource_tracker", None), "_pid", None) for item in modules}


def unfinished(children: Any) -> Any:
    """Yield the child processes that have to end before the kernel does.

    A zombie stays until its parent asks for it, and ipykernel waited for it for 14 s. Trackers
    ignore SIGTERM and end when the kernel has ended; ipykernel 7 waits for them for 30 s.
    """
    for child in children:
        with contextlib.suppress(Exception):  # it is gone
            if child.status() != "zombie" and child.pid not in trackers():
                yield child


class KernelApp(IPKernelApp):
    """ipykernel's own application, but for its way to the runner."""

    def init_iopub(self, context: Any) -> None:
        """Open the socket of the outputs without a limit on waiting messages."""
        self.session.pack = tolerant(self.session.pack)
        context.setsockopt(zmq.SNDHWM, 0)
        super().init_iopub(context)  # type: ignore[no-untyped-call]
        self.iopub_thread.schedule = to_the_end(self.iopub_thread.schedule)
        flow.watch(self.iopub_thread)
        # After the notebook's own handlers and before that thread's, which closes its socket.
        atexit.register(self.say_all)

    def init_io(self) -> None:
        """Replace the streams."""
        self.outstream_class = f"{__name__}.Stream"
        super().init_io()  # type: ignore[no-untyped-call]
        for written in (sys.__stdout__, sys.__stderr__):
            with contextlib.suppress(Exception):  # Python 3.6 can't, and there may be none
                written.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        if hasattr(os, "register_at_fork"):
            # A fork would say again what waits to be sent.
            os.register_at_fork(before=sys.stdout.flush)
            os.register_at_fork(before=sys.stderr.flush)

    def init_shell(self) -> None:
        """Make the shell, without a memory of outputs: the runner has them."""
        super().init_shell()  # type: ignore[no-untyped-call]
        history = getattr(self.shell, "history_manager", None)
        if history is not None:
            history.outputs = Forgetful()
        # ipykernel 7 warns of itself when it ends, and as an error that would keep it alive.
        quiet = lambda _: warnings.simplefilter("ignore", PendingDeprecationWarning)  # noqa: E731
        self.shell.observe(quiet, "exit_now")  # type: ignore[union-attr]

    def init_kernel(self) -> None:
        """Make the kernel, which ends its child processes before itself."""
        super().init_kernel()  # type: ignore[no-untyped-call]
        children = getattr(self.kernel, "_process_children", None)
        if children is not None:
            self.kernel._process_children = lambda: list(unfinished(children()))  # noqa: SLF001

    def say_all(self) -> None:
        """Send what threads and exit handlers have said since the last cell, and that it is all."""
        if flow.is_fork():
            return
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # the notebook may have replaced it
                stream.flush()
        with contextlib.suppress(Exception):
            publisher, sent = self.iopub_thread, threading.Event()
            self.session.send(publisher.background_socket, "status", {"execution_state": "dead"})
            publisher.schedule(sent.set)
            sent.wait(A_MOMENT)


if __name__ == "__main__":
    # What IPython says when a notebook ends itself is for people at a prompt.
    warnings.filterwarnings("ignore", message="To exit: use")
    KernelApp.launch_instance()
