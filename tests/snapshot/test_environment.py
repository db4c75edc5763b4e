"""Which files of an environment become layers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core import labels
from kernel_containers.core.containers import ContainerSpec
from kernel_containers.core.snapshot import Environment, FileKind, FileSet, Interpreter
from kernel_containers.engine import containers
from kernel_containers.errors import InvalidInput, Refused
from kernel_containers.snapshot.environment import local_environment
from kernel_containers.snapshot.fingerprint import fingerprint
from kernel_containers.snapshot.interpreter import inspect_local
from tests.snapshot.environments import archive, make_python, make_venv, packages_of

if TYPE_CHECKING:
    from kernel_containers.engine import Engine


def names(file_set: FileSet, root: Path) -> set[str]:
    """Return the files and links of a set, relative to a folder."""
    return {
        os.path.relpath(entry.target, root)
        for entry in file_set.entries
        if entry.kind is not FileKind.FOLDER
    }


def sets_of(environment: Environment) -> dict[str, FileSet]:
    return {file_set.name: file_set for file_set in environment.file_sets}


def in_venv(base: Interpreter, prefix: Path, *more: str) -> Interpreter:
    """Describe a venv on a base interpreter, and make it."""
    packages = prefix / "lib/python3.11/site-packages"
    packages.mkdir(parents=True)
    (packages / "mod.py").write_text("x = 1")
    (prefix / "bin").mkdir()
    (prefix / "bin/python").symlink_to(base.executable)
    (prefix / "pyvenv.cfg").write_text(f"home = {base.base_prefix}/bin")
    return replace(
        base,
        executable=str(prefix / "bin/python"),
        prefix=str(prefix),
        path=(*base.path[:2], str(packages), *more),
    )


def test_a_venv_stands_on_its_base_interpreter_without_the_packages_of_that(
    tmp_path: Path,
) -> None:
    base, venv = tmp_path / "base", tmp_path / "venv"

    environment, left_out = local_environment(in_venv(make_python(base), venv))

    found = sets_of(environment)
    assert environment.kind == "venv"
    assert list(found) == ["interpreter", "environment"]
    assert names(found["interpreter"], base) == {
        "bin/python",
        "bin/python3",
        "bin/python3.11",
        "lib/libpython3.11.so.1.0",
        "lib/python3.11/os.py",
        "lib/python3.11/json/__init__.py",
        "lib/python3.11/lib-dynload/_ssl.so",
    }
    assert names(found["environment"], venv) == {
        "bin/python",
        "lib/python3.11/site-packages/mod.py",
        "pyvenv.cfg",
    }
    assert (left_out, environment.notes) == ((), ())
    for file_set in environment.file_sets:
        targets = [entry.target for entry in file_set.entries]
        assert targets == sorted(set(targets))
        assert file_set.fingerprint == fingerprint(file_set.entries)


def test_an_environment_without_byte_code_is_said_with_what_to_do(tmp_path: Path) -> None:
    interpreter = in_venv(make_python(tmp_path / "python"), tmp_path / "venv")
    packages = packages_of(tmp_path / "venv")
    for number in range(300):
        (packages / f"m{number}.py").write_text("x = 1")

    environment, _ = local_environment(interpreter)

    [note] = environment.notes
    assert note.endswith(f": {interpreter.executable} -m compileall -q {interpreter.prefix}/lib")
    assert not sets_of(environment)["environment"].compiled

    for number in range(20):
        (packages / f"p{number}/__pycache__").mkdir(parents=True)
    compiled, _ = local_environment(interpreter)
    assert not compiled.notes
    assert sets_of(compiled)["environment"].compiled


def test_packages_of_the_base_come_with_a_venv_that_sees_them(tmp_path: Path) -> None:
    base = make_python(tmp_path / "base")
    interpreter = in_venv(base, tmp_path / "venv", base.path[2])

    environment, _ = local_environment(interpreter)

    found = sets_of(environment)
    assert list(found) == ["interpreter", "packages of the base interpreter", "environment"]
    assert names(found["packages of the base interpreter"], tmp_path / "base") == {
        "lib/python3.11/site-packages/numpy/tests/test_numpy.py"
    }
    assert base.path[2] in " ".join(environment.notes)


def test_a_python_without_venv_is_one_set_with_its_packages(tmp_path: Path) -> None:
    environment, _ = local_environment(make_python(tmp_path))

    found = sets_of(environment)
    assert environment.kind == "system"
    assert list(found) == ["environment"]
    assert names(found["environment"], tmp_path) == {
        "bin/pip",
        "bin/python",
        "bin/python3",
        "bin/python3-config",
        "bin/python3.11",
        "lib/libpython3.11.so.1.0",
        "lib/python3.11/os.py",
        "lib/python3.11/json/__init__.py",
        "lib/python3.11/lib-dynload/_ssl.so",
        "lib/python3.11/site-packages/numpy/tests/test_numpy.py",
        "share/jupyter/kernels/python3/kernel.json",
    }


def test_a_conda_environment_is_whole(tmp_path: Path) -> None:
    interpreter = make_python(tmp_path)
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "conda-meta/x.json").write_text("{}")
    (tmp_path / "pkgs").mkdir()
    (tmp_path / "pkgs/needed").write_text("")

    environment, left_out = local_environment(interpreter)

    [file_set] = environment.file_sets
    assert environment.kind == "conda"
    assert names(file_set, tmp_path) >= {
        "conda-meta/x.json",
        "include/python3.11/Python.h",
        "lib/python3.11/test/test_os.py",
        "pkgs/needed",
    }
    assert left_out == ()


def test_condas_own_prefix_comes_without_its_cache_and_other_environments(tmp_path: Path) -> None:
    interpreter = make_python(tmp_path)
    of_a_package = "lib/python3.11/site-packages/gymnasium/envs"
    for name in ("conda-meta", "condabin", "pkgs/a", "envs/b", of_a_package):
        (tmp_path / name).mkdir(parents=True)

    environment, left_out = local_environment(interpreter)

    assert {Path(item.path) for item in left_out} == {tmp_path / "pkgs", tmp_path / "envs"}
    [file_set] = environment.file_sets
    assert not any("/pkgs" in entry.target for entry in file_set.entries)
    assert str(tmp_path / of_a_package) in {entry.target for entry in file_set.entries}


def test_the_systems_python_is_not_copied(tmp_path: Path) -> None:
    python = make_python(tmp_path / "unused")
    venv = in_venv(
        replace(python, base_prefix="/usr", prefix="/usr", executable="/usr/bin/python3"),
        tmp_path / "venv",
    )

    environment, _ = local_environment(venv)

    assert [file_set.name for file_set in environment.file_sets] == ["environment"]
    assert environment.notes[0].startswith("The base image's own /usr/bin/python3.11 runs")


def test_a_prefix_without_standard_library_is_refused(tmp_path: Path) -> None:
    interpreter = make_python(tmp_path)
    (tmp_path / "lib/python3.11/os.py").unlink()

    with pytest.raises(InvalidInput, match="no standard library"):
        local_environment(interpreter)


def test_credentials_in_an_environment_stay_out_and_are_told(tmp_path: Path) -> None:
    interpreter = in_venv(make_python(tmp_path / "base"), tmp_path / "venv")
    (tmp_path / "venv/pip.conf").write_text("index-url = https://me:hunter2@host/")
    (tmp_path / "venv/.netrc").write_text("machine x")

    environment, left_out = local_environment(interpreter)

    assert {Path(item.path).name for item in left_out} == {"pip.conf", ".netrc"}
    assert "pip.conf" not in names(sets_of(environment)["environment"], tmp_path / "venv")


def test_links_to_the_interpreter_on_the_way_are_kept(tmp_path: Path) -> None:
    base = make_python(tmp_path / "pythons/cpython-3.11.7")
    (tmp_path / "pythons/cpython-3.11").symlink_to("cpython-3.11.7")
    interpreter = in_venv(base, tmp_path / "venv")
    (tmp_path / "venv/bin/python").unlink()
    (tmp_path / "venv/bin/python").symlink_to(tmp_path / "pythons/cpython-3.11/bin/python3.11")

    environment, _ = local_environment(interpreter)

    links = {e.target: e.link for e in sets_of(environment)["interpreter"].entries if e.link}
    assert links[str(tmp_path / "pythons/cpython-3.11")] == "cpython-3.11.7"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become another user")
def test_unreadable_files_of_an_environment_are_refused_by_name(open_folder: Path) -> None:
    interpreter = in_venv(make_python(open_folder / "base"), open_folder / "venv")
    (open_folder / "venv/lib/python3.11/site-packages/mod.py").chmod(0o600)

    child = os.fork()
    if child == 0:
        os.setgid(65534)
        os.setuid(65534)
        try:
            local_environment(interpreter)
        except Refused as error:
            os._exit(0 if "site-packages/mod.py" in (error.why or "") else 2)
        os._exit(1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0


class TestModulesOutside:
    """Editable installs, `.pth` files, PYTHONPATH."""

    @pytest.fixture
    def project(self, tmp_path: Path) -> Path:
        """A project with much that is no module."""
        project = tmp_path / "project"
        for name in (
            "pkg/__init__.py",
            "pkg/data.txt",
            "pkg/__pycache__/x.pyc",
            "space/inner/__init__.py",
            "mod.py",
            "fast.cpython-311-x86_64-linux-gnu.so",
            "pkg.egg-info/PKG-INFO",
            "data/huge.csv",
            "README.md",
            ".git/HEAD",
            ".env",
            "notebooks/n.ipynb",
            "venv/pyvenv.cfg",
            "venv/x.py",
        ):
            path = project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
        return project

    IMPORTABLE = frozenset(
        {
            "pkg/__init__.py",
            "pkg/data.txt",
            "space/inner/__init__.py",
            "mod.py",
            "fast.cpython-311-x86_64-linux-gnu.so",
            "pkg.egg-info/PKG-INFO",
        }
    )

    def test_of_a_folder_on_pythonpath_what_can_be_imported_is_taken(
        self, tmp_path: Path, project: Path
    ) -> None:
        interpreter = in_venv(make_python(tmp_path / "base"), tmp_path / "venv", str(project))

        environment, _ = local_environment(interpreter)

        outside = environment.file_sets[-1]
        assert outside.name == "modules outside the environment"
        assert names(outside, project) == self.IMPORTABLE
        assert environment.python_path == (str(project),)
        assert str(project) in environment.notes[0]

    def test_what_a_pth_file_adds_needs_no_pythonpath(self, tmp_path: Path, project: Path) -> None:
        interpreter = in_venv(make_python(tmp_path / "base"), tmp_path / "venv", str(project))
        pth = Path(interpreter.path[2]) / "project.pth"
        pth.write_text(f"# x\nimport os\n{project}\n")

        environment, _ = local_environment(interpreter)

        assert names(environment.file_sets[-1], project) == self.IMPORTABLE
        assert environment.python_path == ()

    def test_an_editable_install_by_mapping_is_taken(self, tmp_path: Path, project: Path) -> None:
        interpreter = in_venv(make_python(tmp_path / "base"), tmp_path / "venv")
        finder = Path(interpreter.path[2]) / "__editable___pkg_1_0_finder.py"
        mapping = {"pkg": str(project / "pkg"), "mod": str(project / "mod")}
        finder.write_text(f"import sys\nMAPPING: dict[str, str] = {mapping!r}\nNAMESPACES = {{}}\n")

        environment, _ = local_environment(interpreter)

        assert names(environment.file_sets[-1], project) == {
            "pkg/__init__.py",
            "pkg/data.txt",
            "mod.py",
        }

    def test_an_editable_install_that_can_not_be_followed_is_told(self, tmp_path: Path) -> None:
        interpreter = in_venv(make_python(tmp_path / "base"), tmp_path / "venv")
        info = Path(interpreter.path[2]) / "lost-1.0.dist-info"
        info.mkdir()
        origin = {"url": "file:///home/me/my%20lost", "dir_info": {"editable": True}}
        (info / "direct_url.json").write_text(json.dumps(origin))

        environment, _ = local_environment(interpreter)

        assert environment.notes[0].startswith(
            "lost-1.0 is installed as editable from /home/me/my lost"
        )

    def test_folders_that_do_not_exist_are_passed_over(self, tmp_path: Path) -> None:
        interpreter = in_venv(make_python(tmp_path / "base"), tmp_path / "venv", "/no/such/folder")

        environment, _ = local_environment(interpreter)

        assert len(environment.file_sets) == 2


def test_a_real_editable_install_is_found(tmp_path: Path) -> None:
    python = make_venv(tmp_path / "venv")
    source = tmp_path / "project/src/mine"
    source.mkdir(parents=True)
    (source / "__init__.py").write_text("value = 42\n")
    (packages_of(tmp_path / "venv") / "mine.pth").write_text(str(source.parent))

    environment, _ = local_environment(inspect_local(python))

    assert names(environment.file_sets[-1], tmp_path) == {"project/src/mine/__init__.py"}


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the base image has Python 3.11")
def test_a_real_venv_works_over_the_base_image(
    tmp_path: Path, engine: Engine, base_image: str
) -> None:
    python = make_venv(tmp_path / "venv")
    packages = packages_of(tmp_path / "venv")
    (packages / "mine.py").write_text("value = 42\n")
    subprocess.run([python, "-m", "compileall", "-q", packages], check=True)
    environment, _ = local_environment(inspect_local(python))
    code = "import ssl, sqlite3, ctypes, json, mine, sys; print(mine.value, sys.prefix)"
    spec = ContainerSpec(
        image=base_image,
        entrypoint=(python, "-v"),
        command=("-c", code),
        user="0:0",  # this machine's interpreter may lie below /root
        network="none",
        labels={labels.KIND: "build"},
    )

    container = containers.create(engine, spec)
    try:
        engine.api.put_archive(container, "/", archive(environment.file_sets))
        lines = containers.output(engine, container)
        containers.start(engine, container)
        output = list(lines)
        state = containers.wait(engine, container)
    finally:
        containers.remove(engine, container)

    said = b"".join(data for stream, data in output if stream == "stdout").decode()
    log = b"".join(data for stream, data in output if stream == "stderr").decode()
    assert state.code == 0, log[-2000:]
    assert said.strip() == f"42 {tmp_path}/venv"
    # Times are kept, so what was compiled here is used there.
    assert "mine.cpython-311.pyc matches" in log
