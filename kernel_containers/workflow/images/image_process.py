"""Who the process of an image is, and which variables it starts with."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from kernel_containers.core.contract import RUNNER_HOME
from kernel_containers.core.paths import is_below
from kernel_containers.kernels.container_spec import HOME as KERNEL_HOME
from kernel_containers.kernels.container_spec import PACKAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kernel_containers.image.base import BaseImage
    from kernel_containers.workflow.images.live_kernel import LiveKernel
    from kernel_containers.workflow.images.sources import Source

HOME = f"{RUNNER_HOME}/home"
# Not root, but in root's group, which can read the image's files and write into its working
# folder: the convention of clusters that choose the uid themselves.
USER = "1000:0"


def image_user(base: BaseImage, paths: Iterable[str], live: LiveKernel) -> tuple[str, str]:
    """Return the image's user, and why it is not the usual one."""
    closed = [folder for folder, mode in base.folders.items() if not mode & 0o001]
    for path in paths:
        for folder in closed:
            if is_below(path, folder):
                return "0:0", f"{folder} can only be entered by root in the base image"
    if live.only_for_root:
        return "0:0", f"{live.only_for_root} of the live kernel can only be read by root"
    if live.owner:
        return f"{live.owner}:0", "files of the live kernel belong to it"
    return USER, ""


def image_variables(
    base: BaseImage,
    source: Source,
    passed: Sequence[tuple[str, str]],
    live: LiveKernel,
) -> tuple[tuple[str, str], ...]:
    """Return those of the base, what finds the packages, and `passed`, sorted by name."""
    merged = dict(item.split("=", 1) for item in base.config.environment if "=" in item)
    interpreter = source.environment.interpreter
    folder = str(PurePosixPath(interpreter.executable).parent)
    search = merged.get("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    if folder not in search.split(":"):
        merged["PATH"] = f"{folder}:{search}"
    merged.setdefault("LANG", "C.UTF-8")
    merged["HOME"] = HOME
    if interpreter.user_base:
        merged["PYTHONUSERBASE"] = interpreter.user_base
    if source.environment.python_path:
        merged["PYTHONPATH"] = ":".join(source.environment.python_path)
    if live.has_packages:  # as the live kernel finds them
        merged["PYTHONPATH"] = ":".join(filter(None, [PACKAGES, merged.get("PYTHONPATH")]))
        merged["PATH"] = f"{merged.get('PATH', search)}:{PACKAGES}/bin"
    if live.has_home:
        merged["HOME"] = KERNEL_HOME
    return tuple(sorted((merged | dict(passed)).items()))
