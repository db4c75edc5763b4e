"""Jupyter's kernel provisioner `kernel-containers`: each kernel in a container of its own.

Jupyter calls it from its event loop; what asks the engine runs in threads.
"""

from __future__ import annotations

import asyncio
import signal
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase

from kernel_containers.errors import InvalidInput, KernelContainersError
from kernel_containers.kernels import failures, starting
from kernel_containers.kernels.config import KernelConfig
from kernel_containers.kernels.container_spec import path_on_host
from kernel_containers.kernels.events import KernelEvents
from kernel_containers.kernels.failures import KernelNotStarted
from kernel_containers.kernels.launch import check_command, make_keys, read_launch, take_keys
from kernel_containers.kernels.pool import pool
from kernel_containers.kernels.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_client.connect import KernelConnectionInfo

    from kernel_containers.kernels.connection import Address
    from kernel_containers.kernels.container import KernelContainer
    from kernel_containers.kernels.death import Death
    from kernel_containers.kernels.launch import Launch

POLL = 0.02  # seconds between looks at a starting or ending kernel
ENGINE_PATIENCE = 30.0  # seconds for an engine to come back that has ended a kernel by stopping


@dataclass(slots=True)
class _Held:
    """What must not outlive the provisioner."""

    container: KernelContainer | None = None
    address: Address | None = None

    def release(self) -> None:
        """Let go of it all without asking the engine: the container then ends by itself."""
        if self.container is not None:
            self.container.release()
            self.container = None
        if self.address is not None:
            self.address.remove()
            self.address = None


class ContainerProvisioner(KernelProvisionerBase):
    """A kernel in a container. It outlives no process: see supervisor.py."""

    def __init__(self, **kwargs: Any) -> None:
        # Jupyter also passes the configuration, which pre_launch() reads from the kernelspec:
        # what is wrong with it is to be told where the kernel is started.
        known = ("kernel_id", "kernel_spec", "parent", "log")
        super().__init__(**{name: kwargs[name] for name in known if name in kwargs})
        self._config = KernelConfig(image="")
        self._held = _Held()
        self._running = False
        self._engine_hung = False  # when the kernel was to be ended
        self._expected = True  # the kernel's end was asked for, or is told in another way
        self._reason: str | None = None
        self._launched: Launch | None = None
        self._events: KernelEvents | None = None
        weakref.finalize(self, _Held.release, self._held)

    @property
    def _manager(self) -> Any:
        """Jupyter's kernel manager."""
        return self.parent

    @property
    def has_process(self) -> bool:
        """Whether there is a kernel that has not been waited for."""
        return self._running

    def reason(self) -> str | None:
        """One sentence on why the kernel last ended without being asked to; None if it never has.

        It stays after Jupyter has restarted the kernel by itself, and goes with a restart that
        a user asks for.
        """
        return self._reason

    async def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None while the kernel runs."""
        container = self._held.container
        if not self._running or container is None:
            return 0
        return None if container.death is None else container.death.code

    async def wait(self) -> int | None:
        """Return the exit code once the kernel has ended."""
        while (code := await self.poll()) is None:  # noqa: ASYNC110 - set in another thread
            await asyncio.sleep(POLL)  # as Jupyter's own provisioner does
        self._running = False
        return code

    async def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel and all processes in its group."""
        if self._held.container is not None:
            await in_thread(self._held.container.signal, int(signum))

    async def kill(self, restart: bool = False) -> None:  # noqa: FBT001, FBT002
        """End the kernel at once."""
        del restart
        await self._end(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:  # noqa: FBT001, FBT002
        """Ask the kernel to end."""
        del restart
        await self._end(signal.SIGTERM)

    async def _end(self, signum: int) -> None:
        if await self.poll() is None:
            self._expect_end()
        container = self._held.container
        if container is not None and await in_thread(container.engine.hangs):
            # Nothing reaches the kernel or comes from it. The container ends when the engine goes
            # on; Jupyter and then its removal would wait for a minute.
            self._engine_hung, self._running = True, False
            self._held.container = None
            container.release()
        await self.send_signal(signum)

    async def shutdown_requested(self, restart: bool = False) -> None:  # noqa: FBT001, FBT002
        """Know that the kernel is going to end by itself."""
        del restart
        if await self.poll() is None:
            self._expect_end()

    def _expect_end(self) -> None:
        self._expected = True
        self._tell(None)

    async def cleanup(self, restart: bool = False) -> None:  # noqa: FBT001, FBT002
        """Remove the container; for a restart, keep one that can take a new kernel."""
        container = self._held.container
        if container is not None:
            keep = restart and self._config.restart == "keep" and container.can_restart
            if not keep or container.death is None:
                await self._remove()
        if not restart:
            self._held.release()

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Return what `launch_kernel` takes, besides what it was given.

        Raises:
            KernelNotStarted: the kernelspec is wrong.
        """
        try:
            value = self.kernel_spec.metadata["kernel_provisioner"].get("config") or {}
            self._config = KernelConfig.parse(value)
            check_command(self.kernel_spec.argv, self.kernel_spec.env)
        except InvalidInput as error:
            raise self._not_started(error) from error
        make_keys(self._manager)
        # Jupyter's own formatting would put this process's Python in the place of "python".
        command = [*self.kernel_spec.argv, *kwargs.pop("extra_arguments", [])]
        prepared: dict[str, Any] = await super().pre_launch(cmd=command, **kwargs)
        return prepared

    def leave(self) -> bool:
        """Let the kernel outlive this process; False where it may not."""
        container = self._held.container
        if container is None or not container.outlives or container.death is not None:
            return False
        self._expected, self._running = True, False
        self._held.container = self._held.address = None
        container.leave()
        return True

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Return where clients connect, once the kernel answers there.

        Raises:
            KernelNotStarted: it does not; nothing is left behind.
        """
        again, died = self._held.address is not None, self._reason
        self._expected = True
        try:
            await self._launch(read_launch(self, self._config, cmd, kwargs), again=again)
        except KernelContainersError as error:
            await self._remove()
            if again and died:
                self._tell_death()
            raise self._not_started(error) from error
        except BaseException:
            await self._remove()
            raise
        finally:
            if not self._running and not again:
                self._held.release()
        self._expected = False
        self._tell(self._reason)
        return self.connection_info

    def resolve_path(self, path: str) -> str | None:
        """Return the file of this machine that the kernel means, where it is mounted."""
        launched = self._launched
        return path_on_host(launched.config, launched.directory, path) if launched else None

    async def get_provisioner_info(self) -> dict[str, Any]:
        """Return what describes this kernel, its container's id included."""
        container = self._held.container
        info: dict[str, Any] = await super().get_provisioner_info()
        return {**info, "container": container.id if container else None}

    async def _launch(self, launch: Launch, *, again: bool) -> None:
        held = self._held
        hung, self._engine_hung = self._engine_hung, False
        if hung:
            raise failures.engine_hangs(launch.name)
        recipe = None
        if held.container is None and held.address is None:
            held.container = await starting.find_again(launch, self._teller())
        if held.container is not None and held.address is None:
            held.address = held.container.address
            take_keys(self._manager, held.container.connection)
        elif held.container is None:
            patience = ENGINE_PATIENCE if self._reason else 0.0
            held.container, recipe = await starting.obtain(
                launch, held.address, self._teller(), patience=patience
            )
            held.address = held.container.address
        info = await starting.bring_up(held.container, launch, again=again)
        self.connection_info = cast("KernelConnectionInfo", info)
        self._running = True
        self._launched = launch
        self._events = KernelEvents(self._manager, asyncio.get_running_loop())
        if recipe is not None and launch.pool != "off":
            pool().refill(recipe, launch)

    def _teller(self) -> Callable[[Death], None]:
        # A strong reference from the container's thread would keep a forgotten kernel alive.
        died = weakref.WeakMethod(self._died)

        def tell(death: Death) -> None:
            if method := died():
                method(death)

        return tell

    async def _remove(self) -> None:
        container, self._held.container = self._held.container, None
        self._running = False
        try:
            if container is not None:
                await in_thread(container.remove)
        except KernelContainersError as error:  # it ends when nobody is connected to it
            self.log.warning("The container of kernel %s: %s", self.kernel_id, str(error))

    def _died(self, death: Death) -> None:
        """Note why; called in another thread."""
        if self._expected:
            return
        reason = failures.reason(death, self._config)
        self._tell(reason)
        if self._events is not None:
            self._events.tell(str(self.kernel_id), self._manager.kernel_name, reason)
        tail = failures.last_lines(death.tail)
        self.log.warning("Kernel %s: %s%s", self.kernel_id, reason, tail and f"\n{tail}")

    def _tell(self, reason: str | None) -> None:
        self._reason = reason
        # Jupyter Server shows it with the kernel's model.
        self._manager.reason = reason or ""

    def _tell_death(self) -> None:
        """Tell clients that the kernel stays dead: Jupyter's restarter would leave them waiting."""
        restarter = getattr(self._manager, "_restarter", None)
        if restarter is not None:
            restarter._fire_callbacks("dead")  # noqa: SLF001
            self._held.release()  # Jupyter forgets the kernel without calling cleanup()

    def _not_started(self, error: KernelContainersError) -> KernelNotStarted:
        # Jupyter keeps the id of a kernel that did not start, and its server then never ends.
        pending = getattr(self._manager.parent, "_pending_kernels", None)
        if pending is not None:
            pending.pop(self.kernel_id, None)
        return KernelNotStarted(failures.with_advice(error))
