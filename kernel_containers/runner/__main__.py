"""The runner's command: runs the image's notebook and exits with the code that says how it went."""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_containers.core.contract import MANIFEST_PATH, Contract, contract_from_json
from kernel_containers.core.parameters import json_schema
from kernel_containers.errors import Defect, InvalidInput, KernelContainersError
from kernel_containers.runner.arguments import Arguments, parse_arguments
from kernel_containers.runner.kernel import private_folder, remove_folder
from kernel_containers.runner.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kernel_containers.runner.stopping import Stop


def main(argv: Sequence[str], stop: Stop) -> int:
    """Run the command and return its exit code; `stop` listens already."""
    try:
        return _run(parse_arguments(argv), stop)
    except KernelContainersError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except Exception:  # noqa: BLE001 - the last resort; 70 tells it from a notebook's failure
        traceback.print_exc()
        return Defect.exit_code


def _run(arguments: Arguments, stop: Stop) -> int:
    manifest = _read_manifest(Path(arguments.root) / MANIFEST_PATH.lstrip("/"))
    contract = _parse_manifest(manifest)
    if arguments.describe:
        title = contract.title or Path(contract.notebook).name
        sys.stdout.write(json.dumps(json_schema(contract.parameters, title), indent=2) + "\n")
        return 0
    folder = private_folder()
    try:
        return Session(
            arguments, contract, manifest, folder=folder, stop=stop, environ=os.environ
        ).run()
    finally:
        remove_folder(folder)


def _read_manifest(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Defect(f"The image has no {path}.", why=error.strerror) from error


def _parse_manifest(manifest: bytes) -> Contract:
    try:
        return contract_from_json(json.loads(manifest))
    except ValueError as error:
        raise Defect("The image's manifest.json is malformed.", why=str(error)) from error
    except InvalidInput as error:  # not the caller's input, but what the image was made with
        raise Defect(error.what, why=error.why, todo=error.todo) from error
