"""What compiled files need, and whether a base image has it."""

from __future__ import annotations

import _ctypes
import _ssl
import json
import os
import platform
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel_containers.core.snapshot import FileEntry, FileKind, FileSet
from kernel_containers.errors import InvalidInput
from kernel_containers.snapshot.base_libraries import (
    BaseLibraries,
    base_libraries,
    check_against_base,
    provided_versions,
)
from kernel_containers.snapshot.elf import read_elf
from kernel_containers.snapshot.libraries import (
    LibraryNeeds,
    closure,
    libraries_here,
    merge,
    programs_and_libraries,
    scan_libraries,
)

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
    assert any(version.startswith("GLIBC_2.") for version in found.requires["libc.so.6"])


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
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_is_survived(tmp_path: Path, changes: list[tuple[int, bytes]], length: int) -> None:
    data = bytearray(Path(COMPILED).read_bytes()[:length])
    for at, new in changes:
        data[at : at + len(new)] = new
    (tmp_path / "x").write_bytes(data)

    read_elf(str(tmp_path / "x"))


def test_versions_are_read_on_both_sides() -> None:
    ssl = read_elf(getattr(_ssl, "__file__", ""))
    library = read_elf(str(libraries_here()["libssl.so.3"]))

    assert ssl is not None
    assert library is not None
    assert ssl.requires["libssl.so.3"] <= library.provides
    assert "libssl.so.3" not in library.provides


def test_what_the_files_do_not_have_themselves_is_needed(tmp_path: Path) -> None:
    needs = scan_libraries(file_set(COMPILED, os.path.realpath(sys.executable), mode=0o755))

    [ffi] = [name for name in needs.from_outside(()) if name.startswith("libffi.so")]
    assert needs.libraries[ffi] == (COMPILED,)
    assert needs.machines == {platform.machine()}
    assert needs.glibc[0] >= (2, 2)
    assert needs.from_outside({ffi}).keys() == needs.from_outside(()).keys() - {ffi}

    with_ffi = merge([needs, scan_libraries(file_set(str(tmp_path / ffi)))])
    assert ffi not in with_ffi.from_outside(())
    assert LibraryNeeds.from_json(json.loads(json.dumps(needs.to_json()))) == needs


def test_a_new_script_leaves_the_part_of_the_libraries_as_it_was() -> None:
    before = (entry("/env/lib/libx.so.1"), entry("/env/bin/tool", 0o755), entry("/env/a.py"))
    script = entry("/env/bin/script", 0o755)

    programs, libraries = programs_and_libraries(FileSet(name="env", entries=before))
    more, same = programs_and_libraries(FileSet(name="env", entries=(*before, script)))

    assert same == libraries
    assert [item.target for item in libraries.entries] == ["/env/lib/libx.so.1"]
    assert more.fingerprint != programs.fingerprint
    assert more.entries == (before[1], script)


def entry(target: str, mode: int = 0o644) -> FileEntry:
    return FileEntry(target, FileKind.FILE, mode)


def test_texts_are_not_opened_as_libraries(tmp_path: Path) -> None:
    (tmp_path / "notes.so.txt").write_text("x")

    found = scan_libraries(file_set(str(tmp_path / "notes.so.txt")))

    assert found == LibraryNeeds(has=frozenset({"notes.so.txt"}))


BASE = BaseLibraries(
    machine="x86_64",
    libc=("glibc", "2.31"),
    paths={"libc.so.6": "/usr/lib/x86_64-linux-gnu/libc.so.6"},
    loaders=frozenset({"/lib64/ld-linux-x86-64.so.2"}),
)
NEEDS = LibraryNeeds(
    versions={"libc.so.6": {"GLIBC_2.31": "/env/x.so", "GLIBC_2.4": "/env/y.so"}},
    machines=frozenset({"x86_64"}),
    loaders=BASE.loaders,
)


def test_a_base_that_fits_is_accepted() -> None:
    check_against_base(NEEDS, BASE, "base")
    check_against_base(NEEDS, replace(BASE, libc=("glibc", "2.100")), "base")
    check_against_base(LibraryNeeds(), replace(BASE, libc=("musl", "")), "base")


@pytest.mark.parametrize(
    ("needs", "base", "words"),
    [
        (NEEDS, replace(BASE, libc=("glibc", "2.28")), "needs glibc 2.31; the base image old has"),
        (NEEDS, replace(BASE, libc=("glibc", "2.4")), "has 2.4"),
        (NEEDS, replace(BASE, libc=("musl", "")), "has musl"),
        (NEEDS, replace(BASE, libc=("", "")), "another C library"),
        (NEEDS, replace(BASE, machine="aarch64"), "for x86_64, the base image old for aarch64"),
        (
            replace(NEEDS, versions={"libc.so.6": {"GLIBC_ABI_DT_RELR": "/env/x.so"}}),
            BASE,
            "needs glibc 2.36",
        ),
        (replace(NEEDS, loaders=frozenset({"/nix/ld.so"})), BASE, "started by /nix/ld.so"),
    ],
)
def test_a_base_that_does_not_fit_is_refused(
    needs: LibraryNeeds, base: BaseLibraries, words: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_against_base(needs, base, "old")

    assert words in str(caught.value)


def test_the_c_library_is_never_missing() -> None:
    users = ("/env/x.so",)
    names = "libc.so.6 ld-linux-x86-64.so.2 libpthread.so.0 libm.so.6 libffi.so.8 libz.so.1"
    needs = LibraryNeeds(libraries=dict.fromkeys([*names.split(), "libcrypt.so.1"], users))

    missing = needs.from_outside({"libz.so.1"})

    assert missing == {"libffi.so.8": users, "libcrypt.so.1": users}


def test_a_base_image_says_what_it_has(engine: Engine, base_image: str) -> None:
    found = base_libraries(engine, base_image)
    versions = provided_versions(engine, base_image, {"libz.so.1": found.paths["libz.so.1"]})

    assert {"libc.so.6", "libz.so.1"} <= found.paths.keys()
    assert found.libc[0] == "glibc"
    assert found.machine == platform.machine()
    assert found.folder.startswith(("/lib", "/usr/lib"))
    assert "ZLIB_1.2.0" in versions["libz.so.1"]
    assert BaseLibraries.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_a_copy_brings_what_it_needs_itself_into_the_loaders_folder() -> None:
    found, absent = closure(["libssl.so.3", "libnowhere.so.1"], {"libc.so.6"}, "/usr/lib/here")

    assert absent == ("libnowhere.so.1",)
    names = [entry.target for entry in found.entries]
    assert names == ["/usr/lib/here/libcrypto.so.3", "/usr/lib/here/libssl.so.3"]
