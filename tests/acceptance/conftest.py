"""The whole product on real services."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.product import Product

if TYPE_CHECKING:
    from tests.support.registry import RegistryServer
    from tests.support.s3 import S3Server

SALES = Path(__file__).parents[2] / "examples" / "sales"


@pytest.fixture(scope="session")
def team_kernel(
    tmp_path_factory: pytest.TempPathFactory, shared_cache: Path, kernel_image: str
) -> Path:
    """Jupyter's folder with one kernel, `team`, of the image with pandas."""
    made = Product(folder=tmp_path_factory.mktemp("team"), cache=shared_cache)
    made.run("kernel", "add", "team", "--image", kernel_image)
    return made.folder / "jupyter"


@pytest.fixture
def product(tmp_path: Path, shared_cache: Path, team_kernel: Path) -> Product:
    """A product with the kernel `team`."""
    shutil.copytree(team_kernel, tmp_path / "jupyter")
    return Product(folder=tmp_path, cache=shared_cache)


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    """A copy of the example notebook, with its data."""
    folder = tmp_path / "sales"
    shutil.copytree(SALES, folder)
    return folder / "report.ipynb"


def sign_in(product: Product, registry: RegistryServer) -> Product:
    """Return the product with the registry's password in Docker's configuration, and its CA."""
    secret = base64.b64encode(f"{registry.username}:{registry.password}".encode()).decode()
    folder = product.folder / ".docker"
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": secret}}}))
    return product.with_variables(KERNEL_CONTAINERS_CA_FILE=str(registry.ca))


def with_s3(product: Product, s3: S3Server) -> Product:
    """Return the product with the store's address and keys, as a user exports them."""
    return product.with_variables(
        AWS_ENDPOINT_URL_S3=s3.endpoint,
        AWS_ACCESS_KEY_ID=s3.access_key,
        AWS_SECRET_ACCESS_KEY=s3.secret_key,
        AWS_DEFAULT_REGION="us-east-1",
    )
