"""From a notebook's path to the plan of an image: everything is looked up, nothing is built."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_containers.core.parameters import check_names
from kernel_containers.core.reference import (
    Destination,
    ImageReference,
    Repository,
    ToEngine,
    slug,
)
from kernel_containers.errors import InvalidInput
from kernel_containers.image.store import BlobStore
from kernel_containers.kernels import kernelspecs
from kernel_containers.notebook import document
from kernel_containers.notebook.code import read_code
from kernel_containers.notebook.declarations import declare
from kernel_containers.notebook.named_files import named_files
from kernel_containers.notebook.variables import find_variables
from kernel_containers.notebook.withheld import withhold
from kernel_containers.snapshot.files import NotebookFiles, notebook_files
from kernel_containers.workflow.images.bases import OLDEST_RUNNER
from kernel_containers.workflow.images.compose import Ground, Subject, compose
from kernel_containers.workflow.images.compression import Compression, choose_compressor
from kernel_containers.workflow.images.fetch_base import fetch_base
from kernel_containers.workflow.images.libraries import with_libraries
from kernel_containers.workflow.images.live_kernel import LiveKernel, capture_live
from kernel_containers.workflow.images.sources import find_source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kernel_containers.core.declarations import Declaration
    from kernel_containers.core.parameters import Parameter
    from kernel_containers.core.progress import Report
    from kernel_containers.core.snapshot import Interpreter, Snapshot
    from kernel_containers.engine import Engine
    from kernel_containers.image.base import BaseImage
    from kernel_containers.image.compress import Compressor
    from kernel_containers.notebook.code import Code
    from kernel_containers.notebook.document import Notebook
    from kernel_containers.workflow.images.sources import Source, Stamps
    from kernel_containers.workflow.settings import Settings

_OF_CONTAINERS = ("/dev", "/proc", "/sys")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerizeRequest:
    """What the user asks for; None leaves the choice to the notebook and this program."""

    notebook: Path
    title: str | None = None
    description: str | None = None
    kernel: str | None = None
    destination: Destination | None = None
    parameters: tuple[str, ...] | None = None
    secrets: tuple[str, ...] = ()
    declarations: tuple[Declaration, ...] = ()
    includes: tuple[Path, ...] = ()
    excludes: tuple[Path, ...] = ()  # of what comes with the notebook
    base: str | None = None
    kernel_id: str | None = None  # of a live kernel; None for the notebook's own
    compression: Compression = "gzip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A snapshot with the imported base it stands on, and where the image goes."""

    snapshot: Snapshot
    base: BaseImage
    runner: Interpreter  # the Python inside the image that runs the runner
    destination: Destination
    compressor: Compressor
    live: LiveKernel  # holds its copied files as long as they are needed
    stamps: Stamps  # of packages, when the plan was begun


def make_plan(
    request: ContainerizeRequest, engine: Engine, settings: Settings, report: Report
) -> Plan:
    """Return the plan of an image.

    Raises:
        NotFound: the notebook, its kernel or an image is missing.
        InvalidInput: the notebook, a parameter or the environment can't be used.
        Unavailable: the engine does not do its part.
    """
    subject = _read_subject(request)
    path = subject.code.notebook.path
    destination = request.destination or _default_destination(path)
    compressor = choose_compressor(request.compression, destination, engine)
    source = find_source(subject.spec, engine, settings, request.base, report)
    live = LiveKernel()
    if subject.spec.config or request.kernel_id:
        live = capture_live(
            path, request.kernel_id, source.base, engine=engine, settings=settings, report=report
        )
    base = fetch_base(engine, source.base, destination, settings, report)
    source = with_libraries(source, base, engine, BlobStore(settings.store))
    beside = _files_beside(subject.code, request)
    _check_places([*source.folders, *(entry.target for entry in beside.files.entries)])
    return Plan(
        snapshot=compose(subject, Ground(source=source, base=base, live=live), beside),
        base=base,
        runner=_runner_interpreter(source),
        destination=destination,
        compressor=compressor,
        live=live,
        stamps=source.stamps,
    )


def _read_subject(request: ContainerizeRequest) -> Subject:
    path = Path(request.notebook).expanduser().absolute()
    _check_text(path)
    notebook = document.read(path)
    description = request.description
    spec = kernelspecs.find(request.kernel or notebook.kernel_name or "python3")
    shipped, parameters = withhold(notebook, _parameters(notebook, request))
    return Subject(
        code=read_code(shipped),
        parameters=parameters,
        spec=spec,
        title=request.title or shipped.title,
        description=shipped.description if description is None else description,
    )


def _check_text(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"The path {path} is no UTF-8, so an image can't name it.",
            todo="rename it, or run with a UTF-8 locale such as LANG=C.UTF-8",
        ) from error


def _check_places(paths: Iterable[str]) -> None:
    """Refuse what a container would not see, as `/dev/shm/report.ipynb`."""
    for path in paths:
        for place in _OF_CONTAINERS:
            if path.startswith(f"{place}/"):
                raise InvalidInput(
                    f"{path} can't be in an image.",
                    why=f"each container has a {place} of its own, which hides an image's",
                    todo="move it to another folder",
                )


def _parameters(notebook: Notebook, request: ContainerizeRequest) -> tuple[Parameter, ...]:
    asked = request.parameters, request.secrets, request.declarations
    declared = declare(notebook, find_variables(notebook), *asked)
    check_names(declared)
    return declared


def _files_beside(code: Code, request: ContainerizeRequest) -> NotebookFiles:
    return notebook_files(
        code.notebook.path,
        document.without_outputs(code.notebook),
        code.imported_modules,
        [*request.includes, *map(Path, named_files(code))],
        code.import_folders,
        excludes=request.excludes,
    )


def _runner_interpreter(source: Source) -> Interpreter:
    interpreter = source.environment.interpreter
    usable = interpreter.implementation == "cpython" and interpreter.version[:2] >= OLDEST_RUNNER
    if usable:
        # Where the base image's own Python stands in, wheels have to fit that one's patch level.
        return replace(interpreter, version=(source.base_interpreter or interpreter).version)
    if source.base_interpreter and source.base_interpreter.version[:2] >= OLDEST_RUNNER:
        return source.base_interpreter
    raise InvalidInput(
        f"The image has no Python that its entrypoint could run with: the kernel's is "
        f"{interpreter.implementation} {interpreter.version_text}.",
        why="the entrypoint needs CPython 3.10 or newer",
        todo="choose a base image that has one with --base; the notebook keeps its own Python",
    )


def _default_destination(path: Path) -> Destination:
    return ToEngine(ImageReference(Repository("", slug(path.name)), "latest"))
