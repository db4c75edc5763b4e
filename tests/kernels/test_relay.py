from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.owner import current_owner, is_gone
from kernel_containers.engine.attach import HEADER, Attachment
from kernel_containers.errors import CannotWrite
from kernel_containers.kernels import connection
from kernel_containers.kernels.relay import TAIL, AttachStream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def sockets() -> Iterator[tuple[AttachStream, socket.socket]]:
    """A stream, and the engine's end of it."""
    ours, engines = socket.socketpair()
    with ours, engines, ours.makefile("rb") as reader:
        yield AttachStream(Attachment(ours, reader, None)), engines


def test_frames_are_told_apart_wherever_they_are_cut(
    sockets: tuple[AttachStream, socket.socket],
) -> None:
    stream, engine = sockets
    sent = b"".join(
        HEADER.pack(number, len(data)) + data
        for number, data in ((1, b"one"), (2, b"error"), (1, b""), (1, b"two"), (2, b"!"))
    )

    received = b""
    for byte in sent:
        engine.send(bytes([byte]))
        received += stream.read()

    assert received == b"onetwo"
    assert stream.tail == b"error!"


def test_only_the_end_of_stderr_is_kept(sockets: tuple[AttachStream, socket.socket]) -> None:
    stream, engine = sockets
    block = b"x" * 30_000

    for _ in range(4):
        engine.sendall(HEADER.pack(2, len(block)) + block)
        stream.read()
    engine.sendall(HEADER.pack(2, 3) + b"end")
    stream.read()

    assert len(stream.tail) == TAIL
    assert stream.tail.endswith(b"xend")


def test_nothing_to_read_and_the_end_are_not_the_same(
    sockets: tuple[AttachStream, socket.socket],
) -> None:
    stream, engine = sockets

    with pytest.raises(BlockingIOError):
        stream.read()
    engine.close()
    with pytest.raises(EOFError):
        stream.read()


def test_a_socket_folder_is_private_and_short_enough(
    monkeypatch: pytest.MonkeyPatch, jupyter_folders: Path
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", f"{jupyter_folders}/{'long' * 30}")

    folder = connection.make_socket_folder()

    try:
        assert len(str(connection.socket_path(folder, 5))) <= connection.LONGEST_PATH
        assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        folder.rmdir()


def test_no_place_for_sockets_is_told(
    monkeypatch: pytest.MonkeyPatch, jupyter_folders: Path
) -> None:
    blocked = jupyter_folders / "blocked"
    blocked.touch()
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", f"{blocked}/runtime")
    monkeypatch.setattr("tempfile.tempdir", str(blocked))

    with pytest.raises(CannotWrite, match=r"(?s)No folder for a kernel's sockets.*short path"):
        connection.make_socket_folder()


def test_folders_of_the_living_stay(jupyter_folders: Path) -> None:
    folder = connection.make_socket_folder()
    _, pid, start = current_owner().split(":")
    dead = folder.with_name(f"kernel-{pid}-{int(start) - 1}-abcd")
    dead.mkdir()

    removed = connection.remove_stale_folders()

    assert dead in removed
    assert folder.exists()
    assert not dead.exists()
    folder.rmdir()


@pytest.mark.parametrize(
    ("owner", "gone"),
    [
        pytest.param(current_owner(), False, id="this process"),
        (f"{socket.gethostname()}:4194305:1", True),
        ("another-machine:4194305:1", False),
        (f"{socket.gethostname()}:1:0", False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_only_what_surely_ended_here_is_gone(owner: str, gone: bool) -> None:
    assert is_gone(owner) is gone
