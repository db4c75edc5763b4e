"""Jobs: made from a request, listed, cancelled, forgotten."""

from __future__ import annotations

import hashlib
import json
import secrets
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kernel_containers.core.containers import Resources, parse_size
from kernel_containers.core.runs import new_run_id
from kernel_containers.errors import Refused, Unavailable, UsageError
from kernel_containers.kernels import kernelspecs
from kernel_containers.server.operations.notebooks import image_request
from kernel_containers.server.services import Answer, Call, Services, page
from kernel_containers.workflow.images.push_image import registry_destination
from kernel_containers.workflow.jobs.commands import (
    add_kernel_command,
    containerize_command,
    push_command,
)
from kernel_containers.workflow.jobs.job import JobHead
from kernel_containers.workflow.jobs.run_job import RunJob, find_again, prepare
from kernel_containers.workflow.jobs.work import AddKernelWork, ContainerizeWork, PullWork, PushWork
from kernel_containers.workflow.kernels.add_kernel import KernelRequest
from kernel_containers.workflow.runs.run_arguments import RunOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kernel_containers.server.places import Places
    from kernel_containers.workflow.jobs.jobs import Work

_KEPT_OUT = ("token", "secrets", "environment")  # of what a job tells: values may be secret


def create(call: Call) -> Answer:
    """Start a job, or give the one that this token made before."""
    body, jobs = call.body, call.services.jobs
    asked = _digest(body)
    known = jobs.with_token(body.get("token"), asked)
    if known:
        return Answer(200, jobs.as_json(known))
    head, work = _MAKERS[body["kind"]](body, call.services)
    job, is_new = jobs.start(replace(head, asked=asked), work)
    return Answer(201 if is_new else 200, jobs.as_json(job))


def list_jobs(call: Call) -> Answer:
    """List one page of those that are asked for."""
    jobs, query = call.services.jobs, call.query
    found = [jobs.as_json(job) for job in jobs.all()]
    for name in ("kind", "state", "notebook"):
        if query[name] is not None:
            found = [job for job in found if job[name] == query[name]]
    if query["group"] is not None:
        found = [job for job in found if job["request"].get("group") == query["group"]]
    if query["contains"]:
        found = [job for job in found if query["contains"].lower() in _text(job).lower()]
    busy = {"running": jobs.running, "waiting": jobs.waiting, "at_once": jobs.at_once}
    return Answer(200, {**page(found, "jobs", call, lambda job: str(job["id"])), **busy})


def get(call: Call) -> Answer:
    """Show one."""
    jobs = call.services.jobs
    return Answer(200, jobs.as_json(jobs.get(call.path["id"])))


def cancel(call: Call) -> Answer:
    """Ask it to stop."""
    jobs = call.services.jobs
    return Answer(200, jobs.as_json(jobs.cancel(call.path["id"])))


def forget(call: Call) -> Answer:
    """Forget one that has ended."""
    call.services.jobs.forget(call.path["id"])
    return Answer(204)


def list_events(call: Call) -> Answer:
    """List what a job said."""
    jobs = call.services.jobs
    events, ended = jobs.events_after(jobs.get(call.path["id"]), call.query["after"])
    return Answer(200, {"events": events, "ended": ended})


def resume(services: Services) -> Callable[[JobHead], Work | None]:
    """Return what finds the runs of an earlier server again."""

    def find(head: JobHead) -> Work | None:
        if head.kind != "run" or head.run_id is None:
            return None
        output = str(head.request.get("output") or services.results)
        place = str(services.places.uri(output))
        docker = RunJob(
            options=RunOptions(image=str(head.image), output=place),
            values=head.request.get("parameters", {}),
            run_id=head.run_id,
            environ=services.settings.environ,
        ).docker_command
        try:
            return find_again(head.run_id, place, docker, services.settings.environ)
        except (Refused, Unavailable):
            return None  # nobody can tell, so it is lost

    return find


def _containerize(body: Mapping[str, Any], services: Services) -> tuple[JobHead, Work]:
    plan = body["plan"]
    request = image_request(plan, services.places)
    flags = ("allow_secrets", "create_repository", "overwrite", "verify_environment")
    work = ContainerizeWork(
        request=request,
        settings=services.settings,
        results=str(services.places.uri(services.results)),
        **{name: body.get(name, False) for name in flags},
    )
    return _head(
        body,
        title=plan.get("title") or request.notebook.stem,
        notebook=services.places.relative(str(request.notebook)),
        image=plan.get("to"),
        command=containerize_command(
            request,
            allow_secrets=work.allow_secrets,
            verify_environment=work.verify_environment,
        ),
    ), work


def _push(body: Mapping[str, Any], services: Services) -> tuple[JobHead, Work]:
    flags = {name: body.get(name, False) for name in ("create_repository", "overwrite")}
    work = PushWork(
        image=body["image"],
        to=registry_destination(services.places.destination(body["to"])),
        settings=services.settings,
        **flags,
    )
    command = push_command(
        work.image, work.to, create=work.create_repository, overwrite=work.overwrite
    )
    return _head(body, title=str(work.to), image=str(work.to), command=command), work


def _pull(body: Mapping[str, Any], services: Services) -> tuple[JobHead, Work]:
    if ("image" in body) == ("kernel" in body):
        raise UsageError("A pull needs either an image or a kernel.")
    if "kernel" in body:
        return _pull_for_kernel(body, services)
    image = body["image"]
    work = PullWork(image=image, settings=services.settings)
    return _head(
        body, title=image, image=image, command=shlex.join(["docker", "pull", image])
    ), work


def _pull_for_kernel(body: Mapping[str, Any], services: Services) -> tuple[JobHead, Work]:
    spec = kernelspecs.find(body["kernel"])
    work = PullWork(kernel=spec.name, settings=services.settings)
    image = spec.config.image if spec.config else None
    command = shlex.join(["kernel-containers", "kernel", "pull", spec.name])
    return _head(body, title=spec.display_name, image=image, command=command), work


def _add_kernel(body: Mapping[str, Any], services: Services) -> tuple[JobHead, Work]:
    names = ("name", "image", "base", "display_name")
    request = KernelRequest(
        **{name: body[name] for name in names if name in body},
        prefix=services.places.root / body["prefix"] if "prefix" in body else None,
        environment=body.get("environment", {}),
        config=_kernel_config(body, services.places),
    )
    work = AddKernelWork(request=request, settings=services.settings)
    title = request.display_name or request.name
    command = add_kernel_command(request)
    return _head(body, title=title, image=request.image, command=command), work


def _kernel_config(body: Mapping[str, Any], places: Places) -> dict[str, object]:
    limits = body.get("limits", {})
    config: dict[str, object] = dict(limits)
    if "mounts" in body:
        config["mounts"] = [_mount(mount, places) for mount in body["mounts"]]
    if "pass_environment" in body:
        config["env_passthrough"] = body["pass_environment"]
    for name in ("network", "read_only"):
        if name in body:
            config[name] = body[name]
    return config


def _mount(mount: Mapping[str, Any], places: Places) -> dict[str, object]:
    source = str(places.file(mount["source"]))
    read_only = mount.get("read_only", False)
    return {"source": source, "target": mount.get("target", source), "read_only": read_only}


def _run(body: Mapping[str, Any], services: Services) -> tuple[JobHead, Work]:
    output = services.places.uri(body.get("output") or services.results)
    further = ["--log-format", "json"]
    for name in ("timeout", "cell_timeout"):
        if name in body:
            further += [f"--{name.replace('_', '-')}", str(body[name])]
    work = RunJob(
        options=RunOptions(
            image=body["image"],
            output=str(output),
            secrets=body.get("secrets", {}),
            resources=_resources(body.get("limits", {})),
            network=body.get("network", "bridge"),
            further=(*further, *(["--allow-errors"] if body.get("allow_errors") else [])),
        ),
        values=body.get("parameters", {}),
        run_id=new_run_id(),
        environ=services.settings.environ,
    )
    work = prepare(work, services.settings)
    shown = {**body, "parameters": dict(work.values), "output": str(output)}
    head = _head(
        shown,
        title=body["image"],
        image=body["image"],
        command=work.command,
        run_id=work.run_id,
    )
    return head, work


def _resources(limits: Mapping[str, Any]) -> Resources:
    sizes = {
        name: parse_size(str(limits[name])) for name in ("memory", "shm_size") if name in limits
    }
    return Resources(**{**limits, **sizes})


def _head(
    body: Mapping[str, Any],
    *,
    title: str,
    command: str,
    notebook: str | None = None,
    image: str | None = None,
    run_id: str | None = None,
) -> JobHead:
    return JobHead(
        id=secrets.token_hex(6),
        kind=body["kind"],
        title=title,
        notebook=notebook,
        image=image,
        request={name: body[name] for name in body if name not in _KEPT_OUT},
        command=command,
        token=body.get("token"),
        run_id=run_id,
    )


def _digest(body: Mapping[str, Any]) -> str:
    """Return what tells requests apart; their secrets do not, as it is kept on disk."""
    told = {name: body[name] for name in sorted(body) if name not in _KEPT_OUT}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _text(job: Mapping[str, Any]) -> str:
    parameters = job["request"].get("parameters")
    values = parameters.items() if isinstance(parameters, dict) else ()
    parts = [job["title"], job["notebook"], job["image"], *(f"{k}={v}" for k, v in values)]
    return "\n".join(str(part) for part in parts if part)


_MAKERS: Mapping[str, Callable[[Mapping[str, Any], Services], tuple[JobHead, Work]]] = {
    "containerize": _containerize,
    "push": _push,
    "pull": _pull,
    "add-kernel": _add_kernel,
    "run": _run,
}
