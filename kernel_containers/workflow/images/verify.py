"""Proof that an image does what its notebook did: it is run, and the outputs are compared."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kernel_containers.core.owner import owner_token
from kernel_containers.core.progress import silent
from kernel_containers.core.reference import ImageReference, Repository, ToEngine
from kernel_containers.core.uris import NOTEBOOK, Uri
from kernel_containers.engine import images
from kernel_containers.errors import InvalidInput, NotFound, UsageError
from kernel_containers.image.load import LOADING
from kernel_containers.kernels.container_spec import HOME as KERNEL_HOME
from kernel_containers.notebook import document
from kernel_containers.notebook.compare import CellComparison, compare_notebooks
from kernel_containers.notebook.executed import read_executed
from kernel_containers.notebook.variables import find_variables
from kernel_containers.workflow.images.containerize import containerize
from kernel_containers.workflow.images.image_process import HOME as IMAGE_HOME
from kernel_containers.workflow.runs import submit
from kernel_containers.workflow.runs.run_arguments import RunOptions
from kernel_containers.workflow.runs.run_store import list_runs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.core.parameters import Parameter
    from kernel_containers.engine import Engine
    from kernel_containers.workflow.images.containerize import Containerized
    from kernel_containers.workflow.images.plan import Plan
    from kernel_containers.workflow.registries import Registries
    from kernel_containers.workflow.runs.watch import OnLine
    from kernel_containers.workflow.settings import Settings

_SHORTEST_NAME = 4  # characters of a machine's name; a shorter one may be any word


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What came of a run with the default parameters.

    `outputs` is the folder of its outputs, kept unless all is the same.
    """

    status: Literal["same", "different", "failed"]
    message: str
    exit_code: int
    cells: tuple[CellComparison, ...] = ()
    outputs: str | None = None


def values_for_verification(
    parameters: tuple[Parameter, ...], notebook: Path, environ: Mapping[str, str]
) -> dict[str, str]:
    """Return the values of secrets: those of the environment, else what the notebook has.

    Raises:
        UsageError: a parameter has neither a value nor a default.
    """
    written = {item.name: item.default for item in find_variables(document.read(notebook))}
    values: dict[str, str] = {}
    missing = []
    for parameter in parameters:
        if parameter.secret:
            value = environ.get(parameter.name, written.get(parameter.name))
            if value in (None, ""):
                missing.append(parameter.name)
            else:
                values[parameter.name] = value if isinstance(value, str) else json.dumps(value)
        elif parameter.required:
            missing.append(parameter.name)
    if missing:
        raise UsageError(
            f"The image can't be verified without a value for {', '.join(missing)}.",
            why="the notebook gives none",
            todo="give secrets as environment variables, and other parameters a default",
        )
    return values


def verify(
    plan: Plan,
    done: Containerized,
    engine: Engine,
    registries: Registries,
    settings: Settings,
    *,
    given: Mapping[str, str],
    on_line: OnLine,
) -> Verification:
    """Run an image that was just made, with its default parameters and secrets as `given`.

    An image that went elsewhere is also loaded into the engine, for as long as it runs.

    Raises:
        InvalidInput: the engine is on another machine, or the notebook is none any more.
        KernelContainersError: as from `containerize` and `execute`.
    """
    if not engine.is_local:
        raise InvalidInput(
            "The engine is on another machine, so the outputs of a run can't be compared here.",
            todo="leave out --verify, and run the image",
        )
    saved = read_executed(plan.snapshot.notebook.read_bytes())
    if isinstance(plan.destination, ToEngine):
        return _run_and_compare(saved, done.reference, engine, given, on_line)
    name = ImageReference(Repository("", LOADING), f"{owner_token()}-{secrets.token_hex(4)}")
    here = replace(plan, destination=ToEngine(name))
    try:
        containerize(here, engine, registries, settings, silent)
        return _run_and_compare(saved, str(name), engine, given, on_line)
    finally:
        images.remove(engine, str(name))


def _run_and_compare(
    saved: Mapping[str, Any],
    reference: str,
    engine: Engine,
    given: Mapping[str, str],
    on_line: OnLine,
) -> Verification:
    image = images.inspect(engine, reference)
    if image is None:
        raise NotFound(f"The engine does not have {reference} any more.")
    folder = Path(tempfile.mkdtemp(prefix="kernel-containers-verify-"))
    verification: Verification | None = None
    try:
        options = RunOptions(image=reference, output=str(folder), secrets=given)
        request = submit.make_request(image, options, os.environ)
        outcome = submit.execute(engine, request, on_line)
        verification = _judge(saved, folder, outcome)
        return verification
    finally:
        if verification is None or verification.outputs is None:
            shutil.rmtree(folder, ignore_errors=True)


def _judge(saved: Mapping[str, Any], folder: Path, outcome: submit.Outcome) -> Verification:
    cells: tuple[CellComparison, ...] = ()
    runs = list_runs(Uri.parse(str(folder)))
    written = Path(runs[0].uri.path, NOTEBOOK) if runs else folder
    if written.is_file():
        cells = compare_notebooks(saved, read_executed(written.read_bytes()), _known_names())
    where = str(written.parent) if written.is_file() else None
    if outcome.code != 0:
        message = str(outcome.end.get("message") or f"The run ended with {outcome.code}.")
        return Verification(
            status="failed", message=message, exit_code=outcome.code, cells=cells, outputs=where
        )
    compared = [cell for cell in cells if cell.result != "not-compared"]
    different = [cell for cell in compared if cell.result == "different"]
    if different:
        message = f"{len(different)} of {_cells(len(compared))} gave something else."
        return Verification(
            status="different", message=message, exit_code=0, cells=cells, outputs=where
        )
    message = f"All {_cells(len(compared))} gave what the notebook shows."
    if not compared:
        message = "It ran to its end; the notebook has no saved outputs to compare with."
    return Verification(status="same", message=message, exit_code=0, cells=cells)


def _cells(count: int) -> str:
    return f"{count} cell{'' if count == 1 else 's'}"


def _known_names() -> dict[str, str]:
    """Return names and folders that are not the same in here and in a container."""
    homes = {str(Path.home()), IMAGE_HOME, KERNEL_HOME} - {"/"}
    known = dict.fromkeys(homes, "<home>")
    name = socket.gethostname()
    return {**known, name: "<machine>"} if len(name) >= _SHORTEST_NAME else known
