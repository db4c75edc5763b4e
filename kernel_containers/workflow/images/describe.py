"""An image's parameters and its packages, from the engine, its registry or a folder."""

from __future__ import annotations

import tarfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel_containers.core.containers import ContainerSpec
from kernel_containers.core.oci_json import read_object
from kernel_containers.core.reference import ImageReference
from kernel_containers.core.scratch import scratch
from kernel_containers.engine import connect, images
from kernel_containers.engine.containers import run_once
from kernel_containers.errors import KernelContainersError, NotFound, Refused, Unavailable
from kernel_containers.image.layout import layout_config, layout_layer
from kernel_containers.image.sbom import NAME, PATH
from kernel_containers.workflow.registries import Registries
from kernel_containers.workflow.runs.submit import may_have_moved, no_image, schema_of

if TYPE_CHECKING:
    from kernel_containers.engine import Engine
    from kernel_containers.engine.images import EngineImage
    from kernel_containers.workflow.settings import Settings


def describe(text: str, settings: Settings) -> dict[str, Any]:
    """Return the JSON Schema of an image's parameters without pulling its layers.

    `text` is a name of the engine, a reference, or `oci:` and a folder.

    Raises:
        NotFound: neither the engine nor the registry has the image.
        InvalidInput: the image was not made by this program.
    """
    if text.startswith("oci:"):
        return schema_of(layout_config(_folder(text)), text)
    name = text.removeprefix("docker:")  # as `containerize --to` has it
    reference = ImageReference.parse(name)
    try:
        with closing(connect()) as engine:
            found = images.inspect(engine, name)
    except KernelContainersError:
        # A registry can answer without an engine; without a registry the engine's error counts.
        if not reference.repository.host:
            raise
        found = None
    if found and not may_have_moved(found, text):
        return schema_of(found.config, name)
    if not reference.repository.host:
        raise no_image(name)
    try:
        return schema_of(Registries(settings).config(reference), name)
    except (NotFound, Refused, Unavailable):
        if not found:
            raise
        return schema_of(found.config, name)


def describe_sbom(text: str, settings: Settings) -> dict[str, Any]:
    """Return the SBOM that an image has in it, without pulling its other layers.

    `text` is a name of the engine, a reference, or `oci:` and a folder.

    Raises:
        NotFound: there is no such image, or it has no SBOM.
        InvalidInput: the image was not made by this program.
    """
    name = text.removeprefix("docker:")
    if text.startswith("oci:"):
        return _read(layout_layer(_folder(text), NAME), text)
    reference = ImageReference.parse(name)
    try:
        with closing(connect()) as engine:
            if found := images.inspect(engine, name):
                schema_of(found.config, text)
                return read_object(_ask(engine, found), f"The SBOM of {text}")
    except (Refused, Unavailable):
        if not reference.repository.host:
            raise
    if not reference.repository.host:
        raise no_image(name)
    with scratch() as folder:
        return _read(Registries(settings).layer(reference, NAME, folder), text)


def _folder(text: str) -> Path:
    return Path(text.removeprefix("oci:")).expanduser()


def _ask(engine: Engine, image: EngineImage) -> bytes:
    """Return the file from a container of the image, which runs nothing but its own Python."""
    script = f"import sys; sys.stdout.buffer.write(open({PATH!r}, 'rb').read())"
    done = run_once(
        engine,
        ContainerSpec(
            image=str(image.id),
            entrypoint=image.config.entrypoint[:1],
            command=("-I", "-S", "-c", script),
            network="none",
        ),
    )
    if done.code:
        raise _no_sbom(str(image.id))
    return done.stdout


def _read(layer: Path | None, text: str) -> dict[str, Any]:
    if layer is None:
        raise _no_sbom(text)
    with tarfile.open(layer) as archive:
        file = archive.extractfile(PATH.lstrip("/"))
        assert file is not None  # noqa: S101 - the layer's only file
        return read_object(file.read(), f"The SBOM of {text}")


def _no_sbom(text: str) -> NotFound:
    return NotFound(
        f"{text} has no SBOM.",
        why="it was not made by kernel-containers, or by an older release",
        todo="containerize its notebook again",
    )
