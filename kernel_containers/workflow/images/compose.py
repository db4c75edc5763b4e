"""What enters an image and how it runs there, decided from what was found; no engine is asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kernel_containers.core.contract import (
    MANIFEST_PATH,
    Contract,
    KernelCommand,
    contract_to_json,
)
from kernel_containers.core.oci_json import canonical
from kernel_containers.core.snapshot import FileEntry, FileKind, FileSet, Risk, Snapshot
from kernel_containers.snapshot.environment import OUTSIDE, written_by_people
from kernel_containers.snapshot.secrets import find_secrets
from kernel_containers.snapshot.variables import allowed_variables
from kernel_containers.workflow.images.data_notes import large_files, missing_data
from kernel_containers.workflow.images.image_process import HOME, image_user, image_variables
from kernel_containers.workflow.images.missing_modules import missing_modules
from kernel_containers.workflow.images.sources import MODULES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kernel_containers.core.parameters import Parameter
    from kernel_containers.image.base import BaseImage
    from kernel_containers.kernels.kernelspecs import KernelSpec
    from kernel_containers.notebook.code import Code
    from kernel_containers.snapshot.files import NotebookFiles
    from kernel_containers.workflow.images.live_kernel import LiveKernel
    from kernel_containers.workflow.images.sources import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A notebook without the values of its secrets, and the kernel that it is for."""

    code: Code
    parameters: tuple[Parameter, ...]
    spec: KernelSpec
    title: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the notebook's files are put on."""

    source: Source
    base: BaseImage
    live: LiveKernel


def compose(subject: Subject, ground: Ground, beside: NotebookFiles) -> Snapshot:
    """Return what enters the image. `beside` has the notebook as it is shipped, and its files."""
    notebook = subject.code.notebook
    source, base, live = ground.source, ground.base, ground.live
    environment = source.environment
    # Where modules are is told by the source.
    variables = {name: text for name, text in subject.spec.environment.items() if name != MODULES}
    passed, held_back = allowed_variables(variables)
    contract = Contract(
        notebook=str(notebook.path),
        working_directory=str(notebook.path.parent),
        kernel=_kernel(subject.spec, source, passed),
        parameters=subject.parameters,
        title=subject.title,
    )
    own = _files_of_the_user(ground, beside)
    user, reason = image_user(base, [*source.folders, *(entry.target for entry in own)], live)
    by_people = [e for item in environment.file_sets for e in written_by_people(item.entries)]
    return Snapshot(
        notebook=notebook.path,
        title=subject.title,
        description=subject.description,
        base=source.base,
        base_name=base.name,
        environment=environment,
        file_sets=(
            *environment.file_sets,
            *([live.files] if live.files else ()),
            _with_contract(beside.files, contract),
        ),
        contract=contract,
        user=user,
        user_reason=reason,
        variables=image_variables(base, source, passed, live),
        exclusions=(*source.exclusions, *live.exclusions, *beside.exclusions, *held_back),
        findings=find_secrets(notebook.named_sources, [*own, *by_people]),
        created=_created(notebook.path),
        notes=(
            *environment.notes,
            *([live.note] if live.note else ()),
            *beside.notes,
            *large_files(beside.files.entries),
        ),
        warnings=(
            *_other_language(subject),
            *missing_data(subject.code, beside.files.entries),
            *missing_modules(subject.code, environment, [*beside.files.entries, *live.entries]),
        ),
    )


def _files_of_the_user(ground: Ground, beside: NotebookFiles) -> list[FileEntry]:
    """Return the files that no package manager brought: they may lie anywhere and hold secrets."""
    sets = ground.source.environment.file_sets
    modules = [entry for item in sets if item.name == OUTSIDE for entry in item.entries]
    return [*modules, *beside.files.entries, *ground.live.own_files]


def _other_language(subject: Subject) -> tuple[Risk, ...]:
    notebook, spec = subject.code.notebook, subject.spec
    # Where a file says neither, `notebook.language` is a guess.
    is_said = notebook.kernel_name or notebook.language != "python"
    if not is_said or notebook.language == spec.language.lower():
        return ()
    return (
        Risk(
            "language",
            notebook.language,
            f"The notebook is written in {notebook.language}, and the kernel {spec.name} runs "
            f"{spec.language}: choose another kernel unless its cells are for this one.",
        ),
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
