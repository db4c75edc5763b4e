"""What must not leave the machine, looked for in every byte of an image."""

from __future__ import annotations

import gzip
import json
import re
from typing import TYPE_CHECKING

from tests.acceptance.product import write_notebook
from tests.support import planted

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.product import Product

PLANTED = {
    "aws": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYPLANTED001",
    "netrc": "netrc-password-PLANTED002",
    "dotenv": "dotenv-value-PLANTED003",
    "variable": "variable-value-PLANTED004",
    "output": "ghp_016C7e8d9f0a1b2c3d4e5f6a7b8c9PLANTED",
    "docker": "ZG9ja2VyOmF1dGgtUExBTlRFRDAwNgo=",
    "secret": "secret-default-PLANTED007",
}


def plant(product: Product) -> Path:
    """Write a notebook among credentials and return its path."""
    home = product.folder
    files = {
        home / ".aws" / "credentials": f"[default]\naws_secret_access_key = {PLANTED['aws']}\n",
        home / ".netrc": f"machine example.org login me password {PLANTED['netrc']}\n",
        home / ".env": f"KEY={PLANTED['dotenv']}\n",
        home / ".docker" / "config.json": json.dumps(
            {"auths": {"r.example": {"auth": PLANTED["docker"]}}}
        ),
        home / "data.csv": "a,b\n1,2\n",
    }
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    notebook = write_notebook(
        home / "n.ipynb",
        "x = 1",
        f"password = '{PLANTED['secret']}'",
        "open('data.csv').read()",
    )
    content = json.loads(notebook.read_text())
    content["cells"][0]["outputs"] = [
        {"output_type": "stream", "name": "stdout", "text": [f"token {PLANTED['output']}\n"]}
    ]
    notebook.write_text(json.dumps(content))
    return notebook


def everything_in(layout: Path) -> bytes:
    """Return all blobs of an OCI layout, layers unpacked."""
    parts = [(layout / "index.json").read_bytes()]
    for blob in (layout / "blobs" / "sha256").iterdir():
        data = blob.read_bytes()
        parts.append(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
    return b"\n".join(parts)


def test_no_planted_credential_is_in_any_layer_label_or_history(product: Product) -> None:
    secrets = planted.plant(product.folder)
    notebook = plant(product)
    product = product.with_variables(AWS_SECRET_ACCESS_KEY=PLANTED["variable"])
    command = ["containerize", notebook, "--include", product.folder, "--secret", "password"]
    command += ["--to", "oci:./layout"]

    refused = product.run(*command, check=77)
    product.run(*command, "--allow-secrets")

    for name in planted.FOUND:
        assert f"{product.folder}/{name}" in refused.stderr
    content = everything_in(product.folder / "layout")
    assert b"a,b\n1,2\n" in content  # what was asked for is there
    never = {**PLANTED, **secrets}
    assert [name for name, value in never.items() if value.encode() in content] == []


def test_a_likely_secret_in_a_cell_stops_before_anything_is_built(product: Product) -> None:
    notebook = write_notebook(product.folder / "n.ipynb", f"key = '{PLANTED['output']}'")

    refused = product.run("containerize", notebook, "--to", "oci:./layout", "--yes", check=77)

    assert "cell 1" in refused.stderr
    assert PLANTED["output"] not in refused.stdout + refused.stderr
    assert not (product.folder / "layout").exists()


def test_a_secret_parameter_reaches_the_kernel_and_nothing_that_is_written(
    product: Product,
) -> None:
    value = "hunter2-PLANTED008"
    notebook = write_notebook(
        product.folder / "n.ipynb",
        "password = 'unset'",
        "print(len(password), password)",
    )
    name = f"tests/secret:{product.folder.name}"
    product.run("containerize", notebook, "--secret", "password", "--to", f"docker:{name}")

    run = product.with_variables(password=value).run(
        "run", name, "--secret", "password", "--output", "runs"
    )

    written = [path.read_text() for path in (product.folder / "runs").rglob("*") if path.is_file()]
    assert len(written) == 5
    assert any(re.search(rf"\b{len(value)} ", text) for text in written)
    assert not any(value in text for text in [*written, run.stdout, run.stderr])
    product.docker("rmi", name)
