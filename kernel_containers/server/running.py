"""The running kernels of this server, for operations in threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kernel_containers.errors import NotFound
from kernel_containers.kernels.ask import RunningKernel


@dataclass(frozen=True, slots=True)
class RunningKernels:
    """Reads what Jupyter's kernel manager remembers, and asks nobody."""

    manager: Any

    def get(self, kernel_id: str) -> RunningKernel:
        """Return a kernel.

        Raises:
            NotFound: no kernel of this server has the id.
        """
        if kernel_id not in self.manager:
            raise NotFound(
                f"No kernel {kernel_id} runs here.", todo="leave it out, or start the kernel"
            )
        kernel = self.manager.get_kernel(kernel_id)
        read = getattr(kernel, "get_connection_info", dict)  # a gateway's kernels have none
        spec = getattr(kernel, "kernel_spec", None)
        return RunningKernel(
            connection=read(),
            language=str(getattr(spec, "language", "")),
            state=str(getattr(kernel, "execution_state", None) or "unknown"),
        )
