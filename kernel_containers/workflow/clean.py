"""Leftovers of dead processes, and what the cache may give back."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_containers.core import labels, scratch
from kernel_containers.core.owner import is_gone
from kernel_containers.dispatch.docker import DockerBackend, DockerRun
from kernel_containers.engine import containers, images
from kernel_containers.errors import TryAgain
from kernel_containers.image import load, once, upkeep
from kernel_containers.image.store import BlobStore
from kernel_containers.kernels import reaper
from kernel_containers.snapshot.walk import size_below
from kernel_containers.workflow.runs.rescue import rescue

if TYPE_CHECKING:
    from kernel_containers.engine import Engine
    from kernel_containers.engine.containers import Found
    from kernel_containers.workflow.settings import Settings

ENDED = ("exited", "dead")
UNUSED = 30 * 24 * 3600.0  # seconds after which the packages of another Python or release go


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """What was, or would be, removed; `leftovers` and `cache` are bytes.

    `kept` says where outputs are now that only a container had, see `rescue`.
    """

    containers: tuple[str, ...]
    kept: tuple[str, ...]
    images: tuple[str, ...]
    leftovers: int
    cache: int


def clean(
    engine: Engine | None, settings: Settings, *, cache: bool = False, dry_run: bool = False
) -> Cleaned:
    """Remove what dead processes left, ended runs and old files; with `cache` all cached data.

    A container that runs and whose owner lives is never touched, nor is a cache in use.

    Raises:
        Unavailable: the engine does not answer.
        TryAgain: the cache is in use; what is in the engine was cleaned.
    """
    names, kept = _containers(engine, dry_run=dry_run) if engine else ([], [])
    gone = _images(engine, dry_run=dry_run) if engine else []
    return Cleaned(
        containers=tuple(names),
        kept=tuple(kept),
        images=tuple(gone),
        leftovers=_leftovers(settings, dry_run=dry_run),
        cache=_cache(settings, dry_run=dry_run) if cache else 0,
    )


def _containers(engine: Engine, *, dry_run: bool) -> tuple[list[str], list[str]]:
    ended = [found for found in containers.find(engine, {labels.KIND: "run"}) if _has_ended(found)]
    ownerless = (reaper.leftovers if dry_run else reaper.remove_leftovers)(engine)
    if dry_run:
        return [found.name for found in (*ownerless, *ended)], []
    backend = DockerBackend(engine)
    names, kept = [found.name for found in ownerless], []
    for found in ended:
        run_id = found.labels.get(labels.RUN_ID, "")
        place = rescue(backend, DockerRun(run_id=run_id, container=found.id, image=found.image))
        kept += [place] if place else []
        names += [] if place and not place.startswith("/") else [found.name]
    return names, kept


def _images(engine: Engine, *, dry_run: bool) -> list[str]:
    found = [*load.abandoned(engine), *load.replaced(engine)]
    return found if dry_run else [name for name in found if images.remove(engine, name)]


def _leftovers(settings: Settings, *, dry_run: bool) -> int:
    store = BlobStore(settings.store)
    temporary = sum(size for _, size in upkeep.leftovers(store))
    temporary += sum(map(size_below, scratch.abandoned()))
    if not dry_run:
        upkeep.sweep(store)
        scratch.remove_abandoned()
    try:
        with upkeep.alone(store):
            return temporary + _unused_packages(settings, dry_run=dry_run)
    except TryAgain:  # another time
        return temporary


def _unused_packages(settings: Settings, *, dry_run: bool) -> int:
    unused = once.unused(settings.runner, UNUSED)
    size = sum(map(size_below, unused))
    for path in () if dry_run else unused:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return size


def _cache(settings: Settings, *, dry_run: bool) -> int:
    store = BlobStore(settings.store)
    size = upkeep.usage(store).size + size_below(settings.runner)
    if not dry_run:
        with upkeep.alone(store):
            upkeep.trim(store, 0)
            shutil.rmtree(settings.runner, ignore_errors=True)
            settings.known_blobs.unlink(missing_ok=True)
    return size


def _has_ended(run: Found) -> bool:
    # One that is only created is about to start while its process lives.
    if run.state == "created":
        return is_gone(run.labels.get(labels.OWNER, ""))
    return run.state in ENDED
