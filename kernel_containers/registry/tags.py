"""The tags of a repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_containers.registry.repository import RepositoryClient

if TYPE_CHECKING:
    from kernel_containers.core.digest import Digest
    from kernel_containers.core.reference import ImageReference
    from kernel_containers.registry.client import Registry


def tag_digest(registry: Registry, reference: ImageReference) -> Digest | None:
    """Return the manifest or index that a reference names; None if it names nothing yet.

    Raises:
        Unauthorized: this account may not know.
        TryAgain, Unavailable: also after several attempts.
    """
    return RepositoryClient(registry, reference.repository.path).manifest_digest(reference.target)
