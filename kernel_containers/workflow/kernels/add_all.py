"""A containerized twin of each Python environment of this machine."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kernel_containers.errors import KernelContainersError
from kernel_containers.kernels import kernelspecs
from kernel_containers.workflow.kernels.add_kernel import add_kernel
from kernel_containers.workflow.kernels.environments import find_environments

if TYPE_CHECKING:
    from kernel_containers.core.progress import Report
    from kernel_containers.engine import Engine
    from kernel_containers.workflow.kernels.add_kernel import KernelRequest
    from kernel_containers.workflow.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """What became of an environment; `there` is one that had its kernel already."""

    prefix: str
    name: str
    display_name: str
    outcome: Literal["added", "there", "skipped", "would be added"]
    why: str | None = None


def add_all(
    request: KernelRequest, engine: Engine | None, settings: Settings, root: Path, report: Report
) -> tuple[Twin, ...]:
    """Add a kernelspec like `request` for each environment that has none yet.

    `root` is a folder to look into besides the usual ones. Without an engine nothing is added. What
    can't be added is skipped, with the reason.
    """
    titles = {
        str(Path(spec.argv[0]).parent.parent): spec.display_name
        for spec in kernelspecs.native_pythons()
    }
    taken = set(kernelspecs.names())
    twins = []
    for found in find_environments(settings.environ, root):
        twin = _planned(found, titles.get(found["prefix"]), taken)
        taken.add(twin.name)
        if engine is not None and twin.outcome == "would be added":
            twin = _added(twin, request, engine, settings, report)
        twins.append(twin)
    return tuple(twins)


def _planned(found: dict[str, Any], display_name: str | None, taken: set[str]) -> Twin:
    prefix, own = found["prefix"], found["kernels"]
    title = display_name or f"Python {found['python']} · {found['name']}"
    twin = Twin(
        prefix=prefix,
        name=own[0] if own else _name(found["name"], prefix, taken),
        display_name=f"{title} (container)",
        outcome="would be added",
    )
    if own:
        return replace(twin, outcome="there")
    return replace(twin, outcome="skipped", why=found["problem"]) if found["problem"] else twin


def _name(name: str, prefix: str, taken: set[str]) -> str:
    """Return a free name; two projects often have a `.venv` below folders of the same name."""
    wanted = f"{name}-container"
    return wanted if wanted not in taken else f"{wanted}-{_short(prefix)}"


def _short(prefix: str) -> str:
    return hashlib.sha256(prefix.encode()).hexdigest()[:6]


def _added(
    twin: Twin, request: KernelRequest, engine: Engine, settings: Settings, report: Report
) -> Twin:
    wanted = replace(
        request, name=twin.name, prefix=Path(twin.prefix), display_name=twin.display_name
    )
    try:
        add_kernel(wanted, engine, settings, report)
    except KernelContainersError as error:
        why = ": ".join(filter(None, (error.what.rstrip("."), error.why)))
        return replace(twin, outcome="skipped", why=why)
    return replace(twin, outcome="added")
