"""What building and sending a plan would take, from sizes and what is known already."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kernel_containers.core.reference import ToRegistry
from kernel_containers.image.layer import known_sets
from kernel_containers.image.store import BlobStore
from kernel_containers.registry.known import KnownBlobs
from kernel_containers.workflow.images.plan_report import plan_as_json
from kernel_containers.workflow.jobs.commands import containerize_command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.workflow.images.plan import ContainerizeRequest, Plan
    from kernel_containers.workflow.settings import Settings

RATIO = 0.4  # blob to archive: 0.35 for scientific packages, 0.56 with CUDA libraries
BUILD = 300e6  # bytes per second of reading and compressing, on two cores
SEND = 80e6  # bytes per second to a registry; a guess, as the network is not known
FIXED = 0.5  # seconds: runner, manifest, round trips


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes and seconds; `reused` says for each file set whether its layers are known."""

    reused: tuple[bool, ...]
    build_size: int
    send_size: int

    @property
    def seconds(self) -> float:
        """How long it will take, about."""
        return round(FIXED + self.build_size / BUILD + self.send_size / SEND, 1)


def estimate(plan: Plan, settings: Settings) -> Estimate:
    """Return what is left to do. Of a set that changed a little only the change will be built."""
    file_sets = plan.snapshot.file_sets
    reused = known_sets(file_sets, plan.base, BlobStore(settings.store), plan.compressor)
    pairs = list(zip(file_sets, reused, strict=True))
    build = sum(item.whole().size for item, known in pairs if not known)
    send = 0
    if isinstance(plan.destination, ToRegistry):
        known = KnownBlobs(settings.known_blobs).of(plan.destination.reference.repository)
        base = [layer.descriptor for layer in plan.base.layers]
        send = sum(blob.size for blob in base if blob.digest not in known)
        built = 0 if known else sum(item.whole().size for item, is_built in pairs if is_built)
        send += int(RATIO * (build + built))
    return Estimate(reused, build, send)


def estimated_plan(plan: Plan, request: ContainerizeRequest, settings: Settings) -> dict[str, Any]:
    """Return the plan as JSON, with the estimate and the command that does it."""
    # With the byte code, which each of the two would look for on the disk.
    sets = tuple(each.whole() for each in plan.snapshot.file_sets)
    plan = replace(plan, snapshot=replace(plan.snapshot, file_sets=sets))
    found = estimate(plan, settings)
    described = plan_as_json(plan)
    for layer, reused in zip(described["layers"], found.reused, strict=True):
        layer["reused"] = reused
    return {
        **described,
        "size": sum(layer["size"] for layer in described["layers"]),
        "build_size": found.build_size,
        "send_size": found.send_size,
        "seconds": found.seconds,
        "command": containerize_command(request),
    }


def weights(plan: Plan, settings: Settings) -> Mapping[str, float]:
    """Return how much of the whole each stage of the job is, in seconds."""
    found = estimate(plan, settings)
    pairs = zip(plan.snapshot.file_sets, found.reused, strict=True)
    layers = {
        f"layer {item.name}": 0.01 if known else 0.01 + item.size / BUILD for item, known in pairs
    }
    last = "push" if isinstance(plan.destination, ToRegistry) else "load"
    sending = found.send_size or RATIO * sum(item.size for item in plan.snapshot.file_sets)
    return {"runner": 0.1, **layers, "layer runner": 0.1, last: 0.3 + sending / SEND}
