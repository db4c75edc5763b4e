"""The runner's packages: for exactly one interpreter, installed once, without leftovers."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kernel_containers.core.progress import Progress, silent
from kernel_containers.errors import InvalidInput, Unavailable
from kernel_containers.image.bytecode import find_compiler
from kernel_containers.image.once import TIME, build_once
from kernel_containers.image.runner_packages import install_packages, platform_tags, requirements
from tests.support.interpreters import DEBIAN_12

LOCK = (Path(__file__).parent.parent / "data" / "two-packages.lock").read_text()


def test_wheels_for_the_own_and_all_older_c_libraries_are_taken() -> None:
    tags = platform_tags(DEBIAN_12)

    assert tags[0] == "manylinux_2_36_x86_64"
    assert "manylinux_2_37_x86_64" not in tags
    assert tags[-1] == "manylinux1_x86_64"
    assert tags.index("manylinux_2_17_x86_64") + 1 == tags.index("manylinux2014_x86_64")


@pytest.mark.parametrize(
    ("machine", "libc", "tags"),
    [
        (
            "aarch64",
            ("glibc", "2.18"),
            ("manylinux_2_18_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"),
        ),
        ("x86_64", ("musl", "1.2.4"), tuple(f"musllinux_1_{n}_x86_64" for n in (2, 1, 0))),
    ],
)
def test_other_machines_and_c_libraries_have_their_own_wheels(
    machine: str, libc: tuple[str, str], tags: tuple[str, ...]
) -> None:
    assert platform_tags(replace(DEBIAN_12, machine=machine, libc=libc)) == tags


@pytest.mark.parametrize("libc", [("", ""), ("bionic", "30"), ("glibc", "unknown")])
def test_an_unknown_c_library_is_refused(libc: tuple[str, str]) -> None:
    with pytest.raises(InvalidInput, match="C library"):
        platform_tags(replace(DEBIAN_12, libc=libc))


UNIVERSAL = """\
# made by a tool
cffi==2.1.1 ; implementation_name == 'pypy' \\
    --hash=sha256:aa
soupsieve==2.6 ; python_full_version < '3.11.5' \\
    --hash=sha256:bb \\
    --hash=sha256:cc
    # via beautifulsoup4
soupsieve==3.0 ; python_full_version >= '3.11.5' --hash=sha256:dd
tornado==6.5 \\
    --hash=sha256:ee
pywin32==1 ; sys_platform == 'win32' --hash=sha256:ff
uvloop==1 ; platform_machine == 'aarch64' --hash=sha256:00
"""


def test_a_lock_is_read_for_the_target_and_not_for_this_python() -> None:
    assert requirements(UNIVERSAL, DEBIAN_12).split("\n")[:-1] == [
        "soupsieve==2.6 --hash=sha256:bb      --hash=sha256:cc",
        "tornado==6.5 --hash=sha256:ee",
    ]
    newer = replace(DEBIAN_12, version=(3, 12, 0), machine="aarch64")
    assert [line.split()[0] for line in requirements(UNIVERSAL, newer).splitlines()] == [
        "soupsieve==3.0",
        "tornado==6.5",
        "uvloop==1",
    ]


@pytest.mark.parametrize(
    "change", [{"version": (3, 9, 18)}, {"version": (2, 7, 18)}, {"implementation": "pypy"}]
)
def test_an_interpreter_that_can_not_run_the_runner_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=r"3\.10 or newer"):
        requirements(LOCK, replace(DEBIAN_12, **change))


def tree(folder: Path) -> dict[str, tuple[bytes, float]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_packages_are_installed_for_the_interpreter_and_alike_each_time(tmp_path: Path) -> None:
    compiler = find_compiler(DEBIAN_12.version)

    folders = [
        install_packages(DEBIAN_12, LOCK, compiler, tmp_path / name, silent) for name in ("a", "b")
    ]

    found = tree(folders[0])
    assert found == tree(folders[1])
    assert folders[0].name == folders[1].name
    assert "markupsafe/_speedups.cpython-311-x86_64-linux-gnu.so" in found
    assert "six-1.17.0.dist-info/METADATA" in found
    assert "six-1.17.0.dist-info/RECORD" not in found
    assert {mtime for _, mtime in found.values()} == {TIME}
    code = found["__pycache__/six.cpython-311.pyc"][0]
    assert code[:4] == importlib.util.MAGIC_NUMBER
    assert code[4:8] == b"\x01\x00\x00\x00"  # a hash, and nobody checks it
    assert b"/opt/kernel-containers/site/six.py" in code
    assert str(tmp_path).encode() not in code


def test_installed_packages_are_found_again_without_an_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = install_packages(DEBIAN_12, LOCK, None, tmp_path, silent)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)

    assert install_packages(DEBIAN_12, LOCK, None, tmp_path, silent) == first
    with pytest.raises(Unavailable, match=r"3\.12\.1"):
        install_packages(replace(DEBIAN_12, version=(3, 12, 1)), LOCK, None, tmp_path, silent)


def test_a_wheel_with_another_hash_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    lock = "six==1.17.0 --hash=sha256:" + "0" * 64

    with pytest.raises(Unavailable) as raised:
        install_packages(DEBIAN_12, lock, None, tmp_path, silent)

    assert "hash" in str(raised.value).lower()
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


class _Cancelled(BaseException):
    pass


def test_a_cancelled_installation_ends_pip_and_leaves_nothing(tmp_path: Path) -> None:
    calls: list[Progress] = []

    def cancel(progress: Progress) -> None:
        calls.append(progress)
        if len(calls) == 3:
            raise _Cancelled

    with pytest.raises(_Cancelled):
        install_packages(DEBIAN_12, LOCK, None, tmp_path, cancel)

    assert {progress.stage for progress in calls} == {"runner"}
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []
    assert str(tmp_path) not in _command_lines()


def _command_lines() -> str:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().decode(errors="replace"))
        except OSError:  # ended meanwhile
            continue
    return "\n".join(found)


def test_no_compiler_is_found_for_a_python_that_this_machine_lacks() -> None:
    assert find_compiler((3, 99, 0)) is None
    own = find_compiler(sys.version_info[:3])
    assert own
    assert (own.executable, own.version) == (sys.executable, sys.version_info[:3])


BUILDER = """
import sys, time
from pathlib import Path
from kernel_containers.image.once import build_once
def build(folder):
    print("building", flush=True)
    (folder / "half").touch()
    time.sleep(float(sys.argv[2]))
    (folder / "whole").touch()
build_once(Path(sys.argv[1]), build, lambda: None)
print("there", flush=True)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def start_builder(folder: Path, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(folder), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_of_two_builders_one_builds_and_the_other_waits(tmp_path: Path) -> None:
    builders = [start_builder(tmp_path / "folder", 0.5) for _ in range(2)]

    outputs = [builder.communicate(timeout=60)[0] for builder in builders]

    assert sorted(outputs) == ["building\nthere\n", "there\n"]
    assert names(tmp_path / "folder") == ["half", "whole"]


def test_what_a_killed_builder_left_is_removed_by_the_next(tmp_path: Path) -> None:
    with start_builder(tmp_path / "folder", 60) as killed:
        assert killed.stdout
        assert killed.stdout.readline() == "building\n"
        killed.send_signal(signal.SIGKILL)
    assert not (tmp_path / "folder").exists()

    build_once(tmp_path / "folder", lambda folder: (folder / "whole").touch(), lambda: None)

    assert names(tmp_path / "folder") == ["whole"]
    assert names(tmp_path) == ["folder", "folder.lock"]
