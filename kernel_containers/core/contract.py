"""What a produced image says about itself to its runner: `manifest.json`, contract version 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from kernel_containers.core.parameters import Edit, Parameter
from kernel_containers.errors import InvalidInput

VERSION = 1
RUNNER_HOME = "/opt/kernel-containers"
MANIFEST_PATH = f"{RUNNER_HOME}/manifest.json"
CONTRACT_FOLDER = "/run/kernel-containers"
REQUEST_PATH = f"{CONTRACT_FOLDER}/request.json"
SECRETS_FOLDER = "/run/secrets"
PARAMETERS_2019 = "/opt/ml/input/data/iotanalytics/params"
PARAMETERS_VARIABLE = "KERNEL_CONTAINERS_PARAMETERS"
OUTPUT_VARIABLE = "KERNEL_CONTAINERS_OUTPUT"
IMAGE_VARIABLE = "KERNEL_CONTAINERS_IMAGE"
RUN_ID_VARIABLE = "KERNEL_CONTAINERS_RUN_ID"  # a run's id where somebody else made it


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelCommand:
    """How a kernel starts: a kernelspec's `argv` with `{connection_file}` in it.

    `environment` holds the kernelspec's own variables, already filtered by the allow-list.
    """

    name: str
    language: str
    argv: tuple[str, ...]
    display_name: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    interrupt_mode: str = "signal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """The image's notebook (an absolute path inside it), kernel and parameters."""

    notebook: str
    working_directory: str
    kernel: KernelCommand
    parameters: tuple[Parameter, ...] = ()
    title: str = ""
    version: int = VERSION


def contract_to_json(contract: Contract) -> dict[str, Any]:
    """Return the object that `contract_from_json` reads."""
    return {
        "contract": contract.version,
        "title": contract.title,
        "notebook": contract.notebook,
        "working_directory": contract.working_directory,
        "kernel": asdict(_plain(contract.kernel)),
        "parameters": [asdict(parameter) for parameter in contract.parameters],
    }


def _plain(kernel: KernelCommand) -> KernelCommand:
    # asdict() deep-copies, which a read-only mapping refuses.
    return replace(kernel, environment=dict(kernel.environment))


def contract_from_json(value: object) -> Contract:
    """Read a contract.

    Raises:
        InvalidInput: another version, or a member is missing, unknown or has a wrong type.
    """
    if not isinstance(value, Mapping):
        raise InvalidInput("The image's manifest.json is malformed.", why="it is no object")
    if value.get("contract") != VERSION:
        raise InvalidInput(
            f"This image follows version {value.get('contract')!r} of the contract.",
            why=f"this program knows version {VERSION}",
            todo="install the release that made the image, or containerize the notebook again",
        )
    try:
        kernel = {**value["kernel"], "argv": tuple(value["kernel"]["argv"])}
        return Contract(
            notebook=value["notebook"],
            working_directory=value["working_directory"],
            kernel=KernelCommand(**kernel),
            parameters=tuple(_parameter(item) for item in value["parameters"]),
            title=str(value.get("title", "")),
        )
    except (KeyError, TypeError) as error:
        raise InvalidInput("The image's manifest.json is malformed.", why=repr(error)) from error


def _parameter(value: Mapping[str, Any]) -> Parameter:
    edits = tuple(Edit(**edit) for edit in value.get("edits", ()))
    choices = tuple(value.get("choices", ()))
    return Parameter(**{**value, "edits": edits, "choices": choices})
