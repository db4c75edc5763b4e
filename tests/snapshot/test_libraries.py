"""What compiled files need, and whether a base image has it."""

from __future__ import annotations

import _ctypes
import os
import platform
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel_containers.core import labels
from kernel_containers.core.containers import ContainerSpec
from kernel_containers.core.snapshot import FileEntry, FileKind, FileSet, Interpreter
from kernel_containers.engine import containers
from kernel_containers.errors import InvalidInput
from kernel_containers.snapshot.elf import read_elf
from kernel_containers.snapshot.libraries import (
    LibraryNeeds,
    base_libraries,
    check_against_base,
    closure,
    missing_libraries,
    scan_libraries,
)
from tests.snapshot.environments import archive
from tests.support.interpreters import DEBIAN_12

if TYPE_CHECKING:
    from kernel_containers.engine import Engine

COMPILED = getattr(_ctypes, "__file__", "")
pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or not COMPILED,
    reason="needs a Python with glibc and modules as libraries",
)


def file_set(*paths: str, mode: int = 0o644) -> FileSet:
    entries = (FileEntry(path, FileKind.FILE, mode, source=path) for path in paths)
    return FileSet(name="x", entries=tuple(entries))


def test_a_program_is_read() -> None:
    found = read_elf(os.path.realpath(sys.executable))

    assert found is not None
    assert found.machine == platform.machine()
    assert found.interpreter is not None
    assert Path(found.interpreter).exists()


def test_a_library_is_read() -> None:
    found = read_elf(COMPILED)

    assert found is not None
    assert found.interpreter is None
    assert {name.partition(".so")[0] for name in found.needed} >= {"libffi", "libc"}
    assert any(version.startswith("GLIBC_2.") for version in found.versions)


@pytest.mark.parametrize(
    "content", [b"", b"\x7fELF", b"#!/bin/sh\n", b"\x7fELF\x02\x01" + b"\xff" * 90]
)
def test_other_files_are_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)

    assert read_elf(str(tmp_path / "x")) is None
    assert read_elf(str(tmp_path / "absent")) is None


@given(
    changes=st.lists(
        st.tuples(st.integers(0, 4096), st.binary(min_size=1, max_size=8)), max_size=4
    ),
    length=st.integers(0, 200_000),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_damage_is_survived(tmp_path: Path, changes: list[tuple[int, bytes]], length: int) -> None:
    data = bytearray(Path(COMPILED).read_bytes()[:length])
    for at, new in changes:
        data[at : at + len(new)] = new
    (tmp_path / "x").write_bytes(data)

    read_elf(str(tmp_path / "x"))


def test_what_the_files_do_not_have_themselves_is_needed(tmp_path: Path) -> None:
    needs = scan_libraries([file_set(COMPILED, os.path.realpath(sys.executable), mode=0o755)])

    [ffi] = [name for name in needs.libraries if name.startswith("libffi.so")]
    assert needs.libraries[ffi] == (COMPILED,)
    assert needs.machines == {platform.machine()}
    assert needs.glibc >= (2, 2)

    with_ffi = scan_libraries([file_set(COMPILED), file_set(str(tmp_path / ffi))])
    assert ffi not in with_ffi.libraries


def test_texts_are_not_opened_as_libraries(tmp_path: Path) -> None:
    (tmp_path / "notes.so.txt").write_text("x")

    assert scan_libraries([file_set(str(tmp_path / "notes.so.txt"))]) == LibraryNeeds()


BASE = replace(DEBIAN_12, libc=("glibc", "2.31"))
NEEDS = LibraryNeeds(glibc=(2, 31), glibc_of="/env/x.so", machines=frozenset({"x86_64"}))


def test_a_base_that_fits_is_accepted() -> None:
    check_against_base(NEEDS, BASE, "base")
    check_against_base(NEEDS, replace(BASE, libc=("glibc", "2.100")), "base")
    check_against_base(LibraryNeeds(), replace(BASE, libc=("musl", "")), "base")


@pytest.mark.parametrize(
    ("base", "words"),
    [
        (replace(BASE, libc=("glibc", "2.28")), "needs glibc 2.31; the base image old has 2.28"),
        (replace(BASE, libc=("glibc", "2.4")), "has 2.4"),
        (replace(BASE, libc=("musl", "")), "has musl"),
        (replace(BASE, libc=("", "")), "another C library"),
        (replace(BASE, machine="aarch64"), "for x86_64, the base image old for aarch64"),
    ],
)
def test_a_base_that_does_not_fit_is_refused(base: Interpreter, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_against_base(NEEDS, base, "old")

    assert words in str(caught.value)


def test_the_c_library_is_never_missing() -> None:
    users = ("/env/x.so",)
    needs = LibraryNeeds(
        libraries={
            "libc.so.6": users,
            "ld-linux-x86-64.so.2": users,
            "libpthread.so.0": users,
            "libm.so.6": users,
            "libffi.so.8": users,
            "libz.so.1": users,
            "libcrypt.so.1": users,
        }
    )

    missing = missing_libraries(needs, frozenset({"libz.so.1"}))

    assert missing == {"libffi.so.8": users, "libcrypt.so.1": users}


def test_a_base_image_lists_its_libraries(engine: Engine, base_image: str) -> None:
    found = base_libraries(engine, base_image)

    assert {"libc.so.6", "libz.so.1"} <= found
    assert not any("/" in name or "*" in name for name in found)


def test_a_missing_library_is_brought_with_what_it_needs(engine: Engine, base_image: str) -> None:
    have = base_libraries(engine, base_image)
    lacking = frozenset(name for name in have if not name.startswith(("libssl", "libcrypto")))
    spec = ContainerSpec(
        image=base_image,
        entrypoint=("/bin/sh", "-c"),
        command=(
            "rm -f /usr/lib/*/libssl.so* /usr/lib/*/libcrypto.so*\n"
            "python3 -c 'import ssl' 2>/dev/null && exit 9\n"
            "cp -a /closure/. / && python3 -c 'import ssl; print(ssl.OPENSSL_VERSION)'",
        ),
        user="0:0",
        network="none",
        labels={labels.KIND: "build"},
    )

    found, absent = closure(["libssl.so.3", "libnowhere.so.1"], lacking)

    assert absent == ("libnowhere.so.1",)
    assert [Path(entry.target).name for entry in found.entries] == ["libcrypto.so.3", "libssl.so.3"]
    moved = [entry._replace(target=f"/closure{entry.target}") for entry in found.entries]
    container = containers.create(engine, spec)
    try:
        made = replace(found, entries=tuple(moved))
        engine.api.put_archive(container, "/", archive([made]))
        lines = containers.output(engine, container)
        containers.start(engine, container)
        said = b"".join(data for _, data in lines)
        state = containers.wait(engine, container)
    finally:
        containers.remove(engine, container)
    assert (state.code, said[:7]) == (0, b"OpenSSL"), said
