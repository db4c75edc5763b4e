"""The packages of a file tree, read from what package managers keep about them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from kernel_containers.core.paths import is_below
from kernel_containers.core.snapshot import FileKind

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from kernel_containers.core.snapshot import FileEntry

Kind = Literal["pypi", "conda", "deb", "apk"]

# Distributions as pip and setuptools leave them; conda's; dpkg's, also where images lack dpkg
# itself; apk's. And the system's name, which is a part of its packages' names.
_DOCUMENT = re.compile(
    r"\.dist-info/METADATA$"
    r"|\.egg-info(?:/PKG-INFO)?$"
    r"|/conda-meta/[^/]+\.json$"
    r"|^/var/lib/dpkg/status(?:\.d/[^/]+(?<!\.md5sums))?$"
    r"|^/lib/apk/db/installed$"
    r"|^/(?:etc|usr/lib)/os-release$"
)
# What they all end with, so that 33,000 paths cost 5 ms and not 100.
_ENDINGS = ("/METADATA", ".egg-info", "/PKG-INFO", ".json", "/status", "/installed", "/os-release")
# Fields as in mail; a line that begins with a space goes on with the one before.
_HEADER = re.compile(
    r"^(?P<name>Name|Version|Classifier|License|License-Expression):[ \t]*"
    r"(?P<value>.*(?:\n[ \t].*)*)",
    re.MULTILINE | re.IGNORECASE,
)
_BLANK_LINE = re.compile(r"\r?\n\r?\n")
_LARGEST = 32 * 1024**2  # bytes; the list of a whole desktop system has 10 MB
_LONGEST_LICENCE = 100  # characters; some packages put the whole text there
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """A package by its manager's names; `licence` is what its author wrote, if anything."""

    kind: Kind
    name: str
    version: str
    licence: str = ""
    architecture: str = ""  # of a system's package


def is_document(path: str) -> bool:
    """Whether the file of an absolute path tells of packages."""
    likely = path.endswith(_ENDINGS) or path.startswith("/var/lib/dpkg/")
    return likely and bool(_DOCUMENT.search(path))


def read_packages(documents: Mapping[str, bytes]) -> list[Package]:
    """Return what `documents`, by absolute path, tell of, sorted and each once."""
    found: set[Package] = set()
    for path, data in documents.items():
        text = data.decode("utf-8", errors="replace")
        if path.endswith("/os-release"):
            continue
        if path.endswith(".json"):
            found.update(_conda(text))
        elif path.startswith("/var/lib/dpkg/"):
            found.update(_debian(text))
        elif path.startswith("/lib/apk/"):
            found.update(_alpine(text))
        else:
            found.update(_python(text))
    return sorted(found)


def read_system(documents: Mapping[str, bytes]) -> str:
    """Return the ID of the distribution, such as `debian`; empty where it is not known."""
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        for line in documents.get(path, b"").decode("utf-8", errors="replace").splitlines():
            name, _, value = line.partition("=")
            if name == "ID":
                return value.strip().strip("\"'")
    return ""


def packages_of(entries: Iterable[FileEntry]) -> list[Package]:
    """Return the packages of files of this machine; what can't be read any more is left out."""
    documents: dict[str, bytes] = {}
    for entry in entries:
        if entry.kind is FileKind.FILE and entry.source and is_document(entry.target):
            try:
                documents[entry.target] = Path(entry.source).read_bytes()
            except OSError:  # building the layer will say so
                continue
    return read_packages(documents)


@dataclass(slots=True)
class Inventory:
    """Documents of layers that are read one after the other, the lowest first."""

    documents: dict[str, bytes] = field(default_factory=dict)
    _upper: dict[str, bytes] = field(default_factory=dict)

    def add(
        self, member: tarfile.TarInfo, extract: Callable[[tarfile.TarInfo], IO[bytes] | None]
    ) -> None:
        """Take a member of a layer's archive."""
        path = "/" + member.name.removeprefix("./").strip("/")
        parent, _, name = path.rpartition("/")
        if name == _OPAQUE:
            self._remove(parent)
        elif name.startswith(_WHITEOUT):
            self._remove(f"{parent}/{name.removeprefix(_WHITEOUT)}")
        elif member.isreg() and member.size <= _LARGEST and is_document(path):
            file = extract(member)
            self._upper[path] = file.read() if file else b""

    def end_layer(self) -> None:
        """Lay what was read over what lower layers had."""
        self.documents.update(self._upper)
        self._upper = {}

    def _remove(self, path: str) -> None:
        for known in [k for k in self.documents if is_below(k, path)]:
            del self.documents[known]


def _python(text: str) -> Iterator[Package]:
    headers: dict[str, list[str]] = {}
    # email.parser takes ten times as long, and there are a hundred of these files.
    for found in _HEADER.finditer(_BLANK_LINE.split(text, maxsplit=1)[0]):
        headers.setdefault(found["name"].lower(), []).append(found["value"].rstrip("\r"))
    first = {name: values[0] for name, values in headers.items()}
    if first.get("name") and first.get("version"):
        classifiers = [
            value.rpartition(" :: ")[2]
            for value in headers.get("classifier", ())
            if value.startswith("License :: ")
        ]
        stated = first.get("license-expression") or " AND ".join(classifiers)
        stated = stated or first.get("license", "")
        yield Package("pypi", first["name"], first["version"], _short(stated))


def _conda(text: str) -> Iterator[Package]:
    try:
        value = json.loads(text)
        name, version = value["name"], value["version"]
    except (ValueError, KeyError, TypeError):  # conda keeps its history there, too
        return
    yield Package("conda", str(name), str(version), _short(str(value.get("license") or "")))


def _debian(text: str) -> Iterator[Package]:
    for paragraph in text.split("\n\n"):
        found = _fields(paragraph, ": ")
        # Images without dpkg have no state of a package.
        if (
            found.get("Status", "install ok installed").endswith(" installed")
            and "Package" in found
        ):
            yield Package(
                "deb",
                found["Package"],
                found.get("Version", ""),
                architecture=found.get("Architecture", ""),
            )


def _alpine(text: str) -> Iterator[Package]:
    for paragraph in text.split("\n\n"):
        found = _fields(paragraph, ":")
        if "P" in found:
            yield Package(
                "apk", found["P"], found.get("V", ""), found.get("L", ""), found.get("A", "")
            )


def _fields(paragraph: str, separator: str) -> dict[str, str]:
    lines = (line.partition(separator) for line in paragraph.splitlines() if line[:1].strip())
    return {name: value for name, _, value in lines}


def _short(licence: str) -> str:
    line = licence.strip()
    return line if len(line) <= _LONGEST_LICENCE and "\n" not in line else ""
