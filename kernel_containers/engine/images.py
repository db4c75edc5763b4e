"""Images of the engine. Streams raise on an error line and when they end without evidence."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from docker.auth import get_config_header, resolve_repository_name
from docker.errors import DockerException, ImageNotFound

from kernel_containers.core.digest import Digest
from kernel_containers.core.oci import ImageConfig, Platform
from kernel_containers.core.progress import Progress, Report
from kernel_containers.core.reference import ImageReference
from kernel_containers.engine.client import Engine, engine_errors
from kernel_containers.engine.lines import heard, lines
from kernel_containers.errors import NotFound, TryAgain, Unauthorized, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import requests

# The containerd store says so in passing, and names the broken image as loaded all the same.
_NOT_UNPACKED = "Error unpacking image"
_LOADED = re.compile(r"Loaded image(?: ID)?: (.+)")
_REFUSAL = re.compile(r"no basic auth credentials|unauthorized|denied|403 Forbidden")
CHUNK = 1024 * 1024  # bytes read at a time from a saved image


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineImage:
    """An image as the engine describes it; `size` is bytes on its disk."""

    id: Digest
    names: tuple[str, ...]
    repository_digests: tuple[str, ...]
    config: ImageConfig
    size: int


def inspect(engine: Engine, reference: str) -> EngineImage | None:
    """Return the image of a name, digest or id; None where the engine has none.

    Raises:
        Unavailable: the engine does not answer.
    """
    with engine_errors(f"The engine was not able to look up the image {reference}."):
        try:
            found = engine.api.inspect_image(reference)  # type: ignore[no-untyped-call]
        except ImageNotFound:
            return None
    return _read(found)


def _read(found: dict[str, Any]) -> EngineImage:
    config = found.get("Config") or {}
    return EngineImage(
        id=Digest.parse(found["Id"]),
        names=tuple(found.get("RepoTags") or ()),
        repository_digests=tuple(found.get("RepoDigests") or ()),
        size=int(found.get("Size") or 0),
        config=ImageConfig(
            platform=Platform(
                found.get("Os") or "linux",
                found.get("Architecture") or "amd64",
                found.get("Variant") or None,
            ),
            diff_ids=tuple(Digest.parse(layer) for layer in found["RootFS"].get("Layers") or ()),
            created=found.get("Created"),
            user=config.get("User") or "",
            environment=tuple(config.get("Env") or ()),
            entrypoint=tuple(config.get("Entrypoint") or ()),
            command=tuple(config.get("Cmd") or ()),
            working_directory=config.get("WorkingDir") or "/",
            labels=dict(config.get("Labels") or {}),
        ),
    )


def find(engine: Engine, label: str) -> list[EngineImage]:
    """Return the images that carry a label, in no order.

    Raises:
        Unavailable: the engine does not answer.
    """
    with engine_errors("The engine was not able to list its images."):
        ids = {str(item["Id"]) for item in engine.api.images(filters={"label": label})}
    return [image for image in (inspect(engine, image_id) for image_id in ids) if image]


def diff_id_chains(engine: Engine) -> list[tuple[Digest, ...]]:
    """Return the layers of every image that the engine has, lowest layer first.

    Raises:
        Unavailable: the engine does not answer.
    """
    with engine_errors("The engine was not able to list its images."):
        ids = {str(image["Id"]) for image in engine.api.images()}
    images = (inspect(engine, image_id) for image_id in sorted(ids))
    return [image.config.diff_ids for image in images if image]


def names(engine: Engine, repository: str) -> list[str]:
    """Return the names of all images in a repository, with their tags."""
    with engine_errors("The engine was not able to list its images."):
        found = engine.api.images(repository)
    return sorted(name for image in found for name in image.get("RepoTags") or ())


def unused(engine: Engine, label: str) -> list[str]:
    """Return the ids of images with a label that have no name, no digest and no container."""
    with engine_errors("The engine was not able to list its images."):
        found = engine.api.images(filters={"dangling": True, "label": [label]})
        return [str(image["Id"]) for image in found if not _is_wanted(engine, image)]


def _is_wanted(engine: Engine, image: dict[str, Any]) -> bool:
    # What was pulled by its digest has no tag either.
    pulled = any("<none>" not in digest for digest in image.get("RepoDigests") or ())
    return pulled or bool(engine.api.containers(all=True, filters={"ancestor": image["Id"]}))


def pull(engine: Engine, reference: ImageReference, report: Report) -> EngineImage:
    """Make the engine fetch an image and return it.

    Raises:
        NotFound, Unauthorized, Unavailable: the registry's words are the cause.
    """
    what = f"The engine was not able to pull {reference}."
    name = str(ImageReference(reference.repository))
    finished = False
    registry, _ = resolve_repository_name(name)
    with _refusals(registry), engine_errors(what):
        ask = partial(
            request,
            engine,
            "POST",
            "/images/create",
            params={"fromImage": name, "tag": reference.target},
            headers=_credentials(engine, registry),
        )
        layers = _Layers()
        for line in heard(ask, what, lambda: report(layers.last)):
            report(layers.read(line))
            finished = finished or str(line.get("status", "")).startswith("Status: ")
    image = inspect(engine, str(reference)) if finished else None
    if image is None:
        raise Unavailable(what, why="its answer ended before it said that the image is there")
    return image


def _credentials(engine: Engine, registry: str) -> dict[str, bytes]:
    try:
        header = get_config_header(engine.patient, registry)
    except DockerException as error:
        raise Unavailable(
            f"Docker's credentials for {registry} can't be read.",
            why=str(error),
            todo=f"correct Docker's config.json, or sign in again: `docker login {registry}`",
        ) from error
    return {"X-Registry-Auth": header} if header else {}


@contextmanager
def _refusals(registry: str) -> Iterator[None]:
    """The engine has no status of its own for a registry that does not know who asks."""
    try:
        yield
    except NotFound as error:
        todo = error.todo or "check the name and the tag"
        raise NotFound(error.what, why=error.why, todo=todo) from error
    except Unavailable as error:
        if not _REFUSAL.search(error.why or ""):
            raise
        raise Unauthorized(
            error.what,
            why=error.why,
            todo=f"`docker login {registry}`, with an account that may do this",
        ) from error


class _Layers:
    """Adds up the bytes of a pull's layers, which the engine tells one by one."""

    def __init__(self) -> None:
        self._done: dict[str, tuple[int, int]] = {}
        self.last = Progress(stage="pull", message="waiting for the engine")

    def read(self, line: dict[str, Any]) -> Progress:
        detail = line.get("progressDetail") or {}
        if "total" in detail:
            self._done[str(line.get("id"))] = (detail.get("current", 0), detail["total"])
        self.last = Progress(
            stage="pull",
            message=" ".join(filter(None, (line.get("id"), line.get("status")))),
            done=sum(current for current, _ in self._done.values()),
            total=sum(total for _, total in self._done.values()) or None,
            unit="bytes",
        )
        return self.last


def save(engine: Engine, image_ids: Iterable[str]) -> Iterator[bytes]:
    """Yield the bytes of a tar archive with these images, as `docker save` writes it.

    Raises:
        NotFound: an image is not there.
        Unavailable: the stream was cut.
    """
    ids = list(image_ids)
    what = f"The engine was not able to hand out {', '.join(ids)}."
    with engine_errors(what):
        response = request(engine, "GET", "/images/get", params={"names": ids})
        with response:
            yield from response.iter_content(CHUNK)


def load(engine: Engine, chunks: Iterable[bytes]) -> list[str]:
    """Give the engine a tar archive as `docker load` reads it; return the names and ids it tells.

    Raises:
        Unavailable: the engine refused the archive, or its answer has no image.
    """
    what = "The engine was not able to load an image."
    loaded: list[str] = []
    with engine_errors(what):
        response = request(engine, "POST", "/images/load", data=iter(chunks), params={"quiet": "1"})
        with response:
            for line in lines(response, what):
                words = str(line.get("stream", "")).strip()
                if words.startswith(_NOT_UNPACKED):
                    raise Unavailable(what, why=words)
                if found := _LOADED.fullmatch(words):
                    loaded.append(found[1])
    if not loaded:
        raise Unavailable(what, why="its answer ended before it named an image")
    return loaded


def request(engine: Engine, method: str, path: str, **options: Any) -> requests.Response:
    """Send a streaming request that docker-py has no whole method for.

    Its get_image() takes one image only, and its load_image() hides error lines.
    """
    client: Any = engine.patient
    url = client._url(path)  # noqa: SLF001
    response = client.request(method, url, stream=True, timeout=None, **options)
    client._raise_for_status(response)  # noqa: SLF001
    return cast("requests.Response", response)


def tag(engine: Engine, image: str, reference: ImageReference) -> None:
    """Give an image a name; another image that had it loses it.

    Raises:
        NotFound: the image is not there.
    """
    name = str(ImageReference(reference.repository))
    with engine_errors(f"The engine was not able to name the image {reference}."):
        engine.api.tag(image, name, reference.tag or "latest", force=True)


def remove(engine: Engine, image: str) -> bool:
    """Remove a name, or an image by id; False where it was not there or something uses it."""
    try:
        with engine_errors(f"The engine was not able to remove the image {image}."):
            engine.api.remove_image(image)
    except (NotFound, TryAgain):
        return False
    return True


def remove_whole(engine: Engine, image: EngineImage) -> None:
    """Remove an image with all its names, or none of them.

    Raises:
        TryAgain: a container uses it.
        Unavailable: the engine does not answer.
    """
    what = f"The engine was not able to remove the image {image.id.short}."
    with engine_errors(what):
        if engine.api.containers(all=True, filters={"ancestor": str(image.id)}):
            raise TryAgain(what, why="a container uses it", todo="stop its kernel or run first")
        # Without force an id with several names is refused; a container was looked for.
        engine.api.remove_image(str(image.id), force=True)
