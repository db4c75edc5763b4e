"""The image of a kernelspec, which a kernel's start never downloads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_containers.errors import InvalidInput
from kernel_containers.kernels import kernelspecs
from kernel_containers.workflow.runs.submit import find_image

if TYPE_CHECKING:
    from kernel_containers.core.progress import Report
    from kernel_containers.engine import Engine
    from kernel_containers.engine.images import EngineImage


def pull_kernel_image(name: str, engine: Engine, report: Report) -> EngineImage:
    """Return the image of a kernelspec of ours, pulled where the engine lacks it.

    Raises:
        NotFound: no such kernelspec; an image that no registry is named for.
        InvalidInput: the kernelspec is not ours.
        Unauthorized, Unavailable: what the registry said.
    """
    spec = kernelspecs.find(name)
    if spec.config is None:
        raise InvalidInput(
            f"The kernel {spec.name!r} does not run in a container.",
            todo="list those that do with `kernel-containers kernel list`",
        )
    return find_image(engine, spec.config.image, report)
