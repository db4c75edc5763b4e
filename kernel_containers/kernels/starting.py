"""The steps of a kernel's start, from the event loop that Jupyter starts it in."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kernel_containers.errors import KernelContainersError
from kernel_containers.kernels import failures
from kernel_containers.kernels.connection import Heartbeat
from kernel_containers.kernels.pool import obtain_container

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_containers.kernels.connection import Address
    from kernel_containers.kernels.container import Death, KernelContainer
    from kernel_containers.kernels.launch import Launch
    from kernel_containers.kernels.recipe import Recipe

POLL = 0.01  # seconds between looks at a starting kernel


async def obtain(
    launch: Launch, address: Address | None, died: Callable[[Death], None], *, patience: float
) -> tuple[KernelContainer, Recipe]:
    """As `pool.obtain_container`, which a cancelled caller waits for to remove what it makes."""
    making = asyncio.ensure_future(
        asyncio.to_thread(obtain_container, launch, address, died, patience=patience)
    )
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:  # the thread goes on, and makes a container
        with contextlib.suppress(KernelContainersError):
            container, _ = await making
            await asyncio.to_thread(container.remove)
            if address is None:
                container.address.remove()
        raise


async def bring_up(container: KernelContainer, launch: Launch) -> dict[str, Any]:
    """Return where clients connect, once the kernel answers there.

    Raises:
        InvalidInput, NotFound, Unavailable: it ended, or did not answer in time.
    """
    adopting = container.key is not None
    if adopting:
        launch = replace(launch, connection={**launch.connection, "key": container.key})
        container.adopt(launch.message(container.address))
    else:
        await asyncio.to_thread(container.start_kernel, launch.message(container.address))
    info = {**container.address.info(), **launch.connection}
    heartbeat = Heartbeat(info)
    container.take_name()

    def answered() -> bool:
        return heartbeat.answered() and (container.is_adopted or not adopting)

    try:
        await _until(answered, container, launch)
    finally:
        heartbeat.close()
    return {**info, "key": str(launch.connection["key"]).encode()}


async def _until(answered: Callable[[], bool], container: KernelContainer, launch: Launch) -> None:
    limit = launch.config.start_timeout
    loop = asyncio.get_running_loop()
    deadline = loop.time() + limit
    while not answered():
        if container.death is not None:
            raise failures.start_failed(container.death, launch.config, launch.name)
        if loop.time() > deadline:
            raise failures.no_answer(limit, container.tail, launch.name)
        await asyncio.sleep(POLL)
