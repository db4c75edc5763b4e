"""What the documents say is what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat

from kernel_containers.kernels.config import KernelConfig

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


def test_each_key_of_a_kernels_configuration_is_described() -> None:
    described = ROW.findall((ROOT / "kernelspecs" / "README.md").read_text())
    fields = {name for name in KernelConfig.__slots__ if name != "resources"}
    limits = {"memory", "cpus", "pids", "shm_size", "gpus"}

    assert sorted(described) == sorted(fields | limits)


def test_the_template_of_a_kernelspec_is_accepted() -> None:
    template = json.loads((ROOT / "kernelspecs" / "kernel.json").read_text())
    provisioner = template["metadata"]["kernel_provisioner"]

    config = KernelConfig.parse(provisioner["config"])

    assert config.to_json() == provisioner["config"]


def test_the_example_is_a_valid_notebook_without_outputs() -> None:
    path = ROOT / "examples" / "sales" / "report.ipynb"
    notebook = nbformat.read(path, as_version=4)

    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in code] == [[]] * len(code)
    assert {cell.execution_count for cell in code} == {None}
    # In Jupyter it opens with the kernel that scripts/quickstart adds, which has its packages.
    quickstart = (ROOT / "scripts" / "quickstart").read_text()
    assert f'KERNEL = "{notebook.metadata.kernelspec.name}"' in quickstart
