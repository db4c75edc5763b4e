"""What this machine needs, checked one by one; a check never raises."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kernel_containers.core.sizes import size_text
from kernel_containers.engine import connect
from kernel_containers.errors import KernelContainersError, NotFound
from kernel_containers.image.store import BlobStore
from kernel_containers.image.upkeep import usage
from kernel_containers.workflow.clean import clean
from kernel_containers.workflow.images.bases import candidates, os_release
from kernel_containers.workflow.registries import Registries

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_containers.engine import Engine
    from kernel_containers.workflow.settings import Settings

Status = Literal["ok", "warning", "problem"]
# Bytes: an environment of 1 GB needs about 0.4 in the store and 2 in the engine.
LOW_DISK = 5 * 1000**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at, and what to do if it is not well."""

    name: str
    status: Status
    detail: str
    todo: str = ""


def diagnose(settings: Settings, hosts: tuple[str, ...] = ()) -> list[Check]:
    """Return the state of engine, disks, base image, cache, credentials and each registry.

    `hosts` are registries to look at.
    """
    checks: list[Check] = []
    engine = _engine(checks)
    if engine:
        _run(checks, "engine disk", lambda: _engine_disk(engine))
        _run(checks, "base image", lambda: _base(engine, settings))
    _run(checks, "cache", lambda: _cache(settings))
    _run(checks, "leftovers", lambda: _leftovers(engine, settings))
    _run(checks, "kernelspecs", _kernelspecs)
    for host in hosts:
        _run(checks, f"registry {host}", partial(_registry, host, settings))
    _run(checks, "AWS credentials", _aws)
    return checks


def _run(checks: list[Check], name: str, check: Callable[[], Check]) -> None:
    try:
        checks.append(check())
    except KernelContainersError as error:
        detail = f"{error.what} {error.why or ''}".strip()
        checks.append(Check(name=name, status="problem", detail=detail, todo=error.todo or ""))
    except OSError as error:
        checks.append(Check(name=name, status="problem", detail=str(error)))


def _engine(checks: list[Check]) -> Engine | None:
    try:
        engine = connect()
        info = engine.info()
    except KernelContainersError as error:
        detail = f"{error.what} {error.why or ''}".strip()
        checks.append(
            Check(name="Docker Engine", status="problem", detail=detail, todo=error.todo or "")
        )
        return None
    place = (
        "" if engine.is_local else ", not on this machine: kernels of local environments can't run"
    )
    checks.append(
        Check(
            name="Docker Engine",
            status="ok" if engine.is_local else "warning",
            detail=f"{info.get('ServerVersion')} at {engine.endpoint.host}{place}",
        )
    )
    return engine


def _engine_disk(engine: Engine) -> Check:
    root = Path(str(engine.info().get("DockerRootDir") or "/var/lib/docker"))
    if not engine.is_local or not root.exists():
        return Check(name="engine disk", status="ok", detail="not visible from here")
    return _disk("engine disk", root)


def _disk(name: str, folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    detail = f"{size_text(free)} free at {folder}"
    if free < LOW_DISK:
        todo = "free space: `kernel-containers clean --cache`, `docker image prune`"
        return Check(name=name, status="warning", detail=detail, todo=todo)
    return Check(name=name, status="ok", detail=detail)


def _base(engine: Engine, settings: Settings) -> Check:
    from kernel_containers.engine import images  # noqa: PLC0415

    python = ".".join(map(str, sys.version_info[:2]))
    names = [settings.base] if settings.base else candidates(os_release(), python)
    for name in names:
        if images.inspect(engine, name):
            return Check(name="base image", status="ok", detail=name)
    return Check(
        name="base image",
        status="warning",
        detail=f"none of {', '.join(names)} is on the engine yet",
        todo="it is pulled when first needed; without a registry: scripts/make-base-image",
    )


def _cache(settings: Settings) -> Check:
    folder = settings.cache
    while not os.path.exists(folder):  # noqa: PTH110 - Path.exists() fails where it may not look
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        return Check(
            name="cache",
            status="problem",
            detail=f"{folder} is not writable",
            todo="set KERNEL_CONTAINERS_CACHE to a folder that is",
        )
    found = _disk("cache", folder)
    used = usage(BlobStore(settings.store))
    limit = size_text(settings.cache_limit)
    detail = f"{size_text(used.size)} of at most {limit} in {used.blobs} blobs"
    return replace(found, detail=f"{detail}; {found.detail}")


def _leftovers(engine: Engine | None, settings: Settings) -> Check:
    found = clean(engine, settings, dry_run=True)
    parts = [
        f"{len(items)} {word}"
        for items, word in ((found.containers, "containers"), (found.images, "images"))
        if items
    ]
    if found.leftovers:
        parts.append(f"{size_text(found.leftovers)} of files")
    if not parts:
        return Check(name="leftovers", status="ok", detail="none")
    todo = "remove them with `kernel-containers clean`"
    return Check(name="leftovers", status="warning", detail=", ".join(parts), todo=todo)


def _kernelspecs() -> Check:
    from kernel_containers.kernels import kernelspecs  # noqa: PLC0415

    count = sum(spec.config is not None for spec in kernelspecs.list_kernels())
    todo = "" if count else "add one with `kernel-containers kernel add NAME --prefix PATH`"
    return Check(
        name="kernelspecs",
        status="ok" if count else "warning",
        detail=f"{count} containerized",
        todo=todo,
    )


def _registry(host: str, settings: Settings) -> Check:
    detail = Registries(settings).check(host)
    return Check(name=f"registry {host}", status="ok", detail=detail)


def _aws() -> Check:
    import boto3  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    try:
        found = boto3.Session().get_credentials()
    except BotoCoreError as error:
        raise NotFound(
            "AWS credentials can't be read.",
            why=str(error),
            todo="check AWS_PROFILE and ~/.aws/config, or unset AWS_PROFILE",
        ) from error
    if found is None:
        todo = "only needed for ECR and s3://: `aws configure`, or AWS_PROFILE"
        return Check(name="AWS credentials", status="warning", detail="none found", todo=todo)
    return Check(name="AWS credentials", status="ok", detail=f"from {found.method}")
