"""The repositories of a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_containers.errors import NotFound, Refused, Unauthorized
from kernel_containers.registry.answers import CATALOG, Call
from kernel_containers.registry.paging import list_all
from kernel_containers.registry.stop import Stop

if TYPE_CHECKING:
    from kernel_containers.registry.client import Registry

PAGE = 1000


def list_repositories(registry: Registry) -> tuple[str, ...]:
    """Return the paths of all repositories that this account may see, sorted.

    Raises:
        Unauthorized, Refused: this account may not list them, or the registry lists none to
            anybody, as most public ones do.
        TryAgain, Unavailable: also after several attempts.
    """
    if registry.ecr:
        return registry.ecr.repositories()
    call = Call(
        doing="list its repositories", method="GET", url=f"/v2/_catalog?n={PAGE}", scope=CATALOG
    )
    try:
        names = list_all(registry, call, "repositories", Stop())
    except Unauthorized as error:
        raise Unauthorized(
            error.what,
            why=error.why,
            todo=f"{error.todo}; a registry may also keep its list from everybody",
        ) from error
    except NotFound as error:
        raise Refused(f"{registry.host} does not list its repositories.", why=error.why) from error
    return tuple(sorted(names))


def must_create(registry: Registry, repository: str) -> bool:
    """Whether a repository (its path) has to be created before the first push.

    Raises:
        Unauthorized, TryAgain, Unavailable: AWS does not tell.
    """
    return registry.ecr is not None and not registry.ecr.has(repository)


def create_repository(registry: Registry, repository: str) -> bool:
    """Create a repository (its path); False if there was nothing to do.

    Only ECR needs it. Other registries have no such call and make repositories at the first
    push.

    Raises:
        Unauthorized, Refused, TryAgain, Unavailable: AWS did not create it.
    """
    return registry.ecr is not None and registry.ecr.create(repository)
