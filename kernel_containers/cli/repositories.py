"""`kernel-containers repositories list|create`."""

from __future__ import annotations

import click

from kernel_containers.cli.options import json_option
from kernel_containers.cli.output import Output
from kernel_containers.core.reference import ImageReference
from kernel_containers.errors import InvalidInput


@click.group("repositories")
def command() -> None:
    """List and create repositories of a registry."""


@command.command("list")
@click.argument("host")
@json_option
def list_(host: str, as_json: bool) -> None:
    """List the repositories of the registry HOST."""
    from kernel_containers.workflow.registries import Registries
    from kernel_containers.workflow.settings import read_settings

    found = Registries(read_settings()).list(host)
    Output(as_json=as_json).result(list(found), "\n".join(found) or "No repositories.")


@command.command("create")
@click.argument("repository")
@json_option
def create(repository: str, as_json: bool) -> None:
    """Create REPOSITORY, given as HOST/PATH (ECR; others make theirs at the first push)."""
    from kernel_containers.workflow.registries import Registries
    from kernel_containers.workflow.settings import read_settings

    reference = ImageReference.parse(repository)
    if not reference.repository.host or reference.tag or reference.digest:
        raise InvalidInput(
            f"{repository!r} is not HOST/PATH.", todo="name the registry, and leave out the tag"
        )
    created = Registries(read_settings()).create(reference.repository)
    nothing = f"Nothing to create: {repository} exists, or is made by the first push."
    Output(as_json=as_json).result(
        {"repository": repository, "created": created},
        f"Created {repository}." if created else nothing,
    )
