"""From a notebook's path to the plan of an image: everything is decided here, nothing is built."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_containers.core.contract import (
    MANIFEST_PATH,
    Contract,
    KernelCommand,
    contract_to_json,
)
from kernel_containers.core.oci_json import canonical
from kernel_containers.core.parameters import check_names
from kernel_containers.core.reference import (
    Destination,
    ImageReference,
    Repository,
    ToEngine,
    slug,
)
from kernel_containers.core.snapshot import FileEntry, FileKind, FileSet, Snapshot
from kernel_containers.errors import InvalidInput
from kernel_containers.image.store import BlobStore
from kernel_containers.kernels import kernelspecs
from kernel_containers.notebook import document
from kernel_containers.notebook.code import read_code
from kernel_containers.notebook.declarations import declare
from kernel_containers.notebook.named_files import named_files
from kernel_containers.notebook.variables import find_variables
from kernel_containers.notebook.withheld import withhold
from kernel_containers.snapshot import files, secrets
from kernel_containers.snapshot.environment import OUTSIDE, written_by_people
from kernel_containers.snapshot.variables import allowed_variables
from kernel_containers.workflow.images.bases import OLDEST_RUNNER
from kernel_containers.workflow.images.compression import Compression, choose_compressor
from kernel_containers.workflow.images.data_notes import large_files, missing_data
from kernel_containers.workflow.images.fetch_base import fetch_base
from kernel_containers.workflow.images.image_process import HOME, image_user, image_variables
from kernel_containers.workflow.images.libraries import with_libraries
from kernel_containers.workflow.images.live_kernel import LiveKernel, capture_live
from kernel_containers.workflow.images.missing_modules import missing_modules
from kernel_containers.workflow.images.sources import MODULES, find_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kernel_containers.core.declarations import Declaration
    from kernel_containers.core.parameters import Parameter
    from kernel_containers.core.progress import Report
    from kernel_containers.core.snapshot import Interpreter
    from kernel_containers.engine import Engine
    from kernel_containers.image.base import BaseImage
    from kernel_containers.image.compress import Compressor
    from kernel_containers.kernels.kernelspecs import KernelSpec
    from kernel_containers.notebook.document import Notebook
    from kernel_containers.workflow.images.sources import Source, Stamps
    from kernel_containers.workflow.settings import Settings


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
    live: LiveKernel | None = None
    stamps: Stamps = ()  # of packages, when the plan was begun


def make_plan(
    request: ContainerizeRequest, engine: Engine, settings: Settings, report: Report
) -> Plan:
    """Return the plan of an image.

    Raises:
        NotFound: the notebook, its kernel or an image is missing.
        InvalidInput: the notebook, a parameter or the environment can't be used.
        Unavailable: the engine does not do its part.
    """
    path = Path(request.notebook).expanduser().absolute()
    _check_text(path)
    notebook = document.read(path)
    destination = request.destination or _default_destination(path)
    compressor = choose_compressor(request.compression, destination, engine)
    spec = kernelspecs.find(request.kernel or notebook.kernel_name or "python3")
    notebook, parameters = withhold(notebook, _parameters(notebook, request))
    source = find_source(spec, engine, settings, request.base, report)
    store = BlobStore(settings.store)
    live = None
    if spec.config or request.kernel_id:
        live = capture_live(
            path,
            request.kernel_id,
            source.base,
            engine=engine,
            settings=settings,
            report=report,
        )
    base = fetch_base(engine, source.base, destination, settings, report)
    source = with_libraries(source, base, engine, store)
    code = read_code(notebook)
    found, exclusions, notes = files.notebook_files(
        path,
        document.without_outputs(notebook),
        code.imported_modules,
        [*request.includes, *map(Path, named_files(code))],
        code.import_folders,
    )
    captured = live.files.entries if live and live.files else ()
    # Where modules are is told by the source.
    variables = {name: value for name, value in spec.environment.items() if name != MODULES}
    passed, held_back = allowed_variables(variables)
    contract = Contract(
        notebook=str(path),
        working_directory=str(path.parent),
        kernel=_kernel(spec, source, passed),
        parameters=parameters,
        title=request.title or notebook.title,
    )
    sets = source.environment.file_sets
    user_code = [item for item in sets if item.name == OUTSIDE]
    searched = [entry for item in (*user_code, found) for entry in item.entries]
    searched += live.own_files if live else []
    user, reason = image_user(base, [*source.folders, *(entry.target for entry in searched)], live)
    searched += [entry for item in sets for entry in written_by_people(item.entries)]
    findings = secrets.find_secrets(notebook.named_sources, searched)
    return Plan(
        base=base,
        runner=_runner_interpreter(source),
        destination=destination,
        compressor=compressor,
        live=live,
        stamps=source.stamps,
        snapshot=Snapshot(
            notebook=path,
            title=contract.title,
            description=notebook.description
            if request.description is None
            else request.description,
            base=source.base,
            base_name=base.name,
            environment=source.environment,
            file_sets=(
                *source.environment.file_sets,
                *([live.files] if live and live.files else ()),
                _with_contract(found, contract),
            ),
            contract=contract,
            user=user,
            user_reason=reason,
            variables=image_variables(base, source, passed, live),
            exclusions=(
                *source.exclusions,
                *(live.exclusions if live else ()),
                *exclusions,
                *held_back,
            ),
            findings=findings,
            created=_created(path),
            notes=(
                *source.environment.notes,
                *([live.note] if live else ()),
                *notes,
                *large_files(found.entries),
            ),
            warnings=(
                *_other_language(notebook, spec),
                *missing_data(code, found.entries),
                *missing_modules(code, source.environment, [*found.entries, *captured]),
            ),
        ),
    )


def _check_text(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"The path {path} is no UTF-8, so an image can't name it.",
            todo="rename it, or run with a UTF-8 locale such as LANG=C.UTF-8",
        ) from error


def _parameters(notebook: Notebook, request: ContainerizeRequest) -> tuple[Parameter, ...]:
    asked = request.parameters, request.secrets, request.declarations
    declared = declare(notebook, find_variables(notebook), *asked)
    check_names(declared)
    return declared


def _other_language(notebook: Notebook, spec: KernelSpec) -> tuple[str, ...]:
    # Where a file says neither, `notebook.language` is a guess.
    is_said = notebook.kernel_name or notebook.language != "python"
    if not is_said or notebook.language == spec.language.lower():
        return ()
    return (
        f"The notebook is written in {notebook.language}, and the kernel {spec.name} runs "
        f"{spec.language}: choose another with --kernel unless its cells are for this one.",
    )


def _kernel(spec: KernelSpec, source: Source, passed: Sequence[tuple[str, str]]) -> KernelCommand:
    argv = list(spec.argv)
    if spec.language == "python":
        argv[0] = source.environment.interpreter.executable
    return KernelCommand(
        name=spec.name,
        language=spec.language,
        argv=tuple(argv),
        display_name=spec.display_name,
        environment=dict(passed),
        interrupt_mode=spec.interrupt_mode,
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


def _with_contract(found: FileSet, contract: Contract) -> FileSet:
    content = canonical(contract_to_json(contract)) + b"\n"
    entries = [
        *found.entries,
        FileEntry(MANIFEST_PATH, FileKind.FILE, 0o644, len(content), content=content),
        FileEntry(HOME, FileKind.FOLDER, 0o775, group_writable=True),
    ]
    return replace(found, name="notebook", entries=tuple(sorted(entries)), fingerprint=None)


def _created(path: Path) -> str:
    time = datetime.fromtimestamp(int(path.stat().st_mtime), UTC)
    return time.isoformat().replace("+00:00", "Z")


def _default_destination(path: Path) -> Destination:
    return ToEngine(ImageReference(Repository("", slug(path.name)), "latest"))
