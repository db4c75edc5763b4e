"""Jupyter kernels inside Docker containers, and notebooks as container images."""

from __future__ import annotations

_OFFERED = {
    "__version__": "kernel_containers._version",
    "load_ipython_extension": "kernel_containers.client.magics",
    "read_runs": "kernel_containers.workflow.runs.run_table",
    "scrap": "kernel_containers.client",
    "unload_ipython_extension": "kernel_containers.client.magics",
}


def __getattr__(name: str) -> object:
    """Return what others take from here; each is imported when it is used."""
    if name not in _OFFERED:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(_OFFERED[name]), name)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "kernel-containers"}]


def _jupyter_server_extension_points() -> list[dict[str, object]]:
    # When Jupyter asks, and not before: every import of a part of this package comes by here.
    from importlib import import_module  # noqa: PLC0415

    application = import_module("kernel_containers.server.app").KernelContainersApp
    return [{"module": "kernel_containers", "app": application}]
