"""The arguments of a run's container, and the files that take what no argument may hold.

An argument shows in `docker inspect`, and a file of this machine is not in the container.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel_containers.core.containers import Resources
from kernel_containers.core.contract import CONTRACT_FOLDER
from kernel_containers.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """A run as given on the command line; pairs are (name, text). `secrets` is name → value."""

    image: str
    parameters: tuple[tuple[str, str], ...] = ()
    raw_parameters: tuple[tuple[str, str], ...] = ()
    files: tuple[str, ...] = ()
    yaml: tuple[str, ...] = ()
    base64: tuple[str, ...] = ()
    output: str | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)
    network: str = "bridge"
    further: tuple[str, ...] = ()  # arguments of the image's entrypoint, unchanged


def place_arguments(
    options: RunOptions, schema: Mapping[str, Any]
) -> tuple[list[str], dict[str, bytes], dict[str, str]]:
    """Return arguments, files by their path in the container, and secrets by name.

    Raises:
        InvalidInput: a secret that the image does not have, or a file can't be read.
        NotFound: a file does not exist.
    """
    properties: Mapping[str, Any] = schema.get("properties", {})
    unknown = sorted(set(options.secrets) - set(properties))
    if unknown:
        raise InvalidInput(
            f"The image has no parameter {', '.join(unknown)}.",
            todo=f"its parameters are: {', '.join(properties) or 'none'}",
        )
    secret = {name for name, property_ in properties.items() if property_.get("writeOnly")}
    files: dict[str, bytes] = {}
    pairs, hidden = _pairs(options, secret, files)
    documents = _documents(options, files, hide=bool(secret))
    return [*pairs, *documents], files, {**hidden, **options.secrets}


def _pairs(
    options: RunOptions, secret: set[str], files: dict[str, bytes]
) -> tuple[list[str], dict[str, str]]:
    arguments: list[str] = []
    hidden: dict[str, str] = {}
    for name, text in options.parameters:
        if text.startswith("@") and not text.startswith("@s3://"):
            path, content = _read(text[1:], f"-r {name} {text} gives the text itself")
            if name in secret:
                hidden[name] = _decoded(path, content)
            else:
                arguments += ["-p", name, f"@{_place(files, path.name, content)}"]
        elif name in secret and not text.startswith("@"):
            hidden[name] = text
        else:
            arguments += ["-p", name, text]
    for name, text in options.raw_parameters:
        if name in secret:
            hidden[name] = text
        else:
            arguments += ["-r", name, text]
    return arguments, hidden


def _documents(options: RunOptions, files: dict[str, bytes], *, hide: bool) -> list[str]:
    """The -b, -f and -y, later ones winning as in the image; `hide` makes all of them files."""
    arguments: list[str] = []
    for text in options.base64:
        content = _unwrapped(text) if hide else None
        arguments += ["-b", text] if content is None else ["-f", _place(files, "-b", content)]
    for name in options.files:
        if name.startswith("s3://"):
            arguments += ["-f", name]
        else:
            path, content = _read(name)
            arguments += ["-f", _place(files, path.name, content)]
    for text in options.yaml:
        arguments += ["-f", _place(files, "-y", text.encode())] if hide else ["-y", text]
    return arguments


def _read(name: str, todo: str | None = None) -> tuple[Path, bytes]:
    path = Path(name)
    try:
        path = path.expanduser()
        return path, path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"The file {path} does not exist.", todo=todo) from error
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidInput(f"The file {path} can't be read.", why=str(error), todo=todo) from error


def _decoded(path: Path, content: bytes) -> str:
    try:
        return content.decode()
    except ValueError as error:
        raise InvalidInput(f"The file {path} is no text.", why=str(error)) from error


def _unwrapped(text: str) -> bytes | None:
    """The document in a -b; None for what is none, which the image refuses in its own words."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        return None


def _place(files: dict[str, bytes], name: str, content: bytes) -> str:
    """Add a file under a name that tells the user which one it is."""
    target = f"{CONTRACT_FOLDER}/files/{len(files)}/{name}".encode(errors="replace").decode()
    files[target] = content
    return target
