"""Starts that must not wait for each other, or keep an event loop from its work."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from jupyter_client.manager import AsyncKernelManager

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class _Engine:
    """The engine, through an event loop's own socket: nothing comes through while that is blocked.

    Requests to create a container are held until there are `together` of them.
    """

    def __init__(self, together: int) -> None:
        self._all_there = asyncio.Barrier(together)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection to its end."""
        engine, to_engine = await asyncio.open_unix_connection("/var/run/docker.sock")
        back = asyncio.create_task(self._carry(engine, writer))
        await self._carry(reader, to_engine)
        await back

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                if b"/containers/create" in data:
                    await self._all_there.wait()
                target.write(data)
                await target.drain()
        except ConnectionError:
            pass
        finally:
            target.close()


def test_kernels_start_side_by_side_and_never_block_the_event_loop(
    install: Callable[..., str], workspace: Path, jupyter_folders: Path
) -> None:
    path = jupyter_folders / "loop.sock"
    name = install("looped", docker_host=f"unix://{path}", pool="off")

    async def start_both() -> list[bool]:
        server = await asyncio.start_unix_server(_Engine(together=2).serve, path)
        managers = [AsyncKernelManager(kernel_name=name) for _ in range(2)]
        await asyncio.gather(*(one.start_kernel(cwd=str(workspace)) for one in managers))
        alive = [await one.is_alive() for one in managers]
        await asyncio.gather(*(one.shutdown_kernel(now=True) for one in managers))
        for one in managers:
            one.context.destroy(linger=0)
        server.close()
        return alive

    assert asyncio.run(asyncio.wait_for(start_both(), 120)) == [True, True]
