"""A kernel's container on the engine, seen from this process. Everything here blocks briefly."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from kernel_containers.engine import containers
from kernel_containers.engine.attach import attach, attach_program
from kernel_containers.errors import KernelContainersError, NotFound
from kernel_containers.kernels.boot import bridge_command
from kernel_containers.kernels.container_spec import RUN
from kernel_containers.kernels.death import KILLED, Death
from kernel_containers.kernels.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kernel_containers.core.containers import ContainerSpec
    from kernel_containers.engine import Engine
    from kernel_containers.engine.attach import Attachment
    from kernel_containers.engine.containers import PlacedFile
    from kernel_containers.kernels.connection import Address
    from kernel_containers.kernels.death import Cause

logger = logging.getLogger(__name__)

DOOR = f"{RUN}/door"
# Seconds that a kernel and its server wait for each other when the connection through the engine
# is lost. An engine that keeps containers over its restart (`live-restore`) needs 1 to 3.
RETURN = 10.0
POLL = 0.05  # seconds between looks at a container that may end
RETRY = 0.2  # seconds between attempts


class KernelContainer:
    """A running container, which owns `engine` and reaches the kernel at `address`.

    `death` is None while a kernel runs or starts. `died` is called in another thread each time a
    kernel ends, and may be set anew.
    """

    def __init__(
        self, engine: Engine, container: str, address: Address, died: Callable[[Death], None]
    ) -> None:
        self.engine = engine
        self.id = container
        self.address = address
        self.died = died
        self.death: Death | None = None
        self.has_ended = False  # the container, not only the kernel
        self.is_ready = False  # what was prepared can be claimed
        self.is_adopted = False
        self.new_name: str | None = None
        # Of a kernel that ran before it was asked for: a hot one, or one that outlived its server.
        self.connection: Mapping[str, Any] = {}
        self.outlives = False  # its process, which may leave it
        self.has_its_folders: Callable[[], bool] = lambda: True  # those that are mounted
        self._relay: Relay | None = None
        self._connected = threading.Event()
        self._alone_since: float | None = None  # the stream was lost, and nobody has answered since
        self._lost: KernelContainersError | None = None  # why the engine did not answer meanwhile
        self._removing = False

    @classmethod
    def create(
        cls,
        engine: Engine,
        spec: ContainerSpec,
        *,
        files: Iterable[PlacedFile],
        stdin: bytes,
        prepare: dict[str, Any] | None,
        address: Address,
        died: Callable[[Death], None],
    ) -> KernelContainer:
        """Create and start a container, and give its supervisor `stdin`.

        A worker of `prepare`, a message for the supervisor, imports while files are placed.
        Nothing is left behind when it fails, besides the address.

        Raises:
            NotFound, InvalidInput, Refused, Unavailable: the engine's words are the cause.
        """
        made = cls(engine, containers.create(engine, spec), address, died)
        try:
            attachment = attach(engine, made.id)
            attachment.socket.sendall(stdin)
            made._carry(attachment)
            if prepare is not None:
                made._send("prepare", prepare)
            containers.start(engine, made.id)
            if placed := list(files):
                made._place(placed)
        except BaseException:
            made.remove()
            raise
        return made

    def _place(self, files: Iterable[PlacedFile]) -> None:
        try:
            containers.put_files(self.engine, self.id, files)
        except KernelContainersError:
            # Where a program ends at once, why it does says more than what then goes wrong.
            if self._is_running():
                raise

    def _is_running(self) -> bool:
        try:
            return bool(containers.inspect(self.engine, self.id)["State"]["Running"])
        except NotFound:
            return False

    @classmethod
    def returned_to(
        cls, engine: Engine, container: str, address: Address, died: Callable[[Death], None]
    ) -> KernelContainer:
        """Return to a container whose kernel has outlived its server.

        Raises:
            NotFound, TryAgain: it has ended meanwhile.
            Unavailable: the engine does not answer.
        """
        made = cls(engine, container, address, died)
        made.outlives = made.is_adopted = True
        made._return(containers.inspect(engine, container))
        return made

    def _carry(self, attachment: Attachment) -> Relay:
        relay = Relay(attachment, self.address.folder, self._heard, self._stream_ended)
        self._relay = relay
        relay.start()
        self._connected.set()
        return relay

    def _return(self, description: dict[str, Any]) -> None:
        """Go on through the supervisor's door; `attached` tells that somebody is behind it."""
        command = bridge_command(description["Config"]["Cmd"][0], DOOR)
        relay = self._carry(attach_program(self.engine, self.id, command))
        if self._removing:  # meanwhile
            relay.close()
        elif self.address.transport == "stdio":
            relay.listen()

    def start_kernel(self, message: dict[str, Any]) -> None:
        """Start a kernel in place of the last one, and open the clients' sockets anew."""
        assert self._relay is not None  # noqa: S101 - made by create()
        if not self.has_ended:
            self.death = None
        deadline = time.monotonic() + RETURN
        while not (self._connected.wait(POLL) or self.has_ended or time.monotonic() > deadline):
            pass
        self._send("start", message)
        if self.address.transport == "stdio":
            self._relay.listen()
        if self.has_ended:  # meanwhile
            self.death = self.death or Death(cause="container", code=KILLED, tail=self.tail)

    def adopt(self, message: dict[str, Any]) -> None:
        """Give a hot kernel the environment and folder of `message`; `is_adopted` tells when."""
        self._send("adopt", message)

    def signal(self, number: int) -> None:
        """Send a signal to the kernel and the processes in its group."""
        self._send("signal", {"number": number})

    @property
    def is_connected(self) -> bool:
        """Whether its supervisor can be told something."""
        return self._connected.is_set()

    @property
    def can_restart(self) -> bool:
        """Whether another kernel can be started in it, and reached."""
        return not self.has_ended and self.address.folder.is_dir() and self.has_its_folders()

    def take_name(self) -> None:
        """Give the container the name of its kernel, soon; one that is ending keeps its own.

        A busy engine may take seconds, which nobody waits for.
        """
        name, self.new_name = self.new_name, None

        def rename() -> None:
            with contextlib.suppress(KernelContainersError):
                containers.rename(self.engine, self.id, str(name))

        if name is not None:
            threading.Thread(target=rename, name="kernel-rename", daemon=True).start()

    def _send(self, what: str, message: dict[str, Any]) -> None:
        if self._relay is not None:
            self._relay.send({"do": what, **message})

    @property
    def tail(self) -> str:
        """The end of what the kernel wrote to its own stdout and stderr."""
        written = self._relay.tail if self._relay else b""
        return written.decode("utf-8", errors="replace")

    def release(self) -> None:
        """Let the container end by itself, without asking the engine, and let the engine go."""
        self._send("end", {})
        self.leave()

    def leave(self) -> None:
        """Let the engine go, and the container to itself: it ends where it may not outlive this."""
        self._removing = True
        if self._relay is not None:
            self._relay.close()
        self.engine.close()

    def remove(self) -> None:
        """Remove the container, whatever its state.

        Raises:
            Unavailable: the engine does not answer; the container ends by itself.
        """
        self._removing = True
        try:
            containers.remove(self.engine, self.id)
        finally:
            self.release()

    def _heard(self, message: dict[str, Any]) -> None:
        if message["event"] == "exited":
            if message["stopped"]:
                self.has_ended = True  # soon: a restart now would begin in what is ending
                self._die("container", 128 + signal.SIGTERM)
            else:
                out_of_memory = message["out_of_memory"]
                self._die("out-of-memory" if out_of_memory else "exit", message["code"])
        elif message["event"] == "failed":
            self._die("not-started", 127, message["why"])
        elif message["event"] == "ready":
            self.is_ready = True
        elif message["event"] == "adopted":
            self.is_adopted = True
        elif message["event"] == "attached":
            self._alone_since = self._lost = None

    def _stream_ended(self) -> None:
        """Find out why, in the thread of the relay that has ended."""
        self._connected.clear()
        if self._removing or self.death is not None:
            self.has_ended = True
            self.death = self.death or Death(cause="container", code=KILLED)
            return
        # It may be lost again before the supervisor has answered, as in a container that is ending.
        self._alone_since = self._alone_since or time.monotonic()
        self._find_again(self._alone_since + RETURN)

    def _find_again(self, deadline: float) -> None:
        """Return to the container, or tell how it ended: a lost connection is not that."""
        while not self._removing and time.monotonic() < deadline:
            try:
                self.engine.knock()
                description = containers.inspect(self.engine, self.id)
            except NotFound:  # it has removed itself
                break
            except KernelContainersError as error:
                self._lost = error
            else:
                if not description["State"]["Running"]:
                    self._end_with(description["State"])
                    return
                with contextlib.suppress(KernelContainersError):  # it is ending
                    self._return(description)
                    logger.info("Returned to the container %s.", self.id[:12])
                    return
            time.sleep(RETRY)
        self._end_with(None)

    def _end_with(self, state: dict[str, Any] | None) -> None:
        """Note the end of the container, whose state is None where nobody can tell it."""
        self.has_ended = True
        if self._lost is not None:
            self._die("engine", KILLED, self._lost.why or self._lost.what)
        elif state is None:
            self._die("container", KILLED)
        else:
            out_of_memory = bool(state.get("OOMKilled"))
            self._die("out-of-memory" if out_of_memory else "container", int(state["ExitCode"]))
        with contextlib.suppress(KernelContainersError):
            self.remove()

    def _die(
        self,
        cause: Cause,
        code: int,
        detail: str = "",
    ) -> None:
        self.death = Death(cause=cause, code=code, detail=detail, tail=self.tail)
        self.died(self.death)
