"""Jupyter's kernel provisioner `kernel-containers`: each kernel in a container of its own.

Jupyter calls it from its event loop; what asks the engine runs in threads.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import zmq
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase

from kernel_containers.errors import InvalidInput, KernelContainersError, Unavailable
from kernel_containers.kernels import failures
from kernel_containers.kernels.config import KernelConfig
from kernel_containers.kernels.connection import Heartbeat, connection_info, make_socket_folder
from kernel_containers.kernels.container_spec import Place
from kernel_containers.kernels.failures import KernelNotStarted
from kernel_containers.kernels.launch import Launch, create_container

if TYPE_CHECKING:
    from jupyter_client.connect import KernelConnectionInfo

    from kernel_containers.kernels.container import Death, KernelContainer

POLL = 0.02  # seconds between looks at a starting or ending kernel
# Clients whose iopub connection stayed open over a restart connect anew within 100 ms. Without
# this pause, 3 to 5 of 20 restarts lost the first output; with it, none did.
SETTLE = 0.2


@dataclass(slots=True)
class _Held:
    """What must not outlive the provisioner."""

    container: KernelContainer | None = None
    folder: Path | None = None

    def release(self) -> None:
        """Let go of it all without asking the engine: the container then ends by itself."""
        if self.container is not None:
            self.container.release()
            self.container = None
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None


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
        self._deliberate = False  # whoever uses Jupyter has asked for the kernel's end
        self._reason: str | None = None
        self._directory: str | None = None
        self._finalizer = weakref.finalize(self, _Held.release, self._held)

    @property
    def _manager(self) -> Any:
        """Jupyter's kernel manager."""
        return self.parent

    # -- what Jupyter asks for ---------------------------------------------------------------

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
            self._held.container.signal(int(signum))

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
        await self.send_signal(signum)

    async def shutdown_requested(self, restart: bool = False) -> None:  # noqa: FBT001, FBT002
        """Know that the kernel is going to end by itself."""
        del restart
        if await self.poll() is None:
            self._expect_end()

    def _expect_end(self) -> None:
        self._deliberate = True
        self._tell(None)

    async def cleanup(self, restart: bool = False) -> None:  # noqa: FBT001, FBT002
        """Remove the container; for a restart, keep one that can take a new kernel."""
        container = self._held.container
        if container is not None:
            keep = restart and self._config.restart == "keep" and not container.has_ended
            if not keep or container.death is None:
                await self._remove()
        if not restart:
            self._held.release()

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Return what `launch_kernel` takes, besides what it was given.

        Raises:
            KernelNotStarted: the kernelspec's configuration is wrong.
        """
        try:
            value = self.kernel_spec.metadata["kernel_provisioner"].get("config") or {}
            self._config = KernelConfig.parse(value)
        except InvalidInput as error:
            raise self._not_started(error) from error
        self._make_keys()
        # Jupyter's own formatting would put this process's Python in the place of "python".
        command = [*self.kernel_spec.argv, *kwargs.pop("extra_arguments", [])]
        prepared: dict[str, Any] = await super().pre_launch(cmd=command, **kwargs)
        return prepared

    def _make_keys(self) -> None:
        """Make the kernel's keys where its messages are to be encrypted; a restart keeps them."""
        manager = self._manager
        policy = getattr(manager, "transport_encryption", "disabled")
        if policy == "disabled" or manager.curve_publickey is not None:
            return
        if policy == "required" or manager._kernel_supports_curve_encryption():  # noqa: SLF001
            manager.curve_publickey, manager.curve_secretkey = zmq.curve_keypair()

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Return where clients connect, once the kernel answers there.

        Raises:
            KernelNotStarted: it does not; nothing is left behind.
        """
        again, died = self._held.folder is not None, self._reason
        self._deliberate = False
        try:
            await self._launch(self._read(cmd, kwargs))
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
        if again:
            await asyncio.sleep(SETTLE)
        self._tell(self._reason)
        return self.connection_info

    def resolve_path(self, path: str) -> str | None:
        """Return the file of this machine that the kernel means: mounts have the same paths."""
        if path.startswith("~") or self._directory is None:
            return None
        found = Path(self._directory, path)
        return str(found) if found.exists() else None

    async def get_provisioner_info(self) -> dict[str, Any]:
        """Return what describes this kernel, its container's id included."""
        container = self._held.container
        info: dict[str, Any] = await super().get_provisioner_info()
        return {**info, "container": container.id if container else None}

    # -- starting -----------------------------------------------------------------------------

    def _read(self, cmd: list[str], kwargs: dict[str, Any]) -> Launch:
        given: dict[str, str] = kwargs.get("env") or {}
        names = {*self.kernel_spec.env, *self._config.env_passthrough, "JPY_SESSION_NAME"}
        # ipykernel ends when the process in JPY_PARENT_PID is not its parent.
        names.discard("JPY_PARENT_PID")
        root = getattr(self._manager.parent, "root_dir", None)
        return Launch(
            kernel_id=self.kernel_id,
            config=self._config,
            argv=cmd,
            language=str(self.kernel_spec.language),
            environment={name: given[name] for name in sorted(names) if name in given},
            place=Place(
                directory=os.path.abspath(kwargs.get("cwd") or "."),  # noqa: PTH100 - keeps links
                root=os.path.abspath(root) if root else None,  # noqa: PTH100
                notebook=given.get("JPY_SESSION_NAME"),
            ),
            connection=self._session(),
        )

    def _session(self) -> dict[str, Any]:
        manager = self._manager
        session: dict[str, Any] = {
            "key": manager.session.key.decode(),
            "signature_scheme": manager.session.signature_scheme,
            "kernel_name": manager.kernel_name,
        }
        if getattr(manager, "curve_publickey", None) is not None:
            session["curve_publickey"] = manager.curve_publickey.decode()
            session["curve_secretkey"] = manager.curve_secretkey.decode()
        return session

    async def _launch(self, launch: Launch) -> None:
        held = self._held
        if held.folder is None:
            held.folder = await asyncio.to_thread(make_socket_folder)
        if held.container is None:
            held.container = await self._create(launch, held.folder)
        info = {**connection_info(held.folder), **launch.connection}
        await asyncio.to_thread(held.container.start_kernel, launch.message())
        heartbeat = Heartbeat(info)
        try:
            await self._answered(held.container, heartbeat)
        finally:
            heartbeat.close()
        self._running = True
        self._directory = launch.directory
        self.connection_info = cast(
            "KernelConnectionInfo", {**info, "key": self._manager.session.key}
        )

    async def _create(self, launch: Launch, folder: Path) -> KernelContainer:
        making = asyncio.ensure_future(
            asyncio.to_thread(create_container, launch, folder, self._died)
        )
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:  # the thread goes on, and makes a container
            container = await making
            await asyncio.to_thread(container.remove)
            raise

    async def _answered(self, container: KernelContainer, heartbeat: Heartbeat) -> None:
        name, limit = self._manager.kernel_name, self._config.start_timeout
        loop = asyncio.get_running_loop()
        deadline = loop.time() + limit
        while not heartbeat.answered():
            if container.death is not None:
                raise failures.start_failed(container.death, self._config, name)
            if loop.time() > deadline:
                raise failures.no_answer(limit, container.tail, name)
            await asyncio.sleep(POLL)

    # -- ending -------------------------------------------------------------------------------

    async def _remove(self) -> None:
        container, self._held.container = self._held.container, None
        self._running = False
        if container is None:
            return
        try:
            await asyncio.to_thread(container.remove)
        except Unavailable as error:  # the container ends when nobody is connected to it
            self.log.warning("The container of kernel %s: %s", self.kernel_id, error)
        finally:
            container.engine.close()

    def _died(self, death: Death) -> None:
        """Note why; called in another thread."""
        if self._deliberate:
            return
        reason = failures.reason(death, self._config)
        self._tell(reason)
        self.log.warning("Kernel %s: %s", self.kernel_id, reason)

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
