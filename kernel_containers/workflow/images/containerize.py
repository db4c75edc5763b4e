"""From a plan to an image where it belongs."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_containers._version import __version__
from kernel_containers.core import labels
from kernel_containers.core.contract import RUNNER_HOME, VERSION
from kernel_containers.core.oci_json import canonical
from kernel_containers.core.parameters import json_schema
from kernel_containers.core.reference import ToEngine, ToLayout, ToRegistry
from kernel_containers.errors import Refused
from kernel_containers.image.assemble import assemble
from kernel_containers.image.contents import forget_changed
from kernel_containers.image.layer import build_layers
from kernel_containers.image.layout import write_layout
from kernel_containers.image.load import load
from kernel_containers.image.runner_layer import runner_file_set
from kernel_containers.image.sbom import sbom_file_set
from kernel_containers.image.store import BlobStore
from kernel_containers.image.upkeep import in_use, keep_within, sweep
from kernel_containers.workflow.images.provenance import artifacts, bill_of_materials
from kernel_containers.workflow.images.revision import find_revision
from kernel_containers.workflow.images.sources import notes_on_changes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from kernel_containers.core.digest import Digest
    from kernel_containers.core.oci import BuiltImage, Descriptor
    from kernel_containers.core.progress import Report
    from kernel_containers.core.reference import Destination
    from kernel_containers.core.snapshot import Snapshot
    from kernel_containers.engine import Engine
    from kernel_containers.errors import KernelContainersError
    from kernel_containers.registry.ahead import Ahead
    from kernel_containers.workflow.images.plan import Plan
    from kernel_containers.workflow.registries import Registries
    from kernel_containers.workflow.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Containerized:
    """An image that arrived. `reference` is how to run it; sizes are bytes, times seconds."""

    reference: str
    digest: Digest
    image_id: Digest
    size: int
    sent: int
    seconds: float
    layers: tuple[str, ...]  # digests, lowest first
    notes: tuple[str, ...] = ()  # what did not go as it should, and does not matter to a run


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """How to refer to an image where it is, and the bytes sent over the network."""

    reference: str
    sent: int = 0
    notes: tuple[str, ...] = ()


def check_findings(snapshot: Snapshot) -> None:
    """Stop before anything is built when the plan has likely secrets.

    Raises:
        Refused: it names each place.
    """
    if not snapshot.findings:
        return
    raise Refused(
        "Likely secrets would enter the image.",
        why="; ".join(map(str, snapshot.findings)),
        todo="make them secret parameters (--secret NAME) or read them from the environment; "
        "or say that they are none with --allow-secrets",
    )


def verify_environment(plan: Plan, settings: Settings, report: Report) -> tuple[str, ...]:
    """Return the files that cached layers would have with other contents; these are built anew.

    Raises:
        Unavailable: a cached layer or a file can't be read.
    """
    store = BlobStore(settings.store)
    with in_use(store):
        return forget_changed(plan.snapshot.file_sets, plan.base, store, report, plan.compressor)


def build(
    plan: Plan, settings: Settings, report: Report, finished: Callable[[Descriptor], object]
) -> tuple[BuiltImage, bytes]:
    """Return a plan's image and its SBOM; layers whose content is known come from the store.

    `finished` gets the layers as soon as each is there, those of the base first.

    Raises:
        CannotWrite: the store's disk is full or read-only.
        TryAgain: a file changed while it was read.
        Unavailable: the runner's packages can't be had.
    """
    for layer in plan.base.layers:
        finished(layer.descriptor)
    snapshot = plan.snapshot
    store = BlobStore(settings.store)
    runner = runner_file_set(plan.runner, settings.runner, report)
    *below, notebook = snapshot.file_sets
    materials = bill_of_materials(plan.base, [*below, runner], store)
    # What a live kernel has changed comes last of what is below the notebook: it changes most.
    captured = [file_set for file_set in below if file_set.exact]
    below = [file_set for file_set in below if not file_set.exact]
    file_sets = [*below, runner, *captured, sbom_file_set(materials), notebook]
    layers = build_layers(
        file_sets, plan.base, store, report, finished=finished, compressor=plan.compressor
    )
    described = _labels(snapshot, plan)
    image = assemble(
        plan.base,
        layers,
        user=snapshot.user,
        environment=snapshot.variables,
        working_directory=snapshot.contract.working_directory,
        entrypoint=(plan.runner.executable, "-I", "-S", f"{RUNNER_HOME}/bootstrap.py"),
        labels=described,
        annotations=described,
        created=snapshot.created,
        store=store,
    )
    return image, materials


def _labels(snapshot: Snapshot, plan: Plan) -> dict[str, str]:
    contract = snapshot.contract
    revision = find_revision(snapshot.notebook)
    described = {
        labels.OCI_TITLE: snapshot.title,
        labels.OCI_DESCRIPTION: snapshot.description,
        labels.OCI_CREATED: snapshot.created,
        labels.OCI_VERSION: __version__,
        labels.OCI_REVISION: str(revision or ""),
        labels.OCI_SOURCE: revision.source if revision else "",
        labels.OCI_BASE_NAME: snapshot.base_name,
        labels.OCI_BASE_DIGEST: str(plan.base.id),
        labels.CONTRACT: str(VERSION),
        labels.NOTEBOOK: contract.notebook,
        labels.KERNEL: contract.kernel.name,
        labels.PARAMETERS: canonical(json_schema(contract.parameters, snapshot.title)).decode(),
    }
    return {name: value for name, value in described.items() if value}


def deliver(
    image: BuiltImage,
    to: Destination,
    engine: Engine,
    registries: Registries,
    report: Report,
    *,
    attached: Sequence[BuiltImage] = (),
    ahead: Ahead | None = None,
) -> Delivered:
    """Bring an image to its destination; `attached` goes beside it where that is a registry.

    Layers that `ahead` has sent there are not sent again.

    Raises:
        Refused, NotFound, Unavailable, TryAgain: what the registry or engine said.
        CannotWrite: the layout's folder.
    """
    if isinstance(to, ToEngine):
        load(engine, image, to.reference, report)
        return Delivered(reference=str(to.reference))
    if isinstance(to, ToLayout):
        write_layout(image, to.folder, "latest")
        return Delivered(reference=str(to))
    pushed = registries.push(image, to.reference, report, attached, ahead)
    return Delivered(
        reference=f"{to.reference.repository}@{image.digest}",
        sent=pushed.sent,
        notes=() if pushed.unattached is None else (_not_attached(pushed.unattached),),
    )


def _not_attached(error: KernelContainersError) -> str:
    return f"The SBOM and provenance are not attached: {error.why or error.what}"


def _ahead(
    to: Destination, registries: Registries, store: BlobStore
) -> AbstractContextManager[Ahead | None]:
    if isinstance(to, ToRegistry):
        return registries.ahead(to.reference.repository, store)
    return nullcontext()


def containerize(
    plan: Plan, engine: Engine, registries: Registries, settings: Settings, report: Report
) -> Containerized:
    """Build a plan's image and bring it to its destination.

    Raises:
        KernelContainersError: as from `build` and `deliver`.
    """
    started = time.monotonic()
    store = BlobStore(settings.store)
    to = plan.destination
    with in_use(store), _ahead(to, registries, store) as ahead:
        sweep(store)
        image, materials = build(plan, settings, report, ahead.add if ahead else id)
        attached = artifacts(plan, image, materials, store) if ahead else ()
        delivered = deliver(image, to, engine, registries, report, attached=attached, ahead=ahead)
    keep_within(store, settings.cache_limit)
    return Containerized(
        reference=delivered.reference,
        digest=image.digest,
        image_id=image.manifest.config.digest,
        size=sum(layer.descriptor.size for layer in image.layers),
        sent=delivered.sent,
        seconds=time.monotonic() - started,
        layers=tuple(str(layer.descriptor.digest) for layer in image.layers),
        notes=(*notes_on_changes(plan.stamps), *delivered.notes),
    )
