"""From a plan to an image where it belongs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_containers._version import __version__
from kernel_containers.core import labels
from kernel_containers.core.contract import RUNNER_HOME, VERSION
from kernel_containers.core.oci_json import canonical
from kernel_containers.core.parameters import json_schema
from kernel_containers.core.reference import ToEngine, ToLayout
from kernel_containers.errors import Refused
from kernel_containers.image.assemble import assemble
from kernel_containers.image.layer import build_layers, split_file_set
from kernel_containers.image.layout import write_layout
from kernel_containers.image.load import load
from kernel_containers.image.runner_layer import runner_file_set
from kernel_containers.image.store import BlobStore
from kernel_containers.image.upkeep import in_use, keep_within, sweep

if TYPE_CHECKING:
    from kernel_containers.core.digest import Digest
    from kernel_containers.core.oci import BuiltImage
    from kernel_containers.core.progress import Report
    from kernel_containers.core.reference import Destination
    from kernel_containers.core.snapshot import Snapshot
    from kernel_containers.engine import Engine
    from kernel_containers.workflow.plan import Plan
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


def check_findings(snapshot: Snapshot) -> None:
    """Stop before anything is built when the plan has likely secrets.

    Raises:
        Refused: it names each place.
    """
    if not snapshot.findings:
        return
    places = "; ".join(
        f"{finding.where}: {finding.rule} {finding.excerpt}".rstrip()
        for finding in snapshot.findings
    )
    raise Refused(
        f"Likely secrets would enter the image, at {len(snapshot.findings)} places.",
        why=places,
        todo="make them secret parameters (--secret NAME) or read them from the environment; "
        "or say that they are none with --allow-secrets",
    )


def build(plan: Plan, settings: Settings, report: Report) -> BuiltImage:
    """Return the image of a plan; layers whose content is known are taken from the store.

    Raises:
        CannotWrite: the store's disk is full or read-only.
        TryAgain: a file changed while it was read.
        Unavailable: the runner's packages can't be had.
    """
    snapshot = plan.snapshot
    store = BlobStore(settings.store)
    runner = runner_file_set(plan.runner, settings.runner, report)
    *below, notebook = snapshot.file_sets
    parts = [part for file_set in below for part in split_file_set(file_set)]
    layers = build_layers([*parts, runner, notebook], plan.base, store, report)
    described = _labels(snapshot, plan)
    return assemble(
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


def _labels(snapshot: Snapshot, plan: Plan) -> dict[str, str]:
    contract = snapshot.contract
    described = {
        labels.OCI_TITLE: snapshot.title,
        labels.OCI_DESCRIPTION: snapshot.description,
        labels.OCI_CREATED: snapshot.created,
        labels.OCI_VERSION: __version__,
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
) -> tuple[str, int]:
    """Bring an image to its destination; return how to refer to it there and the bytes sent.

    Raises:
        Refused, NotFound, Unavailable, TryAgain: what the registry or engine said.
        CannotWrite: the layout's folder.
    """
    if isinstance(to, ToEngine):
        load(engine, image, to.reference, report)
        return str(to.reference), 0
    if isinstance(to, ToLayout):
        write_layout(image, to.folder, "latest")
        return str(to), 0
    result = registries.push(image, to.reference, report)
    return f"{to.reference.repository}@{result.descriptor.digest}", result.bytes_sent


def containerize(
    plan: Plan, engine: Engine, registries: Registries, settings: Settings, report: Report
) -> Containerized:
    """Build a plan's image and bring it to its destination.

    Raises:
        KernelContainersError: as from `build` and `deliver`.
    """
    started = time.monotonic()
    store = BlobStore(settings.store)
    with in_use(store):
        sweep(store)
        image = build(plan, settings, report)
        reference, sent = deliver(image, plan.destination, engine, registries, report)
    keep_within(store, settings.cache_limit)
    return Containerized(
        reference=reference,
        digest=image.digest,
        image_id=image.manifest.config.digest,
        size=sum(layer.descriptor.size for layer in image.layers),
        sent=sent,
        seconds=time.monotonic() - started,
        layers=tuple(str(layer.descriptor.digest) for layer in image.layers),
    )
