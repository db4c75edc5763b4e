"""Adding a kernel for each environment that is found."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.cli.main import run
from kernel_containers.engine import images
from kernel_containers.kernels import kernelspecs
from kernel_containers.kernels.config import KernelConfig

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.engine import Engine
    from tests.support.registry import RegistryServer


@pytest.fixture(autouse=True)
def kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Jupyter's folder for kernelspecs, in a home of this test's own."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("KERNEL_CONTAINERS_CACHE", str(tmp_path / "cache"))
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "jupyter" / "kernels"


def _environment(prefix: Path, *, ipykernel: bool = True, conda: bool = False) -> Path:
    packages = prefix / "lib" / "python3.11" / "site-packages"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "python").symlink_to(sys.executable)
    if conda:
        (prefix / "conda-meta").mkdir()
    else:
        (prefix / "pyvenv.cfg").write_text("version = 3.11.7\n")
    (packages / "ipykernel").mkdir(parents=True)
    if ipykernel:
        (packages / "ipykernel" / "__init__.py").touch()
    return prefix


def _all(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, dict[str, Any]]:
    assert run(["kernel", "add", "--all", "--json", *options]) == 0
    return {twin["prefix"]: twin for twin in json.loads(capsys.readouterr().out)}


def test_environments_are_listed_before_anything_is_added(
    tmp_path: Path, kernels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    first = _environment(home / "one" / ".venv")
    second = _environment(home / ".virtualenvs" / "one")
    conda = _environment(home / "miniconda3" / "envs" / "lab", conda=True)
    pyenv = _environment(home / ".pyenv" / "versions" / "3.11.7", ipykernel=False)
    gone = _environment(home / ".venvs" / "old")
    (gone / "bin" / "python").unlink()
    (gone / "bin" / "python").symlink_to("/no/such/python")

    twins = _all(capsys, "--dry-run")

    assert {twins[str(p)]["outcome"] for p in (first, second, conda)} == {"would be added"}
    assert twins[str(conda)]["name"] == "lab-container"
    assert twins[str(conda)]["display_name"] == "Python 3.11 · lab (container)"
    assert twins[str(first)]["name"] != twins[str(second)]["name"]
    assert twins[str(pyenv)]["outcome"] == "skipped"
    assert "has no ipykernel" in twins[str(pyenv)]["why"]
    assert twins[str(gone)]["outcome"] == "skipped"
    assert "make the environment again" in twins[str(gone)]["why"]
    assert not kernels.exists()


def test_what_can_be_added_is_added_once(
    tmp_path: Path, kernels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = _environment(tmp_path / "home" / ".venvs" / "broken")
    (broken / "bin" / "python").unlink()
    (broken / "bin" / "python").write_text("#!/bin/sh\nexit 3\n")
    (broken / "bin" / "python").chmod(0o755)

    first = _all(capsys, "--memory", "2g")
    again = _all(capsys)

    twin = first[sys.prefix]
    written = json.loads((kernels / twin["name"] / "kernel.json").read_text())
    config = written["metadata"]["kernel_provisioner"]["config"]
    assert (twin["outcome"], again[sys.prefix]["outcome"]) == ("added", "there")
    assert written["display_name"].endswith("(container)")
    assert (config["prefix"], config["memory"]) == (sys.prefix, "2g")
    assert (kernels / twin["name"] / "logo-svg.svg").exists()
    assert first[str(broken)]["outcome"] == "skipped"
    assert first[str(broken)]["why"]


def test_all_takes_no_name() -> None:
    assert run(["kernel", "add", "lab", "--all"]) == 64


def test_any_program_of_an_image_can_be_a_kernel(
    base_image: str, kernels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = "echo --slave -e 'IRkernel::main()' --args {connection_file}"
    options = ["--image", base_image, "--language", "R"]

    assert run(["kernel", "add", "r", *options, "--command", start]) == 0
    assert run(["kernel", "add", "s", *options, "--command", "R"]) == 65

    written = json.loads((kernels / "r" / "kernel.json").read_text())
    assert written["argv"] == [
        *("echo", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}")
    ]
    assert written["language"] == "R"
    assert "{connection_file}" in capsys.readouterr().err


def test_a_kernels_image_is_pulled_with_progress(
    registry: RegistryServer,
    engine: Engine,
    base_image: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = f"{registry.host}/pulled/kernel:1"
    engine.api.import_image_from_data(b"\0" * 10240, repository=name.rpartition(":")[0], tag="1")
    for _ in engine.api.push(name, stream=True):
        pass
    (pinned,) = images.inspect(engine, name).repository_digests  # type: ignore[union-attr]
    kernelspecs.install(
        "p",
        KernelConfig.parse({"image": pinned}),
        display_name="P",
        language="p",
        argv=("p", "{connection_file}"),
        environment={},
    )
    images.remove(engine, name)
    images.remove(engine, pinned)
    assert images.inspect(engine, name) is None
    capsys.readouterr()

    assert run(["kernel", "pull", "p"]) == 0
    assert "pull: " in capsys.readouterr().err
    assert images.inspect(engine, pinned) is not None
    images.remove(engine, pinned)
    assert run(["kernel", "pull", "python3"]) == 65
