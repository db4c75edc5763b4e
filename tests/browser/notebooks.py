"""Notebooks that are made for a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbformat

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

KERNEL = "boxed"
KERNEL_TITLE = "Python in a box"


def write_notebook(
    path: Path, sources: Sequence[str], title: str = "", kernel: str = KERNEL
) -> None:
    """Write a notebook with code cells, for the containerized kernel or another one."""
    cells = [nbformat.v4.new_markdown_cell(f"# {title}")] if title else []
    cells += [nbformat.v4.new_code_cell(source) for source in sources]
    display_name = KERNEL_TITLE if kernel == KERNEL else kernel
    spec = {"name": kernel, "display_name": display_name, "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec})
    nbformat.write(notebook, path)


def use_kernel(path: Path) -> None:
    """Let an existing notebook use the containerized kernel."""
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.kernelspec = {
        "name": KERNEL,
        "display_name": KERNEL_TITLE,
        "language": "python",
    }
    nbformat.write(notebook, path)
