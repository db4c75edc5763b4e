"""Small real environments."""

from __future__ import annotations

import io
import tarfile
import venv
from typing import TYPE_CHECKING

from kernel_containers.core.snapshot import FileEntry, FileKind, FileSet, Interpreter

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def make_venv(folder: Path, *, system_packages: bool = False) -> str:
    """Make a venv without packages and return its Python."""
    venv.EnvBuilder(symlinks=True, system_site_packages=system_packages).create(folder)
    return str(folder / "bin/python")


def packages_of(folder: Path) -> Path:
    """Return a venv's folder for packages."""
    [packages] = folder.glob("lib/python*/site-packages")
    return packages


def make_python(base: Path) -> Interpreter:
    """Make the files of a Python installation, as text, and its description."""
    library = base / "lib/python3.11"
    for name in (
        "bin/python3.11",
        "bin/pip",
        "bin/python3-config",
        "include/python3.11/Python.h",
        "lib/libpython3.11.so.1.0",
        "lib/pkgconfig/python.pc",
        "lib/python3.11/os.py",
        "lib/python3.11/json/__init__.py",
        "lib/python3.11/json/tests/test_x.py",
        "lib/python3.11/lib-dynload/_ssl.so",
        "lib/python3.11/test/test_os.py",
        "lib/python3.11/idlelib/idle.py",
        "lib/python3.11/config-3.11-x86_64-linux-gnu/libpython3.11.a",
        "lib/python3.11/site-packages/numpy/tests/test_numpy.py",
        "share/jupyter/kernels/python3/kernel.json",
        "share/man/man1/python.1",
    ):
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (base / "bin/python3").symlink_to("python3.11")
    (base / "bin/python").symlink_to("python3")
    return Interpreter(
        executable=str(base / "bin/python"),
        version=(3, 11, 7),
        implementation="cpython",
        machine="x86_64",
        prefix=str(base),
        base_prefix=str(base),
        libc=("glibc", "2.36"),
        kernel_version="7.0",
        path=(str(library), str(library / "lib-dynload"), str(library / "site-packages")),
    )


def archive(sets: Iterable[FileSet]) -> bytes:
    """Return all files of sets as one tar archive, for `docker cp`."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for entry in (entry for file_set in sets for entry in file_set.whole().entries):
            tar.addfile(*_member(entry))
    return made.getvalue()


def _member(entry: FileEntry) -> tuple[tarfile.TarInfo, io.BytesIO | None]:
    member = tarfile.TarInfo(entry.target.lstrip("/"))
    member.mode, member.mtime = entry.final_mode, entry.mtime_ns // 10**9
    if entry.kind is FileKind.FOLDER:
        member.type = tarfile.DIRTYPE
    elif entry.kind is FileKind.LINK:
        member.type, member.linkname = tarfile.SYMTYPE, entry.link or ""
    else:
        data = entry.content
        if data is None:
            assert entry.source is not None
            with open(entry.source, "rb") as file:  # noqa: PTH123
                data = file.read()
        member.size = len(data)
        return member, io.BytesIO(data)
    return member, None
