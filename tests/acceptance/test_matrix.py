"""Notebooks give the same in their image as here, whatever their environment is made of."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.product import DOCKER, Product, install_kernel, write_notebook
from tests.support.environments import copy_packages, make_kernel_venv
from tests.support.prefixes import make_conda_prefix, relocate_python

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SYSTEM_PYTHON = f"/usr/bin/python3.{sys.version_info[1]}"
OF_THE_SYSTEM = pytest.mark.skipif(
    not Path(SYSTEM_PYTHON).exists(), reason="this system's Python is of another version"
)
IN_A_PREFIX = pytest.mark.skipif(
    sys.base_prefix == "/usr", reason="this Python can't be copied into a prefix"
)
OTHERS = {"/usr"} - {sys.base_prefix} if Path(SYSTEM_PYTHON).exists() else set()
BASES = [sys.base_prefix, *OTHERS]
# What a build can lack: each of these modules is linked with a library of the system.
INTERPRETER = """\
import bz2, ctypes, hashlib, json, lzma, readline, sqlite3, ssl, sys, uuid, zlib
import decimal, multiprocessing, os, zoneinfo
data = b"matrix" * 1000
print(sys.version_info[:2], sys.executable, sys.prefix, os.getcwd())
print(sqlite3.connect(":memory:").execute("select sqrt(2)").fetchone())
print(len(zlib.compress(data)), len(bz2.compress(data)), len(lzma.compress(data)))
print(uuid.uuid5(uuid.NAMESPACE_DNS, "matrix"), ssl.create_default_context().verify_mode)
print(zoneinfo.ZoneInfo("Europe/Vienna"), ctypes.CDLL(None).abs(-3))
hashlib.sha256(data).hexdigest(), hashlib.new("blake2b", data).hexdigest()[:8]"""
CHILD = """\
import subprocess
subprocess.run([sys.executable, "-c", "import ipykernel, sys; print(sys.prefix)"],
               check=True, capture_output=True, text=True).stdout"""
NUMBERS = """\
import numpy, pandas
matrix = numpy.arange(9.0).reshape(3, 3) + numpy.eye(3)
print(numpy.__version__, numpy.linalg.svd(matrix)[1].round(9).tolist())
pandas.DataFrame(matrix, columns=list("abc")).describe()"""

LEARNED = """\
import matplotlib.pyplot as plt, pandas
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
data = load_iris()
model = LogisticRegression(max_iter=500, random_state=0).fit(data.data, data.target)
figure, axes = plt.subplots()
axes.hist(data.data[:, 0])
print(round(model.score(data.data, data.target), 6), figure.canvas.get_width_height())
pandas.DataFrame(model.coef_).round(4)"""
TRAINED = """\
import torch
torch.manual_seed(0)
layer = torch.nn.Linear(4, 2)
x = torch.arange(8.0).reshape(2, 4)
layer(x).sum().backward()
print(torch.__version__, layer.weight.grad.tolist(), torch.linalg.svdvals(x).round(decimals=4))"""


@pytest.fixture
def product(tmp_path: Path, shared_cache: Path) -> Iterator[Product]:
    """A product without a kernel; the images of the test are removed."""
    product = Product(folder=tmp_path, cache=shared_cache)
    yield product
    made = product.docker("images", "-q", f"tests/matrix-{tmp_path.name}").split()
    if made:
        product.docker("rmi", "-f", *made)


def results(notebook: Path) -> list[list[Any]]:
    """Return what the code cells of a notebook gave."""
    cells = json.loads(notebook.read_text())["cells"]
    return [_given(cell["outputs"]) for cell in cells if cell["cell_type"] == "code"]


def _given(outputs: Sequence[Mapping[str, Any]]) -> list[Any]:
    # A stream may come in any number of parts.
    said = "".join("".join(output.get("text", "")) for output in outputs)
    return [said, *(output["data"] for output in outputs if "data" in output)]


def here(product: Product, notebook: Path) -> list[list[Any]]:
    """Run a notebook on this machine and return what it gave."""
    copy = notebook.with_name("here.ipynb")
    shutil.copy(notebook, copy)
    command = [sys.executable, "-m", "jupyter", "execute", "--inplace", copy]
    done = subprocess.run(
        command, env=product.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return results(copy)


def in_the_image(product: Product, notebook: Path, *options: str) -> list[list[Any]]:
    """Make the notebook's image, run it with docker alone, and return what it gave."""
    name = f"tests/matrix-{product.folder.name}:1"
    product.run("containerize", notebook, "--to", f"docker:{name}", *options)
    out = product.folder / "out"
    out.mkdir()
    out.chmod(0o777)  # the image's user is not this one
    done = subprocess.run(
        [DOCKER, "run", "--rm", "--network=none", f"--volume={out}:/out", name, "--output", "/out"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (ran,) = out.rglob("notebook.ipynb")
    return results(ran)


def write(product: Product, *cells: str) -> Path:
    """Write a notebook into a folder of its own."""
    folder = product.folder / "work"
    folder.mkdir()
    return write_notebook(folder / "matrix.ipynb", *cells, kernel="local")


@pytest.mark.full
@OF_THE_SYSTEM
def test_a_venv_on_the_systems_python_with_compiled_packages(product: Product) -> None:
    prefix = make_kernel_venv(product.folder / "venv", "pandas", python=SYSTEM_PYTHON)
    install_kernel(product, prefix / "bin/python")
    notebook = write(product, INTERPRETER, CHILD, NUMBERS)

    assert in_the_image(product, notebook) == here(product, notebook)


@pytest.mark.full
@pytest.mark.parametrize("source", BASES)
def test_a_venv_on_an_interpreter_in_its_own_prefix(product: Product, source: str) -> None:
    base = relocate_python(product.folder / "versions" / "3", Path(source))
    prefix = make_kernel_venv(product.folder / "venv", python=str(base))
    install_kernel(product, prefix / "bin/python")
    notebook = write(product, INTERPRETER, CHILD)

    assert in_the_image(product, notebook) == here(product, notebook)


@IN_A_PREFIX
def test_a_conda_prefix_with_libraries_of_its_own(product: Product) -> None:
    python = make_conda_prefix(product.folder / "miniforge3")
    install_kernel(product, python)
    libraries = "[line.split()[-1] for line in open('/proc/self/maps') if 'libsqlite3' in line][:1]"
    notebook = write(product, INTERPRETER, CHILD, libraries)

    found = in_the_image(product, notebook)

    assert found == here(product, notebook)
    assert str(product.folder) in str(found[2])


@pytest.mark.full
@OF_THE_SYSTEM
def test_the_systems_python_with_a_users_packages_and_an_editable_one(product: Product) -> None:
    version = f"python3.{sys.version_info[1]}"
    packages = product.folder / ".local" / "lib" / version / "site-packages"
    packages.mkdir(parents=True)
    copy_packages(["ipykernel", "numpy"], packages)
    source = product.folder / "projects" / "src"
    write_package(source / "mine", "value = 42")
    (packages / "mine.pth").write_text(f"{source}\n")
    install_kernel(product, SYSTEM_PYTHON)
    notebook = write(product, INTERPRETER, CHILD, "import mine, numpy; mine.value, numpy.__file__")

    assert in_the_image(product, notebook) == here(product, notebook)


@pytest.mark.full
@OF_THE_SYSTEM
def test_editable_installs_and_folders_on_the_kernels_path(product: Product) -> None:
    prefix = make_kernel_venv(product.folder / "venv", python=SYSTEM_PYTHON)
    (packages,) = prefix.glob("lib/python3*/site-packages")
    projects = product.folder / "projects"
    write_package(projects / "by_path" / "bypath", "from bypath.deep import value")
    (projects / "by_path" / "bypath" / "deep.py").write_text("value = 'by path'\n")
    (packages / "__editable__.bypath-1.pth").write_text(f"{projects / 'by_path'}\n")
    write_package(projects / "mapped" / "lib" / "mapped", "value = 'by mapping'")
    write_finder(packages, {"mapped": str(projects / "mapped" / "lib" / "mapped")})
    write_package(projects / "named" / "onpath", "value = 'by PYTHONPATH'")
    target = projects / "target"
    write_package(target / "installed", "import importlib.metadata as m; value = m.version('x')")
    (target / "x-7.dist-info").mkdir()
    (target / "x-7.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: x\nVersion: 7")
    with zipfile.ZipFile(projects / "zipped.zip", "w") as archive:
        archive.writestr("zipped/__init__.py", "value = 'in an archive'")
    with zipfile.ZipFile(packages / "egg-1.egg", "w") as archive:
        archive.writestr("hatched.py", "value = 'in an egg'")
    (packages / "easy-install.pth").write_text("./egg-1.egg\n")
    path = [projects / "named", target, projects / "zipped.zip"]
    install_kernel(product, prefix / "bin/python", PYTHONPATH=":".join(map(str, path)))
    notebook = write(
        product,
        "import bypath, mapped, onpath, installed, zipped, hatched",
        "bypath.value, mapped.value, onpath.value, installed.value, zipped.value, hatched.value",
        "mapped.__file__, onpath.__file__",
    )

    assert in_the_image(product, notebook) == here(product, notebook)


@pytest.mark.full
@pytest.mark.timeout(1800)  # a gigabyte is installed, and written to the engine's disk
@OF_THE_SYSTEM
@pytest.mark.parametrize(
    ("packages", "cell"),
    [
        (("numpy", "pandas", "scikit-learn", "matplotlib"), LEARNED),
        (("numpy", "torch==2.13.0"), TRAINED),
    ],
    ids=["scikit-learn", "torch"],
)
def test_large_compiled_packages(product: Product, packages: tuple[str, ...], cell: str) -> None:
    product = replace(product, patience=900.0)
    prefix = product.folder / "venv"
    subprocess.run([SYSTEM_PYTHON, "-m", "venv", prefix], check=True)
    subprocess.run([prefix / "bin/pip", "install", "-q", "ipykernel", *packages], check=True)
    install_kernel(product, prefix / "bin/python")
    notebook = write(product, f"import sys\n{CHILD}", cell)

    assert in_the_image(product, notebook) == here(product, notebook)


def write_package(folder: Path, text: str) -> None:
    """Write a package of one module."""
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(f"{text}\n")


def write_finder(packages: Path, mapping: Mapping[str, str]) -> None:
    """Write what setuptools writes for an editable install that maps names to folders."""
    (packages / "__editable___mapped_1_finder.py").write_text(
        "import importlib.util, sys\n"
        f"MAPPING: dict[str, str] = {mapping!r}\n"
        "class Finder:\n"
        "    @classmethod\n"
        "    def find_spec(cls, name, path=None, target=None):\n"
        "        if name in MAPPING:\n"
        "            file = MAPPING[name] + '/__init__.py'\n"
        "            return importlib.util.spec_from_file_location(name, file)\n"
        "def install(): sys.meta_path.append(Finder)\n"
    )
    line = "import __editable___mapped_1_finder; __editable___mapped_1_finder.install()"
    (packages / "__editable__.mapped-1.pth").write_text(line)
