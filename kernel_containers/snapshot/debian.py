"""What Debian's packages of Python modules keep elsewhere than beside the modules.

matplotlib's fonts and styles, for instance, lie in /usr/share, in a package of their own, and its
settings in /etc. Shared libraries are not looked for here: they are found by what modules are
linked with.
"""

from __future__ import annotations

import os
import re
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kernel_containers.core.snapshot import FileEntry, FileKind
from kernel_containers.snapshot.exclusions import IN_ENVIRONMENTS
from kernel_containers.snapshot.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MODULES = "/usr/lib/python3/dist-packages"
_DATA = ("/usr/share/", "/etc/")
# For people, desktops, the system and its package manager; time zones and certificates are the
# base image's.
_NOT_FOR_MODULES = re.compile(
    r"/usr/share/(applications|bash-completion|bug|ca-certificates|dbus-1|debconf|doc|doc-base"
    r"|gettext|icons|info|lintian|locale|man|menu|metainfo|perl5|pixmaps|polkit-1|python3"
    r"|zoneinfo)/"
    r"|/etc/(apt|bash|ca-certificates|cron|dbus|debconf|default|init|logrotate|pam|profile|python3"
    r"|ssl|systemd|X11)"
)
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")


class _Package(NamedTuple):
    architecture: str
    needs: tuple[str, ...]


def data_of_modules(root: Path = Path("/")) -> list[FileEntry]:
    """Return the data of all packages with modules in `MODULES`, as dpkg below `root` knows them.

    Packages that they need count where they have nothing compiled. What not everybody may read
    stays out: an administrator may have put a password there.
    """
    database = root / "var/lib/dpkg"
    if not (database / "status").is_file():
        return []
    installed = _installed(database / "status")
    paths = {
        path
        for name in _closure(_with_modules(database), installed)
        for path in _files(database, name, installed[name].architecture)
        if path.startswith(_DATA) and not _NOT_FOR_MODULES.match(path)
    }
    return sorted((entry for path in paths for entry in _entry(root, path)), key=itemgetter(0))


def _installed(status: Path) -> dict[str, _Package]:
    packages: dict[str, _Package] = {}
    for paragraph in status.read_text("utf-8", errors="replace").split("\n\n"):
        fields = dict(
            line.split(": ", 1)
            for line in paragraph.splitlines()
            if line.startswith(("Package: ", "Status: ", "Architecture: ", "Depends: "))
        )
        if fields.get("Status", "").endswith(" installed"):
            needs = re.split(r"[,|]", fields.get("Depends", ""))
            names = tuple(match[0] for text in needs if (match := _NAME.match(text.strip())))
            packages[fields["Package"]] = _Package(fields.get("Architecture", ""), names)
    return packages


def _with_modules(database: Path) -> Iterator[str]:
    for file in database.glob("info/python3-*.list"):
        if f"\n{MODULES}/".encode() in file.read_bytes():
            yield file.stem.partition(":")[0]


def _closure(names: Iterable[str], installed: dict[str, _Package]) -> set[str]:
    todo = [name for name in names if name in installed]
    found = set(todo)
    while todo:
        for name in installed[todo.pop()].needs:
            if name not in found and name in installed and installed[name].architecture == "all":
                found.add(name)
                todo.append(name)
    return found


def _files(database: Path, name: str, architecture: str) -> list[str]:
    for file in (f"{name}.list", f"{name}:{architecture}.list"):
        try:
            return os.fsdecode((database / "info" / file).read_bytes()).splitlines()
        except FileNotFoundError:
            continue
    return []


def _entry(root: Path, path: str) -> Iterator[FileEntry]:
    real = root / path[1:]
    if real.is_symlink():
        yield FileEntry(path, FileKind.LINK, 0o777, link=str(real.readlink()))
    elif real.is_file() and real.stat().st_mode & 0o004:
        yield from (entry._replace(target=path) for entry in walk(real, IN_ENVIRONMENTS)[0])
