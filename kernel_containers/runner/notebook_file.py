"""The notebook of a run, from the image's file to the bytes of `notebook.ipynb`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kernel_containers.core.cells import derived_cell_id
from kernel_containers.errors import InvalidInput
from kernel_containers.runner.scraps import withhold_tables
from kernel_containers.runner.streams import finish

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.core.contract import KernelCommand
    from kernel_containers.runner.masking import Masker


def read_notebook(path: Path) -> dict[str, Any]:
    """Return the notebook's JSON with what the format allows to leave out.

    Ids and minor version stay as they are.

    Raises:
        InvalidInput: the file is missing, or no notebook of format 4.
    """
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise InvalidInput(f"The notebook {path} can't be read.", why=error.strerror) from error
    except ValueError as error:
        raise InvalidInput(f"{path} is not a notebook.", why=str(error)) from error
    if not isinstance(data, dict) or data.get("nbformat") != 4:
        raise InvalidInput(f"{path} is not a notebook of format 4.")
    data.setdefault("nbformat_minor", 0)
    data.setdefault("metadata", {})
    for cell in data.setdefault("cells", []):
        source = cell.get("source", "")
        cell["source"] = source if isinstance(source, str) else "".join(source)
        cell.setdefault("metadata", {})
        if cell["cell_type"] == "code":
            cell["outputs"] = []
            cell["execution_count"] = None
    return data


def cell_id(cell: Any, index: int) -> str:
    """Return a cell's own id, or the one that follows from its place and source."""
    return str(cell.get("id") or derived_cell_id(index, cell.source))


def is_executable(cell: Any) -> bool:
    """Whether a run executes this cell."""
    return bool(cell.cell_type == "code" and cell.source.strip())


def set_kernel(notebook: Any, kernel: KernelCommand) -> None:
    """Write the kernel that runs the notebook into it, whatever it named before."""
    notebook["metadata"]["kernelspec"] = {
        "name": kernel.name,
        "display_name": kernel.display_name or kernel.name,
        "language": kernel.language,
    }


def masked_copy(notebook: Any, masker: Masker) -> Any:
    """Return a copy without secrets; the parts of streams are joined in both."""
    from kernel_containers.runner.nodes import to_nodes  # noqa: PLC0415

    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            if output["output_type"] == "stream" and not isinstance(output["text"], str):
                # Still a list, for what may yet be added.
                output["text"] = ["".join(output["text"])]
    copy = to_nodes(masker.value(notebook))
    for cell in copy.cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "stream" and not isinstance(output.text, str):
                output["text"] = finish(output.text)
    withhold_tables(copy, masker)
    return copy


def to_bytes(notebook: Any) -> bytes:
    """Return the file's bytes; texts are lists of lines, as Jupyter writes them."""
    from kernel_containers.runner.nodes import write  # noqa: PLC0415

    try:
        return f"{write(notebook, ascii_only=False)}\n".encode()
    except UnicodeEncodeError:  # half a surrogate pair has no UTF-8 but has an escape
        return f"{write(notebook, ascii_only=True)}\n".encode()
