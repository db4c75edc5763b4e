"""Outputs that their place refused: a run's container may have the only copy."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_containers.errors import KernelContainersError

if TYPE_CHECKING:
    from kernel_containers.dispatch.docker import DockerBackend, DockerRun

logger = logging.getLogger(__name__)


def rescue(backend: DockerBackend, run: DockerRun) -> str | None:
    """Remove an ended run's container; return where the copy is now that only it had.

    That is a new folder below the current one. Where it can't be written the container stays,
    and `container:folder` is returned.
    """
    kept = backend.kept_outputs(run)
    if kept is not None:
        try:
            kept = str(backend.fetch_kept(run, Path.cwd()))
        except (OSError, KernelContainersError) as error:
            logger.warning("the outputs of run %s stay in its container: %s", run.run_id, error)
            return kept
    backend.remove(run)
    return kept
