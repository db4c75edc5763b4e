"""`kernel_containers` where it is not installed: only `client/` is there.

This file is the package's `__init__.py` in a folder that is put on the path of a kernel. The folder
may stand before the environment's own packages, so a package that is really installed is looked
for and takes the place of this one. Any Python from 3.8 on runs it.
"""

import importlib
import os
import sys

_OFFERED = {
    "load_ipython_extension": ".client.magics",
    "scrap": ".client",
    "unload_ipython_extension": ".client.magics",
}


def __getattr__(name):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    if name in _OFFERED:
        return getattr(importlib.import_module(__name__ + _OFFERED[name]), name)
    message = f"{name!r} is not among what a kernel is given; install kernel_containers there"
    raise AttributeError(message)


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)  # noqa: PTH100
    except OSError:  # the working folder was removed, and what is relative to it is nowhere
        return path


def _find_installed():  # type: ignore[no-untyped-def]  # noqa: ANN202
    own = os.path.dirname(os.path.dirname(_absolute(__file__)))  # noqa: PTH120
    whole = sys.path[:]
    sys.path[:] = [path for path in whole if _absolute(path) != own]
    try:
        found = [finder.find_spec(__name__, None) for finder in sys.meta_path]
    finally:
        sys.path[:] = whole
    # A folder of that name without an __init__.py has no origin.
    return next((spec for spec in found if spec and spec.loader and spec.origin), None)


_installed = _find_installed()  # type: ignore[no-untyped-call]
if _installed:
    __spec__ = _installed
    __file__ = _installed.origin
    __path__ = _installed.submodule_search_locations
    _installed.loader.exec_module(sys.modules[__name__])
