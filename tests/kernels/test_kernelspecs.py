from __future__ import annotations

import json
import sys
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from kernel_containers.errors import CannotWrite, InvalidInput, NotFound, Refused
from kernel_containers.kernels import kernelspecs
from kernel_containers.kernels.config import PROVISIONER, KernelConfig
from kernel_containers.kernels.provisioner import ContainerProvisioner

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = KernelConfig(image="team/env:1")


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's Jupyter folder, empty."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.delenv("JUPYTER_PATH", raising=False)
    return tmp_path / "jupyter" / "kernels"


def _foreign(folder: Path, name: str, text: str = "") -> Path:
    value = {"argv": ["python", "-m", "other", "{connection_file}"], "display_name": name}
    (folder / name).mkdir(parents=True)
    path = folder / name / "kernel.json"
    path.write_text(text or json.dumps({**value, "language": "python", "env": {"A": "1"}}))
    return path


def test_an_installed_kernel_is_one_for_jupyter_too(data_folder: Path) -> None:
    spec = kernelspecs.install("env", CONFIG, display_name="Team", environment={"A": "1"})

    seen = KernelSpecManager().get_kernel_spec("env")
    assert spec.folder == data_folder / "env"
    assert seen.argv == ["python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    assert (seen.display_name, seen.language, seen.interrupt_mode) == ("Team", "python", "message")
    assert seen.env == {"A": "1"}
    assert seen.metadata["debugger"] is True
    assert seen.metadata["supported_encryption"] == ["curve"]
    assert seen.metadata["kernel_provisioner"] == {
        "provisioner_name": "kernel-containers",
        "config": {"image": "team/env:1"},
    }


def test_jupyter_knows_the_provisioner_by_a_name_of_its_own(data_folder: Path) -> None:
    spec = kernelspecs.install("env", CONFIG)
    group = entry_points(group="jupyter_client.kernel_provisioners", name=PROVISIONER)
    elsewhere = _foreign(data_folder, "elsewhere")  # a kernel where this package is not installed
    text = (spec.folder / "kernel.json").read_text()
    elsewhere.write_text(text.replace(PROVISIONER, "of-another-package"))

    assert [found.load() for found in group] == [ContainerProvisioner]
    assert PROVISIONER != "docker-provisioner"  # which is gateway_provisioners'
    assert "env" in KernelSpecManager().get_all_specs()
    assert "elsewhere" not in KernelSpecManager().get_all_specs()


def test_a_kernel_of_a_prefix_starts_its_python() -> None:
    spec = kernelspecs.install("venv", KernelConfig(image="base:1", prefix="/p/.venv"))

    assert spec.argv[0] == "/p/.venv/bin/python"
    assert kernelspecs.find("venv") == spec


def test_a_second_install_takes_the_place_of_the_first(data_folder: Path) -> None:
    kernelspecs.install("env", CONFIG)
    (data_folder / "env" / "leftover").touch()

    kernelspecs.install("Env", KernelConfig(image="team/env:2"))

    assert [spec.config and spec.config.image for spec in kernelspecs.list_kernels()] == [
        "team/env:2"
    ]
    assert [path.name for path in data_folder.iterdir()] == ["env"]
    assert not (data_folder / "env" / "leftover").exists()


def test_a_kernel_of_somebody_else_is_neither_replaced_nor_removed(data_folder: Path) -> None:
    path = _foreign(data_folder, "other")
    before = path.read_bytes()

    with pytest.raises(Refused, match="another kernel"):
        kernelspecs.install("other", CONFIG)
    with pytest.raises(Refused, match="not made by this program"):
        kernelspecs.remove("other")

    assert path.read_bytes() == before


def test_a_name_is_the_same_in_capital_letters(data_folder: Path) -> None:
    _foreign(data_folder, "Theirs", '{"argv": ["x"], "display_name": "T", "language": "x"}')

    with pytest.raises(Refused, match="another kernel named 'theirs'"):
        kernelspecs.install("THEIRS", CONFIG)


def test_a_kernel_that_jupyter_would_not_take_is_refused(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "first"))
    hides = _foreign(tmp_path / "first/kernels", "Env").parent

    with pytest.raises(Refused, match="would take the kernel 'env' in") as caught:
        kernelspecs.install("env", CONFIG)
    kernelspecs.install("another", CONFIG)

    assert str(hides) in str(caught.value)
    assert [path.name for path in data_folder.iterdir()] == ["another"]


def test_an_environment_can_have_its_own_kernels(tmp_path: Path) -> None:
    spec = kernelspecs.install("env", CONFIG, prefix=str(tmp_path / "env"))

    assert spec.folder == tmp_path / "env" / "share" / "jupyter" / "kernels" / "env"


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ä"])
def test_a_name_that_jupyter_does_not_allow_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="not a kernel's name"):
        kernelspecs.install(name, CONFIG)


def test_a_folder_that_cannot_be_written_is_told(data_folder: Path) -> None:
    data_folder.parent.mkdir(parents=True)
    data_folder.write_text("a file is in the way")

    with pytest.raises(CannotWrite, match="can't be written"):
        kernelspecs.install("env", CONFIG)


def test_a_kernel_of_this_machine_is_found_with_the_program_that_jupyter_starts(
    data_folder: Path,
) -> None:
    _foreign(data_folder, "other")

    spec = kernelspecs.find("Other")

    assert spec.argv == (sys.executable, "-m", "other", "{connection_file}")
    assert (spec.language, spec.environment, spec.config) == ("python", {"A": "1"}, None)
    assert spec not in kernelspecs.list_kernels()


def test_jupyters_own_python_is_found() -> None:
    spec = kernelspecs.find("python3")

    assert spec.argv[0] == sys.executable
    assert (spec.language, spec.config) == ("python", None)


def test_a_name_that_nobody_has_is_answered_with_near_ones() -> None:
    kernelspecs.install("pandas-env", CONFIG)

    with pytest.raises(NotFound, match="no kernel named 'panda-env'") as caught:
        kernelspecs.find("panda-env")

    assert "pandas-env" in str(caught.value)


def test_a_removed_kernel_is_gone(data_folder: Path) -> None:
    kernelspecs.install("env", CONFIG)

    removed = kernelspecs.remove("env")

    assert removed.name == "env"
    assert kernelspecs.list_kernels() == ()
    assert list(data_folder.iterdir()) == []
    with pytest.raises(NotFound):
        kernelspecs.remove("env")


def test_a_broken_kernel_of_ours_is_listed_with_its_problem_and_can_be_removed(
    data_folder: Path,
) -> None:
    kernelspecs.install("env", CONFIG)
    path = data_folder / "env" / "kernel.json"
    path.write_text(path.read_text().replace('"image"', '"imag"'))

    (spec,) = kernelspecs.list_kernels()

    assert "unknown key 'imag'" in (spec.problem or "")
    with pytest.raises(InvalidInput, match="can't be used"):
        kernelspecs.find("env")
    kernelspecs.remove("env")
    assert kernelspecs.list_kernels() == ()


@pytest.mark.parametrize(
    "text",
    ["{", "[" * 100_000, "[]", "{}", '{"argv": [1]}', '{"argv": ["a"], "env": [1]}'],
    ids=["cut", "deep", "list", "empty", "argv", "env"],
)
def test_a_kernel_json_that_makes_no_sense_does_not_hide_the_others(
    data_folder: Path, text: str
) -> None:
    _foreign(data_folder, "broken", text)
    kernelspecs.install("env", CONFIG)

    assert [spec.name for spec in kernelspecs.list_kernels()] == ["env"]
    with pytest.raises(InvalidInput, match="broken"):
        kernelspecs.find("broken")
