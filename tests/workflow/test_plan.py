"""What a plan takes over from an environment of this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.progress import silent
from kernel_containers.core.reference import ToEngine
from kernel_containers.errors import InvalidInput
from kernel_containers.kernels import kernelspecs
from kernel_containers.kernels.config import KernelConfig
from kernel_containers.workflow.images.plan import ContainerizeRequest, make_plan
from kernel_containers.workflow.settings import read_settings
from tests.acceptance.product import write_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_containers.engine import Engine
    from kernel_containers.workflow.images.plan import Plan


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A venv with nothing but ipykernel, which is never started here."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for name in ("ipykernel", "ipykernel_launcher.py"):
        source = next(Path(path) / name for path in sys.path if (Path(path) / name).exists())
        target = packages / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    (packages / "ipykernel-7.0.dist-info").mkdir()
    (packages / "ipykernel-7.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: ipykernel\nVersion: 7.0\n"
    )
    return folder


@pytest.fixture
def shared_memory() -> Iterator[Path]:
    """A folder below /dev."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        yield Path(name)


@pytest.fixture
def kernel(
    tmp_path: Path, prefix: Path, shared_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """An ordinary kernelspec of that venv, with variables of which one is secret."""
    folder = tmp_path / "jupyter" / "kernels" / "local"
    folder.mkdir(parents=True)
    spec = {
        "argv": [f"{prefix}/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Local",
        "language": "python",
        "env": {"API_TOKEN": "x", "OMP_NUM_THREADS": "2"},
    }
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("KERNEL_CONTAINERS_CACHE", str(shared_cache))
    return "local"


def plan_of(engine: Engine, notebook: Path, kernel: str, base: str) -> Plan:
    request = ContainerizeRequest(notebook=notebook, kernel=kernel, base=base)
    return make_plan(request, engine, read_settings(), silent)


def test_a_local_kernel_is_planned_with_its_interpreter_below_its_packages(
    engine: Engine, base_image: str, kernel: str, tmp_path: Path, prefix: Path
) -> None:
    notebook = write_notebook(tmp_path / "My Report.ipynb", "#md # Title\n\nWhat it says.", "x = 1")

    plan = plan_of(engine, notebook, kernel, base_image)

    snapshot = plan.snapshot
    assert [item.name for item in snapshot.file_sets][-2:] == ["environment", "notebook"]
    assert (snapshot.title, snapshot.description) == ("Title", "What it says.")
    assert snapshot.contract.kernel.argv[0].startswith(str(prefix))
    assert isinstance(plan.destination, ToEngine)
    assert str(plan.destination) == "docker:my-report:latest"
    assert snapshot.contract.kernel.environment == {"OMP_NUM_THREADS": "2"}
    assert "$API_TOKEN" in [item.path for item in snapshot.exclusions]
    assert dict(snapshot.variables)["PATH"].startswith(f"{prefix}/bin:")


def test_a_folder_that_only_root_enters_makes_the_image_run_as_root_and_says_so(
    engine: Engine, base_image: str, kernel: str
) -> None:
    folder = Path("/root") / f".kernel-containers-test-{os.getpid()}"
    folder.mkdir()
    try:
        notebook = write_notebook(folder / "n.ipynb", "x = 1")

        plan = plan_of(engine, notebook, kernel, base_image)
    finally:
        shutil.rmtree(folder)

    assert plan.snapshot.user == "0:0"
    assert "/root" in plan.snapshot.user_reason


def test_modules_that_only_root_can_reach_make_the_image_run_as_root(
    engine: Engine, base_image: str, kernel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path("/root") / f".kernel-containers-test-{os.getpid()}"
    folder.mkdir()
    try:
        (folder / "mine.py").write_text("value = 42\n")
        monkeypatch.setenv("PYTHONPATH", str(folder))
        notebook = write_notebook(tmp_path / "n.ipynb", "import mine")

        plan = plan_of(engine, notebook, kernel, base_image)
    finally:
        shutil.rmtree(folder)

    assert plan.snapshot.user == "0:0"
    assert dict(plan.snapshot.variables)["PYTHONPATH"] == str(folder)


def test_an_images_kernel_keeps_its_folders_of_modules(
    engine: Engine, kernel_image: str, kernel: str, tmp_path: Path
) -> None:
    del kernel  # its variables say where kernelspecs are
    kernelspecs.install(
        "imaged",
        KernelConfig.parse({"image": kernel_image}),
        display_name="Imaged",
        language="python",
        argv=("python", "-m", "ipykernel_launcher", "-f", "{connection_file}"),
        environment={"PYTHONPATH": "/srv/one:/srv/two", "OTHER": "x"},
    )
    request = ContainerizeRequest(
        notebook=write_notebook(tmp_path / "n.ipynb", "x = 1"), kernel="imaged"
    )

    snapshot = make_plan(request, engine, read_settings(), silent).snapshot

    assert dict(snapshot.variables)["PYTHONPATH"] == "/srv/one:/srv/two"
    assert [item.path for item in snapshot.exclusions] == ["$OTHER"]


def test_modules_that_the_environment_lacks_are_warned_of(
    engine: Engine, base_image: str, kernel: str, tmp_path: Path
) -> None:
    (tmp_path / "beside.py").write_text("x = 1")
    imports = "import beside, json, ipykernel, lacking\nfrom kernel_containers import scrap"
    notebook = write_notebook(tmp_path / "n.ipynb", imports, "import absent.part")

    (warning,) = plan_of(engine, notebook, kernel, base_image).snapshot.warnings

    assert (warning.rule, warning.subject) == ("missing-module", "absent, lacking")
    assert "does not have: absent, lacking. Install them" in warning.message


def test_a_notebook_in_another_language_than_its_kernels_is_warned_of(
    engine: Engine, base_image: str, kernel: str, tmp_path: Path
) -> None:
    own = write_notebook(tmp_path / "python.ipynb", "x = 1")
    other = write_notebook(tmp_path / "r.ipynb", "x <- 1")
    data = json.loads(other.read_text())
    data["metadata"] = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}
    other.write_text(json.dumps(data))

    language, *_ = plan_of(engine, other, kernel, base_image).snapshot.warnings

    assert (language.rule, language.subject) == ("language", "r")
    assert "written in r, and the kernel local runs python" in language.message
    assert plan_of(engine, own, kernel, base_image).snapshot.warnings == ()


@pytest.mark.usefixtures("kernel")
def test_what_a_container_would_not_see_is_refused(
    engine: Engine, tmp_path: Path, shared_memory: Path
) -> None:
    data = shared_memory / "data.csv"
    data.write_text("1")
    here = write_notebook(tmp_path / "n.ipynb", "x = 1", kernel="local")
    there = write_notebook(shared_memory / "n.ipynb", "x = 1", kernel="local")

    for notebook, includes in ((there, ()), (here, (data,))):
        request = ContainerizeRequest(notebook=notebook, includes=includes)
        with pytest.raises(InvalidInput, match=f"{shared_memory}") as refused:
            make_plan(request, engine, read_settings(), silent)
        assert "/dev of its own" in (refused.value.why or "")


def test_a_notebook_whose_path_is_no_text_is_refused(engine: Engine, tmp_path: Path) -> None:
    notebook = tmp_path / os.fsdecode(b"caf\xe9.ipynb")

    with pytest.raises(InvalidInput, match="UTF-8"):
        plan_of(engine, notebook, "local", "none")
