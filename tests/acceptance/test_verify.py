"""`containerize --verify`: what ran interactively runs in the image, and shows the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.product import Product, write_notebook

SAME = (
    "#md # Report",
    "region = 'south'  # which one\nprint(region)",
    "import os, socket, sys, time, uuid, warnings\n"
    "print(object(), uuid.uuid4(), time.strftime('%Y-%m-%d %H:%M:%S'), socket.gethostname())\n"
    "warnings.warn(f'{time.time()}')",
    "import pandas as pd\npd.DataFrame({'region': [region], 'sales': [0.1 + 0.2]})",
    "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2]);",
    "for part in range(3): print(part, flush=True)",
)
DIFFERENT = (
    "total = 5\nprint(total)",
    "import os\nprint('always'); print(f'one of {os.urandom(4).hex()}x')",
    "{'a': 1}",
)


def execute(product: Product, notebook: Path) -> None:
    """Run a notebook as in Jupyter and save it with its outputs."""
    done = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-m", "nbconvert", "--to", "notebook"),
            *("--execute", "--inplace", str(notebook)),
        ],
        env={**product.environment, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def images(product: Product) -> set[str]:
    return set(product.docker("images", "--format", "{{.Repository}}:{{.Tag}}").split())


def test_an_image_that_shows_what_the_notebook_shows_is_verified(product: Product) -> None:
    notebook = write_notebook(product.folder / "same.ipynb", *SAME)
    execute(product, notebook)

    done = product.run("containerize", notebook, "--to", "docker:verify-same:1", "--verify")
    try:
        lines = done.stdout.splitlines()
        assert lines[-2:] == [
            "Verified: All 5 cells gave what the notebook shows.",
            "  cell 2: the same but for id, address, time, machine",
        ]
    finally:
        product.docker("rmi", "verify-same:1")


@pytest.mark.full
def test_what_differs_is_said_and_the_image_stays(product: Product) -> None:
    notebook = write_notebook(product.folder / "different.ipynb", *DIFFERENT)
    execute(product, notebook)
    before = images(product)

    done = product.with_variables(TMPDIR=str(product.folder)).run(
        "containerize", notebook, "--to", "oci:./made", "--verify", "--json", check=1
    )

    result = json.loads(done.stdout)
    verification = result["verification"]
    assert verification["status"] == "different"
    assert verification["message"] == "1 of 3 cells gave something else."
    assert [cell["result"] for cell in verification["cells"]] == ["same", "different", "same"]
    cell = verification["cells"][1]
    assert (cell["number"], cell["reason"]) == (2, "the text differs")
    assert cell["diff"][:4] == ["--- notebook", "+++ run", "@@ -1,2 +1,2 @@", " always"]
    assert Path(verification["outputs"], "notebook.html").is_file()
    assert (product.folder / "made" / "index.json").is_file()
    assert not {name for name in images(product) - before if name.startswith("kernel-containers/")}


@pytest.mark.full
def test_a_run_that_fails_and_a_secret_without_a_value_are_said(product: Product) -> None:
    notebook = write_notebook(
        product.folder / "failing.ipynb",
        "token = ''\nkey = 'from-the-notebook'",
        "print(len(token), key[:4])",
        "assert False, 'as in the notebook'",
    )
    arguments = ("containerize", notebook, "--to", "docker:verify-failing:1", "--verify")
    declared = ("--secret", "token", "--secret", "key", "--allow-secrets")

    done = product.run(*arguments, *declared, check=64)
    assert "can't be verified without a value for token" in done.stderr
    assert "verify-failing:1" not in images(product)

    given = product.with_variables(token="tell-nobody", TMPDIR=str(product.folder))
    done = given.run(*arguments, *declared, check=1)
    try:
        assert "Not verified: Cell 3 failed: AssertionError: as in the notebook" in done.stdout
        assert "cell 2: not compared, it was not run when the notebook was saved" in done.stdout
        assert "The image was made, and stays." in done.stdout
        assert "tell-nobody" not in done.stdout + done.stderr
    finally:
        product.docker("rmi", "verify-failing:1")
