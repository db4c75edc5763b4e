"""From what a start asks for to the kernel's container: one that waits, or a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_containers.errors import KernelContainersError
from kernel_containers.kernels.connection import Address
from kernel_containers.kernels.container_spec import for_kernel
from kernel_containers.kernels.engines import (
    closing_on_error,
    connect_to,
    note_other_folders,
)
from kernel_containers.kernels.live import container_name
from kernel_containers.kernels.pool import pool
from kernel_containers.kernels.recipe import create_container, make_recipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_containers.engine import Engine
    from kernel_containers.kernels.container import KernelContainer
    from kernel_containers.kernels.death import Death
    from kernel_containers.kernels.launch import Launch
    from kernel_containers.kernels.recipe import Recipe


def obtain_container(
    launch: Launch, address: Address | None, died: Callable[[Death], None], *, patience: float
) -> tuple[KernelContainer, Recipe]:
    """Return the container of a kernel, and what it is made of: without `address` one that waits.

    An engine that does not answer is asked again for `patience` seconds. Nothing is left behind
    when it fails.

    Raises:
        NotFound: the image, or a folder to mount.
        InvalidInput, Refused, Unavailable: the engine does not take it, or does not answer.
    """
    with closing_on_error(connect_to(launch, patience)) as engine:
        recipe = make_recipe(engine, launch)
        waiting = pool().take(recipe) if address is None and launch.pool != "off" else None
    if waiting is not None:
        engine.close()
        waiting.died = died
        waiting.new_name = container_name(launch.kernel_id, launch.place.notebook)
        return waiting, recipe
    try:
        return _new_container(engine, recipe, launch, address, died), recipe
    except KernelContainersError as error:
        other = recipe.other_way(launch, error)
        if other is None:
            raise
    container = _new_container(connect_to(launch, patience), other, launch, address, died)
    if other.transport == "stdio":
        note_other_folders(other.endpoint)
    return container, other


def _new_container(
    engine: Engine,
    recipe: Recipe,
    launch: Launch,
    address: Address | None,
    died: Callable[[Death], None],
) -> KernelContainer:
    """Return a container that owns `engine`, which is closed when that fails."""
    with closing_on_error(engine):
        made = address or Address.make(recipe.transport)
        made.restore()
        spec = for_kernel(recipe.spec, launch.kernel_id, launch.place.notebook)
        try:
            return create_container(engine, recipe, spec, launch, address=made, died=died)
        except BaseException:
            if address is None:
                made.remove()
            raise
