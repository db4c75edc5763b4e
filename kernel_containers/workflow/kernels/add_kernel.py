"""The slow and thoughtful part of a containerized kernel: what the provisioner later only reads."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_containers.core.containers import Mount
from kernel_containers.core.progress import Progress
from kernel_containers.core.reference import ImageReference
from kernel_containers.engine import images
from kernel_containers.errors import InvalidInput, NotFound, UsageError
from kernel_containers.kernels import kernelspecs
from kernel_containers.kernels.config import KernelConfig
from kernel_containers.snapshot.base_libraries import ZONES
from kernel_containers.snapshot.environment import SYSTEM_PREFIX, local_environment
from kernel_containers.snapshot.interpreter import inspect_image, inspect_local, made_for
from kernel_containers.workflow.images.bases import check_stand_in, choose_base
from kernel_containers.workflow.images.libraries import keep_nothing, supply_libraries
from kernel_containers.workflow.images.sources import check_kernel
from kernel_containers.workflow.kernels.kernel_check import (
    check_command,
    check_python,
    check_version,
)
from kernel_containers.workflow.runs.submit import find_image

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kernel_containers.core.progress import Report
    from kernel_containers.core.snapshot import Environment, FileEntry, Interpreter
    from kernel_containers.engine import Engine
    from kernel_containers.kernels.kernelspecs import KernelSpec
    from kernel_containers.workflow.settings import Settings

MOST_LINKS = 40  # as the kernel of Linux: more are a loop


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelRequest:
    """A kernelspec to install: exactly one of `image` and `prefix`; `config` has all the rest.

    With `command`, which has `{connection_file}` in it, an image needs no Python.
    """

    name: str
    image: str | None = None
    prefix: Path | None = None
    base: str | None = None
    display_name: str | None = None
    command: tuple[str, ...] = ()
    language: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, object] = field(default_factory=dict)


def add_kernel(
    request: KernelRequest, engine: Engine, settings: Settings, report: Report
) -> KernelSpec:
    """Install a kernelspec whose kernels run in containers, after checking that they can.

    Raises:
        UsageError: not exactly one of image and prefix.
        NotFound: the image, the prefix or a base image.
        InvalidInput: no ipykernel, or the environment does not run on its base image.
        Refused: this user can't read files of the environment.
    """
    if (request.image is None) == (request.prefix is None):
        raise UsageError(
            "A kernel needs either an image or an environment.",
            todo="give one of --image REF and --prefix PATH",
        )
    if request.command:
        return _add_command(request, engine, report)
    source: dict[str, object]
    if request.prefix is not None:
        environment, image = _prefix(request.prefix, request.base, engine, settings, report)
        interpreter = environment.interpreter
        libraries = _libraries(engine, image, environment, report)
        folders = [mount.source for mount in prefix_mounts(interpreter)]
        source = {
            "prefix": interpreter.prefix,
            "prefix_mounts": folders[1:],
            "prefix_modules": module_folders(environment.elsewhere, Path.home(), report),
            "mounts": [*_given_mounts(request.config), *(asdict(mount) for mount in libraries)],
        }
    else:
        interpreter, image = _image(str(request.image), engine, report)
        source = {}
    config = KernelConfig.parse({**request.config, **source, "image": image})
    check_python(engine, config, _user_of(engine, image), interpreter.executable)
    python = ".".join(map(str, interpreter.version))
    return kernelspecs.install(
        request.name,
        config,
        display_name=request.display_name or f"Python {python} · {request.name} (container)",
        language="python",
        argv=(interpreter.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"),
        environment=request.environment,
    )


def _add_command(request: KernelRequest, engine: Engine, report: Report) -> KernelSpec:
    """Install a kernelspec that starts any program of an image."""
    if request.image is None:
        raise UsageError("--command needs an image.", todo="give --image REF")
    if not any("{connection_file}" in word for word in request.command):
        raise InvalidInput(
            "The kernel's command has no {connection_file} in it.",
            why="a kernel reads from that file where it is to listen",
            todo="put {connection_file} where the kernel expects the file's path",
        )
    found = find_image(engine, request.image, report)
    image = _pinned(request.image, found.repository_digests)
    config = KernelConfig.parse({**request.config, "image": image})
    check_command(engine, config, found.config.user, request.command)
    return kernelspecs.install(
        request.name,
        config,
        display_name=request.display_name or f"{request.name} (container)",
        language=request.language or request.name,
        argv=request.command,
        environment=request.environment,
    )


def _given_mounts(config: Mapping[str, object]) -> list[object]:
    given = config.get("mounts") or []
    return given if isinstance(given, list) else [given]  # KernelConfig.parse names what is wrong


def _image(name: str, engine: Engine, report: Report) -> tuple[Interpreter, str]:
    found = find_image(engine, name, report)
    interpreter = inspect_image(engine, str(found.id), None)
    check_kernel(interpreter, f"The image {name}")
    check_version(interpreter, f"The image {name}")
    return interpreter, _pinned(name, found.repository_digests)


def _pinned(name: str, digests: tuple[str, ...]) -> str:
    """The image's digest in its registry: a tag may be moved; without a registry the name."""
    reference = ImageReference.parse(name) if not name.startswith("sha256:") else None
    if reference is None or reference.digest:
        return name
    for digest in digests:
        pinned = ImageReference.parse(digest)
        if pinned.repository == reference.repository:
            return str(replace(reference, digest=pinned.digest))
    return name


def _prefix(
    prefix: Path, base: str | None, engine: Engine, settings: Settings, report: Report
) -> tuple[Environment, str]:
    if not engine.is_local:
        raise InvalidInput(
            "The engine is on another machine, so an environment of this one can't be mounted.",
            todo="use --image REF",
        )
    python = prefix.expanduser().absolute() / "bin" / "python"
    if not python.exists():
        raise NotFound(
            f"{prefix} is not a Python environment.",
            why=f"it has no {python}",
            todo="name the folder of a venv or conda environment",
        )
    interpreter = inspect_local(str(python))
    check_kernel(interpreter, str(prefix), made_for(interpreter))
    check_version(interpreter, str(prefix))
    image = choose_base(engine, interpreter, base, settings, report)
    check_stand_in(engine, image, interpreter, settings)
    report(Progress(stage="libraries", message=f"what {interpreter.prefix} needs"))
    environment, _ = local_environment(interpreter)
    return environment, image


def _user_of(engine: Engine, image: str) -> str:
    found = images.inspect(engine, image)
    return found.config.user if found else ""


def _libraries(
    engine: Engine, image: str, environment: Environment, report: Report
) -> tuple[Mount, ...]:
    """Return mounts of this machine's libraries and time zones that the base image lacks.

    Libraries, one file each, lie where the loader looks, so that no variable has to name a folder.
    """
    supplied = supply_libraries(environment.file_sets, engine, image, image, keep_nothing)
    for note in supplied.notes:
        report(Progress(stage="libraries", message=note, done=1, total=1))
    mounts = [
        Mount(source=_lasting(entry), target=entry.target, read_only=True)
        for entry in (supplied.libraries.entries if supplied.libraries else ())
    ]
    if supplied.zones:
        mounts.append(Mount(source=ZONES, target=ZONES, read_only=True))
    return tuple(mounts)


def _lasting(entry: FileEntry) -> str:
    """Return a library's path by the name that an update of this machine keeps."""
    source = Path(str(entry.source))
    link = source.with_name(Path(entry.target).name)
    return str(link if link.exists() and link.samefile(source) else source)


def prefix_mounts(interpreter: Interpreter) -> tuple[Mount, ...]:
    """Return the read-only mounts of an environment and its base interpreter, at the same paths.

    A link to the interpreter may lead through further folders, as uv's do; they are mounted too.
    """
    folders = dict.fromkeys((interpreter.prefix, interpreter.base_prefix))
    for link in _links(Path(interpreter.executable)):
        if not any(link.is_relative_to(folder) for folder in folders):
            folders[str(link.parent.parent)] = None
    return tuple(
        Mount(source=folder, target=folder, read_only=True)
        for folder in folders
        if folder != SYSTEM_PREFIX
    )


def module_folders(elsewhere: Iterable[str], home: Path, report: Report) -> list[str]:
    """Return the folders that a kernel's container needs of what packages name elsewhere.

    A file's folder stands for it: an editor saves by putting another file in its place. Folders
    that `home` is in would bring all that lies there, and are only told.
    """
    paths = map(Path, elsewhere)
    found: list[Path] = []
    for folder in sorted({path if path.is_dir() else path.parent for path in paths}):
        if home.is_relative_to(folder):
            message = f"The kernel has {folder} only where it is part of Jupyter's root folder."
            report(Progress(stage="libraries", message=message, done=1, total=1))
        elif not found or not folder.is_relative_to(found[-1]):
            found.append(folder)
    return list(map(str, found))


def _links(path: Path) -> Iterator[Path]:
    """Yield what a path leads to, one link after the other."""
    for _ in range(MOST_LINKS):
        if not path.is_symlink():
            return
        path = Path(os.path.normpath(path.parent / path.readlink()))
        yield path
