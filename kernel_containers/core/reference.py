"""Image references, and where an image goes.

The grammar is that of the OCI distribution specification (repository and tag) and of Docker's
reference package (a host is what stands before the first slash and has a dot, a colon or is
`localhost`).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from kernel_containers.core.digest import Digest
from kernel_containers.errors import InvalidInput

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_HOST = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
    r"|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?"
)
_LONGEST_REPOSITORY = 255  # characters, host included: Docker's limit


@dataclass(frozen=True, slots=True)
class Repository:
    """A registry's host, with its port if it has one, and a path in it."""

    host: str
    path: str

    def __str__(self) -> str:
        return f"{self.host}/{self.path}"


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A repository with a tag, a digest or both. `host` is empty for names of the engine only."""

    repository: Repository
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> ImageReference:
        """Read `[HOST/]PATH[:TAG][@DIGEST]`; a missing host stays empty, a missing tag None.

        Raises:
            InvalidInput: a part breaks the grammar; the message names it.
        """
        rest, at, digest_text = text.partition("@")
        digest = Digest.parse(digest_text) if at else None
        name, colon, tag = rest.rpartition(":")
        if not colon or "/" in tag:
            name, tag = rest, ""
        elif not _TAG.fullmatch(tag):
            raise InvalidInput(
                f"{tag!r} is not a tag (in {text!r}).",
                why="a tag has up to 128 letters, digits, '.', '_' and '-'",
            )
        first, slash, path = name.partition("/")
        if slash and ("." in first or ":" in first or first == "localhost"):
            host = first
        else:
            host, path = "", name
        _check(text, host, path)
        return cls(Repository(host, path), tag or None, digest)

    @property
    def target(self) -> str:
        """What to ask a registry for: the digest where there is one, else the tag."""
        return str(self.digest) if self.digest else (self.tag or "latest")

    def __str__(self) -> str:
        name = str(self.repository) if self.repository.host else self.repository.path
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{name}{tag}{digest}"


def _check(text: str, host: str, path: str) -> None:
    if host and not _HOST.fullmatch(host):
        raise InvalidInput(f"{host!r} is not a registry host (in {text!r}).")
    if not _PATH.fullmatch(path):
        hint = "use lower-case letters" if path != path.lower() else None
        raise InvalidInput(
            f"{path!r} is not a repository (in {text!r}).",
            why="its parts have lower-case letters, digits and single '.', '_' or '-' between them",
            todo=hint,
        )
    if len(host) + 1 + len(path) > _LONGEST_REPOSITORY:
        raise InvalidInput(f"The repository in {text[:60]!r}… has more than 255 characters.")


@dataclass(frozen=True, slots=True)
class ToEngine:
    """An image that stays in the local engine under `NAME:TAG`."""

    reference: ImageReference

    def __str__(self) -> str:
        return f"docker:{self.reference}"


@dataclass(frozen=True, slots=True)
class ToRegistry:
    """An image that is pushed."""

    reference: ImageReference

    def __str__(self) -> str:
        return str(self.reference)


@dataclass(frozen=True, slots=True)
class ToLayout:
    """An image written to a folder in the OCI image layout."""

    folder: Path

    def __str__(self) -> str:
        return f"oci:{self.folder}"


Destination = ToEngine | ToRegistry | ToLayout


def parse_destination(text: str) -> Destination:
    """Read `docker:NAME[:TAG]`, `oci:FOLDER` or `HOST/PATH[:TAG]`; the tag defaults to `latest`.

    Raises:
        InvalidInput: a reference without a host is refused, because it could mean the engine
            or a registry; a digest can't be chosen.
    """
    if text.startswith("oci:"):
        folder = text.removeprefix("oci:")
        if not folder:
            raise InvalidInput("oci: needs a folder, as in oci:./image.")
        return ToLayout(Path(folder).expanduser().absolute())
    reference = ImageReference.parse(text.removeprefix("docker:"))
    if reference.digest:
        raise InvalidInput(
            f"{text!r} has a digest, which follows from the content.", todo="give a tag instead"
        )
    reference = ImageReference(reference.repository, reference.tag or "latest")
    if text.startswith("docker:"):
        return ToEngine(reference)
    if not reference.repository.host:
        raise InvalidInput(
            f"{text!r} does not say where the image goes.",
            todo=f"docker:{reference} for this machine's engine, or REGISTRY-HOST/{reference}",
        )
    return ToRegistry(reference)


def slug(text: str) -> str:
    """Return `text` as a valid repository component: `Été (2).ipynb` → `ete-2`.

    Characters outside a-z and 0-9 become single dashes; nothing left becomes `notebook`. Letters
    that can't be spelt so are replaced by a hash of the text, so that names stay apart.
    """
    stem = unicodedata.normalize("NFKD", text.removesuffix(".ipynb").casefold())
    words = re.sub(r"[^a-z0-9]+", "-", "".join(filter(_is_plain, stem))).strip("-")
    readable = words[:100].strip("-") or "notebook"
    if not any(letter.isalnum() and not letter.isascii() for letter in stem):
        return readable
    return f"{readable}-{hashlib.sha256(stem.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}"


def _is_plain(character: str) -> bool:
    return character.isascii() or not (character.isalnum() or unicodedata.combining(character))
