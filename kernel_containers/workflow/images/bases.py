"""The base image under an environment of this machine.

What a prefix needs from below it is the C library and what its interpreter was linked with, so
the base follows the operating system. The name of an official image is a default: an image
made of this machine's own packages comes first, as it is the closest.
"""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from kernel_containers.core.reference import ImageReference
from kernel_containers.engine import images
from kernel_containers.errors import InvalidInput, KernelContainersError, NotFound
from kernel_containers.workflow.images.fetch_base import bring_base
from kernel_containers.workflow.images.image_python import image_python

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.core.progress import Report
    from kernel_containers.core.snapshot import Interpreter
    from kernel_containers.engine import Engine
    from kernel_containers.workflow.settings import Settings

# /etc/os-release ID and VERSION_ID → official image; {python} is the interpreter's minor version.
OFFICIAL = {
    ("debian", "11"): "python:{python}-slim-bullseye",
    ("debian", "12"): "python:{python}-slim-bookworm",
    ("debian", "13"): "python:{python}-slim-trixie",
    ("ubuntu", "22.04"): "ubuntu:22.04",
    ("ubuntu", "24.04"): "ubuntu:24.04",
    ("amzn", "2023"): "public.ecr.aws/amazonlinux/amazonlinux:2023",
    ("fedora", "*"): "registry.fedoraproject.org/fedora:{version}",
    ("rhel", "9"): "registry.access.redhat.com/ubi9/ubi:latest",
    ("rocky", "9"): "registry.access.redhat.com/ubi9/ubi:latest",
    ("almalinux", "9"): "registry.access.redhat.com/ubi9/ubi:latest",
}
LOCAL = "kernel-containers/base"
SYSTEM_PREFIX = "/usr"
OLDEST_RUNNER = (3, 10)  # what the entrypoint of an image runs with
_RUNNER = "3.12"  # of official images under older interpreters


def local_name(release: Mapping[str, str], python: str) -> str:
    """Return the name of a base image made of this machine's packages."""
    codename = release.get("VERSION_CODENAME") or release.get("VERSION_ID", "unknown")
    return f"{LOCAL}:{codename}-py{python}"


def candidates(release: Mapping[str, str], python: str) -> list[str]:
    """Return base images for an operating system, best first."""
    names = [local_name(release, python)]
    system, version = release.get("ID", ""), release.get("VERSION_ID", "")
    official = (
        OFFICIAL.get((system, version))
        or OFFICIAL.get((system, version.partition(".")[0]))
        or OFFICIAL.get((system, "*"))
    )
    if official:
        names.append(official.format(python=python, version=version))
    return names


def choose_base(
    engine: Engine,
    interpreter: Interpreter,
    wanted: str | None,
    settings: Settings,
    report: Report,
) -> str:
    """Return a base image that the engine has, brought there where needed.

    Raises:
        NotFound: none can be had; the cause names what was tried.
        Unauthorized, Unavailable: the engine or the wanted image's registry says no.
    """
    wanted = wanted or settings.base
    names = [wanted] if wanted else _fitting(engine, interpreter)
    refused: list[str] = []
    for name in names:
        if images.inspect(engine, name):
            return name
        if name.startswith(f"{LOCAL}:"):
            refused.append(f"{name}: not on this engine")
            continue
        try:
            bring_base(engine, _with_tag(name), settings, report)
        except KernelContainersError as error:
            if wanted:
                raise
            refused.append(f"{name}: {error.why or error.what}")
        else:
            return name
    raise NotFound(
        "No base image for this environment can be had.",
        why="; ".join(refused) or "this operating system is not known",
        todo="name one with --base, or make one with scripts/make-base-image",
    )


def _fitting(engine: Engine, interpreter: Interpreter) -> list[str]:
    """Return names of base images, best first; any Python will do where none stands in."""
    release = os_release()
    python = ".".join(map(str, interpreter.version[:2]))
    if interpreter.base_prefix == SYSTEM_PREFIX:
        return candidates(release, python)
    if interpreter.version[:2] < OLDEST_RUNNER:
        python = _RUNNER
    first, *official = candidates(release, python)
    beginning = local_name(release, "")
    others = [name for name in images.names(engine, LOCAL) if name.startswith(beginning)]
    return list(dict.fromkeys([first, *others, *official]))


def python_for_runner(
    engine: Engine, base: str, interpreter: Interpreter, settings: Settings
) -> Interpreter | None:
    """Return a Python of an image that can run its entrypoint in place of an older kernel's.

    None where the kernel's own can, or there is none.
    """
    if interpreter.implementation == "cpython" and interpreter.version[:2] >= OLDEST_RUNNER:
        return None
    for name in ("/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            found = image_python(engine, base, name, settings)
        except (NotFound, InvalidInput):
            continue
        if found.version[:2] >= OLDEST_RUNNER:
            return found
    return None


def check_stand_in(
    engine: Engine, base: str, interpreter: Interpreter, settings: Settings
) -> Interpreter | None:
    """Return the base image's own Python, which stands in for one below /usr.

    None where the environment brings its interpreter.

    Raises:
        InvalidInput: the base lacks that file, or it is of another minor version.
    """
    if interpreter.base_prefix != SYSTEM_PREFIX:
        return None
    minor = ".".join(map(str, interpreter.version[:2]))
    try:
        found = image_python(engine, base, f"/usr/bin/python{minor}", settings)
    except (NotFound, InvalidInput) as error:
        raise InvalidInput(
            f"The base image {base} has no /usr/bin/python{minor}.",
            why="this environment is built on the system's Python, which is not copied",
            todo="name a base image with that Python with --base, or make one with "
            "scripts/make-base-image",
        ) from error
    return found


def _with_tag(name: str) -> ImageReference:
    reference = ImageReference.parse(name)
    if reference.tag or reference.digest:
        return reference
    return ImageReference(reference.repository, "latest")


def os_release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}
