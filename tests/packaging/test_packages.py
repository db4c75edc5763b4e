"""Wheels and source distributions carry everything, and install without Node.js."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout's files with the compiled front end, so that nothing is built here."""
    folder = tmp_path_factory.mktemp("checkout")
    if not (ROOT / "kernel_containers" / "labextension" / "package.json").exists():
        pytest.fail("the front end is not compiled; scripts/test does that")
    kept = ("kernel_containers", "kernelspecs", "labextension")
    ignored = shutil.ignore_patterns("node_modules", "lib", ".yarn", "__pycache__")
    for name in kept:
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy2(path, folder)
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of a machine without Node.js: nothing but this environment's own programs."""
    programs = tmp_path_factory.mktemp("programs")
    for name in ("python", "jlpm"):
        (programs / name).symlink_to(Path(sys.executable).parent / name)
    return {**os.environ, "PATH": str(programs)}


def build(kind: str, source: Path, environment: dict[str, str]) -> Path:
    """Return the package that `build --no-isolation` makes of a folder."""
    output = source / "dist"
    options = ["--no-isolation", f"--{kind}", "--outdir", str(output)]
    done = subprocess.run(
        [sys.executable, "-m", "build", *options, str(source)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (package,) = output.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return package


@pytest.fixture(scope="module")
def sdist(checkout: Path, environment: dict[str, str]) -> Path:
    return build("sdist", checkout, environment)


@pytest.fixture(scope="module")
def wheel(
    sdist: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The wheel that an installation makes of the source distribution."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    return build("wheel", source, environment)


def test_a_wheel_holds_the_front_end_once(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    entries = [PurePosixPath(name).name for name in names if "remoteEntry." in name]
    manifest = next(name for name in names if name.endswith("kernel-containers/package.json"))
    loaded = json.loads(zipfile.ZipFile(wheel).read(manifest))["jupyterlab"]["_build"]["load"]

    assert entries == [PurePosixPath(loaded).name]
    assert any(name.endswith("schemas/kernel-containers/plugin.json") for name in names)


def test_a_wheel_describes_itself_to_an_index(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = message_from_bytes(archive.read(name))

    description = str(metadata.get_payload())
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "# kernel_containers" in description
    assert re.findall(r"\]\((?!https?:)", description) == []


def test_an_installed_wheel_is_found_by_jupyter(
    wheel: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    options = ["--no-deps", "--no-index", "--quiet", "--ignore-installed", f"--prefix={tmp_path}"]

    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, str(wheel)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    share = tmp_path / "share" / "jupyter"
    config = tmp_path / "etc/jupyter/jupyter_server_config.d/kernel_containers.json"
    assert json.loads(config.read_text())["ServerApp"]["jpserver_extensions"] == {
        "kernel_containers": True
    }
    assert {path.name for path in (share / "labextensions/kernel-containers").iterdir()} >= {
        "install.json",
        "package.json",
        "static",
        "schemas",
    }
    assert (tmp_path / "bin" / "kernel-containers").exists()


def test_a_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    apart = ("labextension", "etc")  # elsewhere, as data files
    files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "kernel_containers").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".md"
    }
    expected = {name for name in files if name.split("/")[1] not in apart}

    assert expected - names == set()


def test_a_checkout_without_node_installs_without_the_front_end(
    checkout: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    source = tmp_path / "checkout"
    shutil.copytree(checkout, source, ignore=shutil.ignore_patterns("dist", "*.egg-info"))
    shutil.rmtree(source / "kernel_containers" / "labextension")

    package = build("wheel", source, environment)

    names = zipfile.ZipFile(package).namelist()
    assert not any("labextensions" in name for name in names)
    assert "kernel_containers/core/digest.py" in names


def test_a_source_distribution_is_refused_without_its_front_end(
    checkout: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    source = tmp_path / "checkout"
    shutil.copytree(checkout, source, ignore=shutil.ignore_patterns("dist", "*.egg-info"))
    shutil.rmtree(source / "kernel_containers" / "labextension")

    done = subprocess.run(
        [sys.executable, "setup.py", "sdist"],
        cwd=source,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "Node.js is not installed" in done.stderr
