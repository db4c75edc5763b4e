"""Data of Debian's packages of Python modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_containers.core.snapshot import FileKind
from kernel_containers.snapshot.debian import MODULES, data_of_modules

if TYPE_CHECKING:
    from pathlib import Path


def install(
    root: Path, name: str, *files: str, needs: str = "", architecture: str = "all", state: str = ""
) -> None:
    """Do what dpkg does, without the package."""
    info = root / "var/lib/dpkg/info"
    info.mkdir(parents=True, exist_ok=True)
    fields = {
        "Package": name,
        "Status": state or "install ok installed",
        "Architecture": architecture,
        "Depends": needs or "libc6 (>= 2.34)",
        "Description": "what it is\n Depends: on the reader",
    }
    with (root / "var/lib/dpkg/status").open("a") as status:
        status.write("\n".join(f"{key}: {value}" for key, value in fields.items()) + "\n\n")
    suffix = "" if architecture == "all" else f":{architecture}"
    listed = ["/.", "/usr", *files]
    (info / f"{name}{suffix}.list").write_text("".join(f"{file}\n" for file in listed))
    for file in files:
        path = root / file[1:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file)


def test_data_of_modules_and_of_what_they_need_is_found(tmp_path: Path) -> None:
    install(
        tmp_path,
        "python3-plot",
        f"{MODULES}/plot/__init__.py",
        "/usr/share/plot/own",
        "/usr/share/doc/python3-plot/copyright",
        "/usr/bin/plot",
        needs="python3 (<< 3.12), libplot1 (>= 1), python-plot-data (>= 3) | other, python3-gone",
        architecture="amd64",
    )
    install(
        tmp_path,
        "python-plot-data",
        "/usr/share/plot/styles/a b.style",
        "/etc/plotrc",
        "/etc/init.d/plot",
        needs="fonts-plot",
    )
    install(tmp_path, "fonts-plot", "/usr/share/fonts/plot.ttf")
    install(tmp_path, "libplot1", "/usr/share/libplot/x", architecture="amd64")
    install(tmp_path, "python3-gone", "/usr/share/gone", state="deinstall ok config-files")
    install(tmp_path, "python3-tool", "/usr/share/tool/x")  # without modules
    (tmp_path / "usr/share/plot/own").unlink()
    (tmp_path / "usr/share/plot/own").symlink_to("../fonts")

    found = {entry.target: entry for entry in data_of_modules(tmp_path)}

    assert list(found) == [
        "/etc/plotrc",
        "/usr/share/fonts/plot.ttf",
        "/usr/share/plot/own",
        "/usr/share/plot/styles/a b.style",
    ]
    assert (found["/usr/share/plot/own"].kind, found["/usr/share/plot/own"].link) == (
        FileKind.LINK,
        "../fonts",
    )
    assert found["/etc/plotrc"].source == str(tmp_path / "etc/plotrc")


def test_what_not_everybody_may_read_stays_out(tmp_path: Path) -> None:
    files = ("/etc/plotrc", "/usr/share/plot/x")
    install(tmp_path, "python3-plot", f"{MODULES}/plot.py", *files)
    (tmp_path / "etc/plotrc").chmod(0o640)

    assert [entry.target for entry in data_of_modules(tmp_path)] == ["/usr/share/plot/x"]


def test_a_system_without_dpkg_has_none(tmp_path: Path) -> None:
    assert data_of_modules(tmp_path) == []
