"""The kernel's messages: requests go out, and outputs go into the notebook's cells.

nbclient knows what each message does to a notebook (displays, updates, widgets); waiting,
timeouts and losses are not left to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete

from kernel_containers.runner import streams
from kernel_containers.runner.nodes import output_from_message

if TYPE_CHECKING:
    from jupyter_client.connect import KernelConnectionInfo

# Called with a cell's index and an output that was added to it.
OnOutput = Callable[[int, Any], None]
_BATCH = 2_000  # messages that are read before anything else is looked at


class Collector(NotebookClient):
    """Puts outputs into cells. A stream's text is a list of parts until it is written.

    What a cell says beyond `max_output` bytes is dropped, and the cell says so.
    """

    def __init__(self, notebook: Any, on_output: OnOutput, max_output: int) -> None:
        super().__init__(notebook)
        self._on_output = on_output
        self._max_output = max_output
        self._sizes: dict[int, int] = {}
        self._cut: set[int] = set()
        self._clear_next: set[int] = set()

    @property
    def cut_cells(self) -> frozenset[int]:
        """Cells that said more than is kept."""
        return frozenset(self._cut)

    def output(self, outs: Any, msg: Any, display_id: Any, cell_index: int) -> Any:
        """Add one output to a cell."""
        if self.output_hook_stack[msg["parent_header"].get("msg_id")]:
            return super().output(outs, msg, display_id, cell_index)
        try:
            output = output_from_message(msg)
        except ValueError:
            return None
        if cell_index in self._clear_next:
            self._clear(outs, cell_index)
        if self._too_much(outs, output, cell_index):
            return None
        if display_id:
            places = self._display_id_map.setdefault(display_id, {})
            places.setdefault(cell_index, []).append(len(outs))
        self._on_output(cell_index, output)
        return self._add(outs, output)

    def _add(self, outs: Any, output: Any) -> Any:
        if output.output_type != "stream":
            outs.append(output)
            return output
        last = outs[-1] if outs else None
        if last is None or last.output_type != "stream" or last.name != output.name:
            text, output["text"] = output.text, []
            outs.append(output)
            last, output = output, {"text": text}
        streams.append(last["text"], output["text"])
        return last

    def _too_much(self, outs: Any, output: Any, index: int) -> bool:
        if output.output_type == "error":
            return False
        if index not in self._cut:
            size = self._sizes.get(index, 0) + _size(output)
            self._sizes[index] = size
            if size > self._max_output:
                self._cut.add(index)
                text = f"\n[Output cut: a cell may say {self._max_output // 1000**2} MB; "
                text += "--max-output sets it]\n"
                content = {"output_type": "stream", "name": "stderr", "text": text}
                outs.append(
                    output_from_message({"header": {"msg_type": "stream"}, "content": content})
                )
                self._on_output(index, outs[-1])
        return index in self._cut

    def clear_output(self, outs: Any, msg: Any, cell_index: int) -> None:
        """Forget a cell's outputs, now or before the next one."""
        if self.output_hook_stack[msg["parent_header"].get("msg_id")]:
            super().clear_output(outs, msg, cell_index)
        elif msg["content"].get("wait"):
            self._clear_next.add(cell_index)
        else:
            self._clear(outs, cell_index)

    def _clear(self, outs: Any, index: int) -> None:
        outs[:] = []
        self._clear_next.discard(index)
        self._sizes[index] = 0
        self._cut.discard(index)
        self.clear_display_id_mapping(index)


def _size(output: Any) -> int:
    if output.output_type == "stream":
        return len(output.text)
    return sum(len(part) for part in output.data.values() if isinstance(part, str))


class KernelClient:
    """A connection to a kernel. Not for several threads."""

    def __init__(self, connection: KernelConnectionInfo, collector: Collector) -> None:
        self._context = zmq.Context()
        # No limit on what waits here: ZeroMQ drops what is above it without a word.
        self._context.setsockopt(zmq.RCVHWM, 0)
        self._context.setsockopt(zmq.SNDHWM, 0)
        self._context.setsockopt(zmq.RECONNECT_IVL, 10)  # ms; the kernel opens its sockets later
        self._client = BlockingKernelClient(context=self._context)
        self._client.load_connection_info(connection)
        self._client.start_channels(stdin=False, hb=False)
        self._client.allow_stdin = False
        self._shell = self._client.shell_channel.socket
        self._iopub = self._client.iopub_channel.socket
        self._poller = zmq.Poller()
        self._poller.register(self._shell, zmq.POLLIN)
        self._poller.register(self._iopub, zmq.POLLIN)
        self._collector = collector
        self._collector.kc = self._client
        self._cells: dict[str, int] = {}
        self._current: int | None = None
        self._replies: dict[str, Any] = {}
        self._idle: set[str] = set()

    def ask_kernel_info(self) -> str:
        """Send the request that shows whether a kernel is there; return its id."""
        return str(self._client.kernel_info())

    def execute(self, index: int, source: str, *, stop_on_error: bool) -> str:
        """Send a cell's source; return the request's id."""
        request = str(self._client.execute(source, allow_stdin=False, stop_on_error=stop_on_error))
        self._cells[request] = self._current = index
        return request

    def interrupt(self) -> None:
        """Ask over the control channel, for kernels that no signal interrupts."""
        self._control("interrupt_request", {})

    def shutdown(self) -> None:
        """Ask the kernel to end."""
        self._control("shutdown_request", {"restart": False})

    def _control(self, kind: str, content: dict[str, Any]) -> None:
        channel = self._client.control_channel
        channel.send(self._client.session.msg(kind, content))

    def reply(self, request: str) -> Any | None:
        """Return the content of a request's reply, once it is there."""
        return self._replies.get(request)

    def finished_reply(self) -> Any | None:
        """Return any reply that has come, and all that was said before it was finished."""
        return next((self._replies[item] for item in self._idle if item in self._replies), None)

    def is_idle(self, request: str) -> bool:
        """Whether the kernel has said all that belongs to a request."""
        return request in self._idle

    def receive(self, seconds: float) -> bool:
        """Take what has come, waiting at most `seconds` for the first; whether there was any."""
        ready = dict(self._poller.poll(int(seconds * 1000)))
        if self._iopub in ready:
            for message in self._waiting(self._iopub):
                self._take(message)
        if self._shell in ready:
            for message in self._waiting(self._shell):
                self._replies[message["parent_header"].get("msg_id", "")] = message["content"]
        return bool(ready)

    def _waiting(self, socket: Any) -> Any:
        session = self._client.session
        for _ in range(_BATCH):
            try:
                parts = socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            try:
                yield session.deserialize(session.feed_identities(parts)[1])
            except ValueError:
                continue  # not signed with our key

    def _take(self, message: Any) -> None:
        request = message["parent_header"].get("msg_id", "")
        kind = message["msg_type"]
        if kind == "status" and request not in self._cells:
            if message["content"]["execution_state"] == "idle":
                self._idle.add(request)
            return
        # Output without a cell of its own, such as a thread's, lands where the run is.
        index = self._cells.get(request, self._current)
        if index is None:
            return
        cell = self._collector.nb.cells[index]
        try:
            self._collector.process_message(message, cell, index)
        except CellExecutionComplete:
            self._idle.add(request)
        except (IndexError, KeyError):
            # A display or widget that was dropped, and is changed now.
            return

    def close(self) -> None:
        """Close the sockets."""
        self._client.stop_channels()
        self._context.destroy(linger=0)
