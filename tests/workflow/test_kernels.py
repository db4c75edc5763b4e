"""Adding kernels, and what doctor and clean say about them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kernel_containers.cli.main import run
from kernel_containers.core.containers import ContainerSpec
from kernel_containers.core.snapshot import Interpreter
from kernel_containers.engine import containers
from kernel_containers.errors import InvalidInput
from kernel_containers.workflow.kernels.add_kernel import module_folders, prefix_mounts
from kernel_containers.workflow.kernels.kernel_check import check_version
from tests.support.interpreters import DEBIAN_12

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.engine import Engine


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("KERNEL_CONTAINERS_CACHE", str(tmp_path / "cache"))


def spec_of(tmp_path: Path, name: str) -> dict[str, object]:
    return json.loads((tmp_path / "jupyter" / "kernels" / name / "kernel.json").read_text())


def test_a_kernel_of_an_image_is_added_listed_and_removed(
    kernel_image: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--memory", "2g", "--cpus", "1.5", "--env", "A=b", "--mount", f"{tmp_path}:/data:ro"]

    assert run(["kernel", "add", "team", "--image", kernel_image, *options]) == 0

    spec = spec_of(tmp_path, "team")
    config = spec["metadata"]["kernel_provisioner"]["config"]
    assert spec["argv"][0] == "/opt/venv/bin/python"
    assert spec["env"] == {"A": "b"}
    assert (config["image"], config["memory"], config["cpus"]) == (kernel_image, "2g", 1.5)
    capsys.readouterr()
    assert run(["kernel", "list"]) == 0
    assert "team" in capsys.readouterr().out
    assert run(["kernel", "remove", "team"]) == 0
    assert not (tmp_path / "jupyter" / "kernels" / "team").exists()


def test_a_misspelt_size_installs_nothing(kernel_image: str, tmp_path: Path) -> None:
    assert run(["kernel", "add", "team", "--image", kernel_image, "--memory", "2x"]) == 65

    assert not (tmp_path / "jupyter" / "kernels").exists()


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--network", "no-such-network"], 66, "no-such-network"),
        (["--cpus", "4000"], 65, "(?s)CPUs.*lower `cpus`"),
        (["--memory", "7m"], 65, "memory|exit code|exec"),
        (["--mount", "/no/such/folder"], 66, "/no/such/folder"),
        (["--tmpfs", "/data:no-such-option"], 69, "(?s)no-such-option.*correct `tmpfs`"),
        (["--user", "4711"], 0, ""),
    ],
    ids=["network", "cpus", "memory", "mount", "tmpfs", "possible"],
)
def test_a_kernel_that_can_not_start_so_is_not_installed(  # noqa: PLR0917
    kernel_image: str,
    tmp_path: Path,
    options: list[str],
    code: int,
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["kernel", "add", "team", "--image", kernel_image, *options]) == code

    assert re.search(words, capsys.readouterr().err)
    assert (tmp_path / "jupyter" / "kernels" / "team").exists() == (code == 0)


def test_a_command_that_the_image_lacks_is_no_kernel(kernel_image: str, tmp_path: Path) -> None:
    command = ["--command", "no-such-program {connection_file}"]

    assert run(["kernel", "add", "team", "--image", kernel_image, *command]) in {65, 66}

    assert not (tmp_path / "jupyter" / "kernels").exists()


def test_a_folder_that_is_no_environment_is_not_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["kernel", "add", "x", "--prefix", str(tmp_path)]) == 66

    assert "not a Python environment" in capsys.readouterr().err


def test_doctor_finds_the_engine_and_names_a_registry_that_is_gone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = run(["doctor", "--registry", "127.0.0.1:1", "--json"])

    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)}
    assert code == 69
    assert checks["Docker Engine"]["status"] == "ok"
    assert checks["registry 127.0.0.1:1"]["status"] == "problem"
    assert all(check["todo"] for check in checks.values() if check["status"] == "problem")


def test_clean_removes_ended_runs_and_leaves_what_is_in_use(
    engine: Engine, base_image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = {"io.kernel-containers": "run", "io.kernel-containers.run-id": "clean-test"}
    ids = [
        containers.create(
            engine,
            ContainerSpec(image=base_image, command=command, labels=labels, network="none"),
        )
        for command in (("true",), ("sleep", "60"))
    ]
    for container in ids:
        containers.start(engine, container)
    containers.wait(engine, ids[0])
    try:
        assert run(["clean", "--dry-run", "--json"]) == 0
        planned = json.loads(capsys.readouterr().out)["containers"]
        assert run(["clean", "--json"]) == 0

        left = {found.id for found in containers.find(engine, labels)}
        assert len(planned) >= 1
        assert left == {ids[1]}
    finally:
        for container in ids:
            containers.remove(engine, container)


def test_modules_elsewhere_bring_their_folder_but_never_the_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    package = home / "src" / "package"
    package.mkdir(parents=True)
    for file in ("home/src/package/a.py", "home/src/module.py", "home/loose.py"):
        (tmp_path / file).touch()
    told: list[str] = []

    found = module_folders(
        [str(package / "a.py"), str(package), str(package.parent / "module.py"), str(home)],
        home,
        lambda progress: told.append(progress.message),
    )
    none = module_folders([str(home / "loose.py")], home, lambda _: None)

    assert (found, none) == ([str(package.parent)], [])
    assert len(told) == 1
    assert str(home) in told[0]


def test_all_folders_that_links_to_the_interpreter_lead_through_are_mounted(tmp_path: Path) -> None:
    real = tmp_path / "cpython-3.11.7" / "bin" / "python3.11"
    real.parent.mkdir(parents=True)
    real.touch()
    (tmp_path / "cpython-3.11").symlink_to("cpython-3.11.7")
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(tmp_path / "cpython-3.11" / "bin" / "python3.11")
    interpreter = Interpreter(
        executable=str(venv / "bin" / "python"),
        version=(3, 11, 7),
        implementation="cpython",
        machine="x86_64",
        prefix=str(venv),
        base_prefix=str(tmp_path / "cpython-3.11.7"),
        libc=("glibc", "2.36"),
        kernel_version="7.0",
    )

    mounts = prefix_mounts(interpreter)

    assert [mount.target for mount in mounts] == [
        str(venv),
        str(tmp_path / "cpython-3.11.7"),
        str(tmp_path / "cpython-3.11"),
    ]
    assert all(mount.read_only for mount in mounts)


def test_a_python_that_is_too_old_for_kernels_is_refused() -> None:
    check_version(replace(DEBIAN_12, version=(3, 8, 0)), "/p")

    with pytest.raises(InvalidInput, match=r"/p has Python 3\.7\.16, which is too old"):
        check_version(replace(DEBIAN_12, version=(3, 7, 16)), "/p")
