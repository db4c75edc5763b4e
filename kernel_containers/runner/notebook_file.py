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
    from kernel_containers.runner.shelf import Document, Shelf

_LINES = ("application/javascript", "image/svg+xml")  # texts, besides text/*


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
    data["nbformat_minor"] = data.get("nbformat_minor") or 0
    data["metadata"] = data.get("metadata") or {}
    data["cells"] = data.get("cells") or []
    try:
        for cell in data["cells"]:
            source = cell.get("source") or ""
            cell["source"] = source if isinstance(source, str) else "".join(source)
            cell["metadata"] = cell.get("metadata") or {}
            if cell["cell_type"] == "code":
                cell["outputs"] = []
                cell["execution_count"] = None
    except (AttributeError, KeyError, TypeError) as error:
        raise InvalidInput(
            f"{path} is not a notebook.", why=f"a cell is malformed: {error!r}"
        ) from error
    return data


def cell_id(cell: Any, index: int) -> str:
    """Return a cell's own id, or the one that follows from its place and source."""
    return str(cell.get("id") or derived_cell_id(index, cell.source))


def is_executable(cell: Any) -> bool:
    """Whether a run executes this cell."""
    return bool(cell.cell_type == "code" and cell.source.strip())


def numbers_of(notebook: Any) -> dict[int, int]:
    """Return the numbers of cells for people by index, counting executable ones from 1."""
    found = [index for index, cell in enumerate(notebook["cells"]) if is_executable(cell)]
    return {index: number for number, index in enumerate(found, start=1)}


def set_kernel(notebook: Any, kernel: KernelCommand) -> None:
    """Write the kernel that runs the notebook into it, whatever it named before."""
    notebook["metadata"]["kernelspec"] = {
        "name": kernel.name,
        "display_name": kernel.display_name or kernel.name,
        "language": kernel.language,
    }


def masked_copy(notebook: Any, masker: Masker) -> dict[str, Any]:
    """Return plain JSON without secrets, each stream as one text; what needs no change is shared.

    A hundred thousand displays take 100 MB in memory, so there is no other copy.
    """
    copy = {name: masker.value(item) for name, item in notebook.items() if name != "cells"}
    copy["cells"] = [_masked_cell(cell, masker) for cell in notebook["cells"]]
    withhold_tables(copy, masker)
    return copy


def _masked_cell(cell: Any, masker: Masker) -> dict[str, Any]:
    copy = {name: masker.value(item) for name, item in cell.items() if name != "outputs"}
    if "outputs" in cell:
        copy["outputs"] = [_masked_output(output, masker) for output in cell["outputs"]]
    return copy


def _masked_output(output: Any, masker: Masker) -> Any:
    if output["output_type"] != "stream":
        return masker.value(output)
    return {**output, "text": finish([masker.text("".join(output["text"]))])}


def to_document(notebook: Any, shelf: Shelf) -> Document:
    """Return the file in pieces, as Jupyter writes it: texts are lists of lines."""
    rest = {name: item for name, item in notebook.items() if name != "cells"}
    cells = ",\n".join(map(_cell_json, notebook["cells"]))
    listed = f"[\n{cells}\n ]" if cells else "[]"
    # "cells" comes first among the names that a notebook has.
    return shelf.in_json(f'{{\n "cells": {listed},\n{_json(rest)[2:]}\n')


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True)


def _cell_json(cell: Any) -> str:
    lines = {**cell, "source": cell["source"].splitlines(keepends=True)}
    if "outputs" in cell:
        lines["outputs"] = [_with_lines(output) for output in cell["outputs"]]
    # No text in JSON holds a line end.
    return "  " + _json(lines).replace("\n", "\n  ")


def _with_lines(output: Any) -> Any:
    if output["output_type"] == "stream":
        return {**output, "text": output["text"].splitlines(keepends=True)}
    if "data" not in output:
        return output
    data = output["data"].items()
    return {
        **output,
        "data": {
            name: value.splitlines(keepends=True)
            if isinstance(value, str) and (name.startswith("text/") or name in _LINES)
            else value
            for name, value in data
        },
    }
