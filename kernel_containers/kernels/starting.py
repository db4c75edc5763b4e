"""The steps of a kernel's start, from the event loop that Jupyter starts it in."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kernel_containers.errors import KernelContainersError
from kernel_containers.kernels import failures, survivors
from kernel_containers.kernels.connection import Heartbeat
from kernel_containers.kernels.container import KernelContainer
from kernel_containers.kernels.container_spec import outlives
from kernel_containers.kernels.engines import closing_on_error, connect_to
from kernel_containers.kernels.obtain import obtain_container

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_containers.kernels.connection import Address
    from kernel_containers.kernels.death import Death
    from kernel_containers.kernels.launch import Launch
    from kernel_containers.kernels.recipe import Recipe

POLL = 0.003  # seconds between looks at a starting kernel
LAST_WORDS = 2.0  # seconds for what a kernel wrote before its end; mostly it is there already
PAUSE = 0.05  # seconds without more of it
# A client whose iopub connection stayed open over a restart tries again every 100 to 200 ms, and
# then needs what any new connection does. One that comes later than the first output misses it.
SETTLE = 0.2
# They share the processors: 20 at once on two busy cores need more than a minute, each of them. So
# a second counts for all together.
_STARTING: set[KernelContainer] = set()


async def obtain(
    launch: Launch, address: Address | None, died: Callable[[Death], None], *, patience: float
) -> tuple[KernelContainer, Recipe]:
    """As `obtain_container`, which a cancelled caller waits for to remove what it makes."""
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


async def find_again(launch: Launch, died: Callable[[Death], None]) -> KernelContainer | None:
    """Return the container of a kernel that has outlived its server; None where there is none.

    Raises:
        NotFound, TryAgain: it has ended meanwhile.
        Unavailable: the engine does not answer.
    """

    def find() -> KernelContainer | None:
        taken = survivors.take(launch.kernel_id)
        if taken is None:
            return None
        survivor, address = taken
        try:
            with closing_on_error(connect_to(launch)) as engine:
                found = KernelContainer.returned_to(engine, survivor.container, address, died)
        except BaseException:
            address.remove()
            raise
        found.connection = survivor.connection
        return found

    return await asyncio.to_thread(find)


async def bring_up(container: KernelContainer, launch: Launch, *, again: bool) -> dict[str, Any]:
    """Return where clients connect, once the kernel answers there.

    `again` gives those of the kernel before it time to return.

    Raises:
        InvalidInput, NotFound, Unavailable: it ended, or did not answer in time.
    """
    own = {} if container.is_adopted else launch.connection
    launch = replace(launch, connection={**own, **container.connection})
    adopting = bool(container.connection)
    if adopting and not container.is_adopted:
        container.adopt(launch.message(container.address))
    elif not adopting:
        await asyncio.to_thread(container.start_kernel, launch.message(container.address))
    info = {**container.address.info(), **launch.connection}
    container.take_name()
    with closing(Heartbeat(info)) as first:
        await _until(
            lambda: first.answered() and (container.is_adopted or not adopting), container, launch
        )
    if again:
        await asyncio.sleep(SETTLE)
        with closing(Heartbeat(info)) as another:  # as long as a busy machine needs
            await _until(another.answered, container, launch)
    container.connection, container.is_adopted = {}, False  # a restart is one as any other
    if outlives(launch.config, launch.place):
        container.outlives = True
        survivors.note_down(launch, container.id, container.address)
    return {**info, "key": str(launch.connection["key"]).encode()}


async def _until(answered: Callable[[], bool], container: KernelContainer, launch: Launch) -> None:
    limit = launch.config.start_timeout
    loop = asyncio.get_running_loop()
    began = now = loop.time()
    waited = 0.0
    _STARTING.add(container)
    try:
        while not answered():
            if (death := container.death) is not None:
                if death.cause in {"exit", "container"}:  # the others say enough
                    death = replace(death, tail=await _last_words(container))
                raise failures.start_failed(death, launch.config, launch.name)
            if waited > limit:
                raise failures.no_answer(now - began, container.tail, launch.name)
            await asyncio.sleep(POLL)
            before, now = now, loop.time()
            waited += (now - before) / len(_STARTING)
    finally:
        _STARTING.discard(container)


async def _last_words(container: KernelContainer) -> str:
    """Return what a kernel wrote, once no more comes.

    The engine carries that by another pipe than the news of the kernel's end, and may be later.
    """
    heard = ""
    for _ in range(round(LAST_WORDS / PAUSE)):
        await asyncio.sleep(PAUSE)
        if container.tail and container.tail == heard:
            break
        heard = container.tail
    return heard
