"""Leftovers of dead processes, and what the cache may give back."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_containers.core import labels
from kernel_containers.core.owner import is_gone
from kernel_containers.engine import containers
from kernel_containers.image.store import BlobStore
from kernel_containers.kernels import reaper

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.engine import Engine
    from kernel_containers.engine.containers import Found
    from kernel_containers.workflow.settings import Settings

ENDED = ("exited", "dead")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """What was, or would be, removed; `cache` is bytes."""

    containers: tuple[str, ...]
    cache: int


def clean(
    engine: Engine | None, settings: Settings, *, cache: bool = False, dry_run: bool = False
) -> Cleaned:
    """Remove containers whose owner is gone and runs that have ended; with `cache` all cached data.

    A container that runs and whose owner lives is never touched.

    Raises:
        Unavailable: the engine does not answer.
    """
    names: list[str] = []
    if engine:
        ended = [
            found for found in containers.find(engine, {labels.KIND: "run"}) if _has_ended(found)
        ]
        ownerless = (reaper.leftovers if dry_run else reaper.remove_leftovers)(engine)
        if not dry_run:
            for found in ended:
                containers.remove(engine, found.id)
        names = [found.name for found in (*ownerless, *ended)]
    store = BlobStore(settings.store)
    size = store.usage().size + _size(settings.runner) if cache else 0
    if cache and not dry_run:
        store.clear(0)
        shutil.rmtree(settings.runner, ignore_errors=True)
    return Cleaned(containers=tuple(names), cache=size)


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def _has_ended(run: Found) -> bool:
    # One that is only created is about to start while its process lives.
    if run.state == "created":
        return is_gone(run.labels.get(labels.OWNER, ""))
    return run.state in ENDED
