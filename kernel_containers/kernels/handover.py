"""A server that ends leaves its kernels to the next one, where their kernelspecs say so.

Jupyter knows no such thing, but both ends of it: extensions are told of the end before the
kernels are, and a kernel can be started under a given id, which our provisioner then finds.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel_containers.engine import connect
from kernel_containers.errors import KernelContainersError
from kernel_containers.kernels import survivors
from kernel_containers.kernels.failures import KernelNotStarted
from kernel_containers.kernels.launch import NOTEBOOK
from kernel_containers.kernels.provisioner import ContainerProvisioner

if TYPE_CHECKING:
    from kernel_containers.kernels.survivors import Survivor

logger = logging.getLogger(__name__)


def leave(kernel_manager: Any) -> None:
    """Take the kernels that may outlive their server from its manager, which would end them."""
    for kernel_id in list(kernel_manager.list_kernel_ids()):
        manager = kernel_manager.get_kernel(kernel_id)
        provisioner = getattr(manager, "provisioner", None)
        if isinstance(provisioner, ContainerProvisioner):
            manager.stop_restarter()
            if provisioner.leave():
                manager.cleanup_connection_file()
                kernel_manager.remove_kernel(kernel_id)
                logger.info("The kernel %s goes on without this server.", kernel_id)


async def take_over(kernel_manager: Any, session_manager: Any, root: str) -> None:
    """Take over the kernels of an earlier server of this root folder, and their notebooks."""
    try:
        found = await asyncio.to_thread(_waiting, root)
    except KernelContainersError as error:
        logger.debug("Kernels of an earlier server were not looked for: %s", error)
        return
    for survivor in found:
        try:
            await kernel_manager.start_kernel(
                kernel_id=survivor.kernel_id,
                kernel_name=survivor.name,
                cwd=survivor.directory,
                env={**os.environ, **({NOTEBOOK: survivor.notebook} if survivor.notebook else {})},
            )
        except KernelNotStarted as error:
            logger.warning("The kernel %s was not taken over: %s", survivor.kernel_id, error)
            continue
        logger.info("Took over the kernel %s from an earlier server.", survivor.kernel_id)
        await _open(session_manager, survivor, root)


def _waiting(root: str) -> list[Survivor]:
    with closing(connect()) as engine:
        return survivors.waiting(engine, root)


async def _open(session_manager: Any, survivor: Survivor, root: str) -> None:
    """Give a notebook its kernel."""
    if survivor.notebook and Path(survivor.notebook).is_relative_to(root):
        path = Path(survivor.notebook).relative_to(root).as_posix()
        await session_manager.create_session(
            path=path,
            name=Path(path).name,
            type="notebook",
            kernel_name=survivor.name,
            kernel_id=survivor.kernel_id,
        )
