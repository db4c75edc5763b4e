"""One image for all schedulers, in a registry, from which their files pull it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.conftest import with_s3
from tests.acceptance.product import Product, write_notebook
from tests.schedulers.examples import TOKEN, Site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.registry import RegistryServer
    from tests.support.s3 import S3Server

NOTEBOOK = (
    "region = 'south'  # one of north, south, east, west\n"
    "weeks = 26\nsource = 'orders.csv'\ntoken = ''",
    f"assert token == {TOKEN[::-1]!r}[::-1]\nprint(region, weeks, source)",
    "import sys, time\nif region.isdigit():\n    sys.exit(int(region))",
    "if region == 'wait':\n    print('waiting', flush=True)\n    time.sleep(600)",
)


@pytest.fixture(scope="session")
def image(
    kernel_image: str, shared_cache: Path, registry: RegistryServer
) -> Iterator[tuple[Product, str]]:
    """A product, and the reference of an image whose user is not root."""
    # Nobody but root may enter pytest's folders, and the image's user must.
    with tempfile.TemporaryDirectory(prefix="schedulers-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        product = Product(folder=folder, cache=shared_cache)
        product.run("kernel", "add", "team", "--image", kernel_image)
        notebook = write_notebook(folder / "report.ipynb", *NOTEBOOK)
        reference = f"{registry.host}/{folder.name.lower()}/report:1"
        # The engine has it already when it is asked to pull it: that takes a minute otherwise.
        for place in (f"docker:{reference}", reference):
            product.run("containerize", notebook, "--secret", "token", "--to", place)
        yield product, reference
        if product.docker("images", "--quiet", reference):
            product.docker("rmi", "--force", reference)


@pytest.fixture
def site(image: tuple[Product, str], s3: S3Server, bucket: str, tmp_path: Path) -> Site:
    """A site with an empty bucket and its secrets as files."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    keys = f"aws_access_key_id = {s3.access_key}\naws_secret_access_key = {s3.secret_key}\n"
    for file, text in (("token", f"{TOKEN}\n"), ("aws-credentials", f"[default]\n{keys}")):
        (secrets / file).write_text(text)
        (secrets / file).chmod(0o440)
    product, reference = image
    return Site(
        product=with_s3(product, s3), image=reference, s3=s3, bucket=bucket, secrets=secrets
    )
