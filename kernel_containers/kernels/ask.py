"""What a running kernel's variables hold now, asked so that it notices nothing."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import zmq
from jupyter_client.session import Session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WAIT = 2.0  # seconds for an idle kernel's answer
_TYPE = "application/vnd.kernel-containers.values"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningKernel:
    """A kernel of this server: how to reach it, and what it is doing."""

    connection: Mapping[str, Any]
    language: str
    state: str  # as Jupyter says: idle, busy, starting, …


class Silent(Exception):
    """The kernel did not say; the text tells people why."""


def current_values(
    kernel: RunningKernel, names: Sequence[str], wait: float = WAIT
) -> dict[str, dict[str, Any]]:
    """Return {name: {"type", "value"}} of the names that hold a plain value.

    A silent request with nothing but an expression: no output, no history, no number of a cell,
    no name in the kernel's namespace.

    Raises:
        Silent: it is busy, of another language, can't be reached, or failed.
    """
    if kernel.language != "python":
        raise Silent("values of kernels in other languages are not read")
    if kernel.state not in ("idle", "unknown"):
        raise Silent(f"the kernel is {kernel.state}")
    if "shell_port" not in kernel.connection:
        raise Silent("the kernel runs elsewhere")
    reply = _execute(kernel.connection, _expression(names), time.monotonic() + wait)
    answer = reply.get("user_expressions", {}).get("values", {})
    if answer.get("status") != "ok":
        raise Silent(f"the kernel could not tell: {answer.get('ename', reply.get('status'))}")
    found: dict[str, dict[str, Any]] = json.loads(answer["data"][_TYPE])
    return found


def _expression(names: Sequence[str]) -> str:
    """Return an expression that needs no name of the notebook's, which may be anything."""
    source = files("kernel_containers.kernels").joinpath("current_values.py").read_text("utf-8")
    call = f"own['current'](python.globals(), {list(names)!r})"
    bundle = f"lambda self, **k: {{{_TYPE!r}: text, 'text/plain': ''}}"
    return (
        f"(lambda python, own: (python.exec({source!r}, own), "
        f"(lambda text: python.type('KC', (), {{'_repr_mimebundle_': {bundle}}})())({call}))[1])"
        "(__import__('builtins'), {'__name__': 'kernel_containers_current_values'})"
    )


def _execute(connection: Mapping[str, Any], expression: str, until: float) -> dict[str, Any]:
    key = connection.get("key", b"")
    session = Session(
        key=key if isinstance(key, bytes) else str(key).encode(),
        signature_scheme=connection.get("signature_scheme") or "hmac-sha256",
    )
    content = {
        "code": "",
        "silent": True,
        "store_history": False,
        "user_expressions": {"values": expression},
        "allow_stdin": False,
        "stop_on_error": False,
    }
    # Of its own: the server's sockets belong to the thread of its event loop.
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        socket.connect(_address(connection))
        request = session.msg("execute_request", content)
        session.send(socket, request)
        while (left := until - time.monotonic()) > 0 and socket.poll(int(left * 1000)):
            _, parts = session.feed_identities(socket.recv_multipart(copy=True))
            message = session.deserialize(parts)
            if message["parent_header"].get("msg_id") == request["msg_id"]:
                reply: dict[str, Any] = message["content"]
                return reply
    raise Silent("the kernel is busy")


def _address(connection: Mapping[str, Any]) -> str:
    mark = "-" if connection.get("transport") == "ipc" else ":"
    transport = connection.get("transport", "tcp")
    return f"{transport}://{connection['ip']}{mark}{connection['shell_port']}"
