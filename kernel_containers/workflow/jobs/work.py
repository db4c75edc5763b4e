"""What jobs other than runs do: containerize, push, pull, add a kernel."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from kernel_containers.core.reference import ToLayout, ToRegistry
from kernel_containers.engine import connect
from kernel_containers.errors import Interrupted
from kernel_containers.workflow.images.containerize import (
    check_findings,
    containerize,
    verify_environment,
)
from kernel_containers.workflow.images.look_ahead import LookAhead
from kernel_containers.workflow.images.plan import make_plan
from kernel_containers.workflow.images.push_image import push_image
from kernel_containers.workflow.jobs.commands import docker_command
from kernel_containers.workflow.jobs.estimate import weights
from kernel_containers.workflow.kernels.add_kernel import add_kernel
from kernel_containers.workflow.kernels.kernel_image import pull_kernel_image
from kernel_containers.workflow.registries import Registries
from kernel_containers.workflow.runs.submit import find_image

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kernel_containers.core.reference import ImageReference
    from kernel_containers.workflow.images.plan import ContainerizeRequest, Plan
    from kernel_containers.workflow.jobs.job import Job
    from kernel_containers.workflow.kernels.add_kernel import KernelRequest
    from kernel_containers.workflow.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerizeWork:
    """Make an image and bring it where it belongs; `results` is where its example run writes."""

    request: ContainerizeRequest
    settings: Settings
    results: str
    allow_secrets: bool = False
    create_repository: bool = False
    overwrite: bool = False
    verify_environment: bool = False

    def __call__(self, job: Job) -> dict[str, Any]:
        """Plan, ask the registry, build and deliver."""
        with (
            closing(connect(self.settings.environ)) as engine,
            Registries(self.settings) as registries,
        ):
            to = self.request.destination
            looked = LookAhead(registries, to.reference) if isinstance(to, ToRegistry) else None
            plan = make_plan(self.request, engine, self.settings, job.report)
            job.check()
            if not self.allow_secrets:
                check_findings(plan.snapshot)
            _tell_notes(job, plan)
            if looked:
                registries.prepare(
                    looked.to,
                    job.report,
                    create=self.create_repository,
                    overwrite=self.overwrite,
                    state=looked.result(job.report),
                )
            job.weigh(weights(plan, self.settings))
            try:
                if self.verify_environment:
                    _tell_changed(job, verify_environment(plan, self.settings, job.report))
                done = containerize(plan, engine, registries, self.settings, job.report)
            except Interrupted as error:
                raise Interrupted(error.what, why=_left(plan)) from error
        return {
            **asdict(done),
            "digest": str(done.digest),
            "image_id": str(done.image_id),
            "layers": list(done.layers),
            "docker_run": self._docker_run(plan, done.reference),
        }

    def _docker_run(self, plan: Plan, reference: str) -> str | None:
        if isinstance(plan.destination, ToLayout):
            return None
        parameters = plan.snapshot.contract.parameters
        values = {item.name: item.default for item in parameters if not item.secret}
        secrets = [item.name for item in parameters if item.secret]
        return docker_command(reference, values, secrets, self.results)


def _tell_notes(job: Job, plan: Plan) -> None:
    for exclusion in plan.snapshot.exclusions:
        job.note(f"left out: {exclusion.path} ({exclusion.reason})")
    for note in plan.snapshot.notes:
        job.note(note)


def _tell_changed(job: Job, paths: Iterable[str]) -> None:
    for path in paths:
        job.note(f"{path} had other contents in a cached layer, which is made anew")


def _left(plan: Plan) -> str:
    if isinstance(plan.destination, ToRegistry):
        return _left_in_registry(plan.destination.reference)
    return f"{plan.destination} was not made. Finished layers are kept for the next time."


def _left_in_registry(to: ImageReference) -> str:
    return (
        f"{to} was not made or moved. What was uploaded has no name, "
        "so the registry removes it in time; finished layers are kept here for the next time."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PushWork:
    """Bring an image of the engine to a registry."""

    image: str
    to: ImageReference
    settings: Settings
    create_repository: bool = False
    overwrite: bool = False

    def __call__(self, job: Job) -> dict[str, Any]:
        """Ask the registry, then read and push it."""
        with (
            closing(connect(self.settings.environ)) as engine,
            Registries(self.settings) as registries,
        ):
            registries.prepare(
                self.to, job.report, create=self.create_repository, overwrite=self.overwrite
            )
            try:
                done = push_image(
                    self.image,
                    self.to,
                    engine,
                    registries,
                    settings=self.settings,
                    report=job.report,
                )
            except Interrupted as error:
                raise Interrupted(error.what, why=_left_in_registry(self.to)) from error
        return {**asdict(done), "digest": str(done.digest)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PullWork:
    """Make the engine fetch an image, or that of a kernelspec of ours."""

    settings: Settings
    image: str = ""
    kernel: str | None = None

    def __call__(self, job: Job) -> dict[str, Any]:
        """Pull it, unless it is there."""
        with closing(connect(self.settings.environ)) as engine:
            if self.kernel is None:
                found = find_image(engine, self.image, job.report)
            else:
                found = pull_kernel_image(self.kernel, engine, job.report)
        return {"id": str(found.id), "size": found.size}


@dataclass(frozen=True, slots=True, kw_only=True)
class AddKernelWork:
    """Install a kernelspec."""

    request: KernelRequest
    settings: Settings

    def __call__(self, job: Job) -> dict[str, Any]:
        """Check that its kernels can run, then install it."""
        with closing(connect(self.settings.environ)) as engine:
            spec = add_kernel(self.request, engine, self.settings, job.report)
        return {"name": spec.name, "display_name": spec.display_name}
